// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CompressionOptions } from "./compression.ts";
import type { KeepAliveOptions } from "./keep_alive.ts";

/** Options of {@linkcode RpcChannel}. */
export interface RpcChannelOptions {
  /**
   * What is spoken: `native`, or `photon` with a C++ server.
   *
   * @default {"native"}
   */
  framing?: "native" | "photon";
  /**
   * Longest message that is taken, in bytes.
   *
   * @default {67108864}
   */
  messageBytesMax?: number;
  /**
   * Bytes that a stream of replies may send before its reader has taken some.
   *
   * @default {262144}
   */
  windowBytes?: number;
  /**
   * Calls in flight at most; one more fails with `RESOURCE_EXHAUSTED`.
   *
   * @default {65536}
   */
  callsMax?: number;
  /** Compresses messages when the server does so too; left out for not at all. */
  compression?: CompressionOptions;
  /** When to ask a silent server for a sign of life; the photon framing cannot ask. */
  keepAlive?: KeepAliveOptions;
  /** Told when the connection is over; `error` is null when the server closed it in order. */
  onEnd?: (error: unknown) => void;
}
