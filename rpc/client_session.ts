// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Caller } from "./client.ts";
import type { CompressionOptions } from "./compression.ts";
import type { KeepAliveOptions } from "./keep_alive.ts";
import { RpcError } from "./rpc_error.ts";

/** Bounds of one connection, and who is told of its end. */
export interface SessionOptions {
  /** Longest message that is taken. */
  messageBytesMax: number;
  /** Bytes that a stream may send before its reader has taken some. */
  windowBytes: number;
  /** Calls in flight at most. */
  callsMax: number;
  /** When messages are compressed. */
  compression?: CompressionOptions | undefined;
  /** When to ask a silent server for a sign of life. */
  keepAlive?: KeepAliveOptions | undefined;
  /** The connection is over. */
  ended?: ((error: unknown) => void) | undefined;
  /** The server takes no more calls on it. */
  draining?: (() => void) | undefined;
}

/** The client's side of one connection, whatever framing it speaks. */
export interface ClientSession extends Caller {
  /** Calls in flight. */
  readonly size: number;
  /** Whether it takes new calls. */
  readonly usable: boolean;
  /** Resolves when the server has given a sign of life. */
  ping(): Promise<void>;
  /** Takes no more calls, and ends when those in flight are answered. */
  retire(): void;
  /** Ends it; calls in flight fail with `UNAVAILABLE`. */
  close(error?: unknown): void;
}

/** The error of calls on a connection that is over. */
export function closedError(cause?: unknown): RpcError {
  return new RpcError("UNAVAILABLE", "Cannot call: the connection is closed", { cause });
}

/** The error of a call that was not even sent. */
export function unsentError(cause?: unknown): RpcError {
  const text = "Cannot call: there is no connection";
  return new RpcError("UNAVAILABLE", text, { cause, unserved: true });
}
