// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CompressionOptions } from "./compression.ts";
import type { BoundMethod } from "./handlers.ts";
import type { RpcError } from "./rpc_error.ts";

/** Bounds of a server. */
export interface ServerLimits {
  /** Longest message that is taken. */
  messageBytesMax: number;
  /** Bytes that a stream may send before its handler has taken some. */
  windowBytes: number;
  /** When messages are compressed. */
  compression?: CompressionOptions | undefined;
}

/** The server, as its connections see it. */
export interface ServerOwner {
  /** Bounds. */
  readonly limits: ServerLimits;
  /** The method of these numbers, or why there is none. */
  find(serviceId: number, methodId: number): BoundMethod | RpcError;
  /** A call comes, beside so many on its connection; null, or why it is refused. */
  enter(callsOfConnection: number): RpcError | null;
  /** A call has ended. */
  left(): void;
  /** A connection has ended. */
  ended(session: ServerSession, error: unknown): void;
}

/** The server's side of one connection, whatever framing it speaks. */
export interface ServerSession {
  /** Calls being served. */
  readonly size: number;
  /** Serves until the connection ends. */
  run(first: Uint8Array): Promise<void>;
  /** Takes no more calls, answers those that are there, and closes. */
  drain(): Promise<void>;
  /** Ends the connection at once. */
  close(): void;
}
