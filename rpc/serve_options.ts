// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import type { CompressionOptions } from "./compression.ts";
import type { Interceptor } from "./handlers.ts";
import type { KeepAliveOptions } from "./keep_alive.ts";

/** Options of {@linkcode serve}. */
export interface ServeOptions {
  /** Stand before every handler, the first one outermost. */
  interceptors?: readonly Interceptor[];
  /**
   * Longest message that is taken, in bytes.
   *
   * @default {67108864}
   */
  messageBytesMax?: number;
  /**
   * Bytes that a stream of requests may send before its handler has taken some.
   *
   * @default {262144}
   */
  windowBytes?: number;
  /**
   * Calls that one connection may have in flight; further ones fail with `RESOURCE_EXHAUSTED`.
   *
   * @default {1024}
   */
  callsPerConnectionMax?: number;
  /**
   * Calls in flight in all.
   *
   * @default {65536}
   */
  callsMax?: number;
  /** Compresses messages when the client does so too; left out for not at all. */
  compression?: CompressionOptions;
  /** When to ask a silent client for a sign of life. */
  keepAlive?: KeepAliveOptions;
  /**
   * Milliseconds that {@linkcode RpcServer.shutdown} gives calls to end. What is still served then
   * loses its connection: its signal aborts and its caller gets `UNAVAILABLE`. A handler that does
   * not heed its signal runs on, but nobody waits for it.
   *
   * @default {10000}
   */
  shutdownGraceMs?: number;
  /** Drains the server when it aborts. */
  signal?: AbortSignal;
  /** Told of every connection that ended with an error. */
  onConnectionError?: (error: unknown) => void;
}

/** Where connections come from: a listener of `net`, of Deno, or any iterable of streams. */
export interface RpcListener extends AsyncIterable<Duplex> {
  /** Takes no more of them. */
  close(): void;
}
