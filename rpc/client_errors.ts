// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CallOptions } from "./call_options.ts";
import { asRpcError, RpcError } from "./rpc_error.ts";

/** The error of a call whose reply is longer than is taken. */
export const OVERSIZED = new RpcError("RESOURCE_EXHAUSTED", "Cannot take reply: it is too long");

/** Ends a connection whose server does not answer. */
export const SILENT = new RpcError("UNAVAILABLE", "Cannot call: the server gives no sign of life");

/** Ends a stream whose reader left; nobody sees it. */
export const ABANDONED = new RpcError("CANCELLED", "Cannot go on: the reader has left");

/** What a caller is told whose own stream of requests failed; a wrong message says why itself. */
export function requestsFailed(cause: unknown): unknown {
  const isTold = cause instanceof RpcError || cause instanceof TypeError ||
    cause instanceof RangeError;
  return isTold ? cause : new RpcError("CANCELLED", "Cannot call: its requests failed", { cause });
}

/** The error of a call whose reply is not of its type. */
export function undecodable(cause: unknown): RpcError {
  return new RpcError("INTERNAL", "Cannot decode reply: the server sent another type", { cause });
}

/** Ends a connection whose server does not keep to the protocol. */
export function unexpected(kind: number): RpcError {
  return new RpcError("INTERNAL", `Cannot go on: the server sent a frame of kind ${kind}`);
}

/** What a caller is told: its own signal's reason as it is, all else as an RpcError. */
export function callError(error: unknown, options: CallOptions | undefined): unknown {
  if (options?.signal?.aborted && error === options.signal.reason) return error;
  if (error instanceof TypeError || error instanceof RangeError) return error;
  return asRpcError(error);
}
