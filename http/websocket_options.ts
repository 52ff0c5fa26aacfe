// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { WebSocketCompression } from "./websocket_deflate.ts";
import type { DeflateAgreement } from "./websocket_extension.ts";
import type { WebSocketLinkOptions } from "./websocket_link.ts";

/** What both sides of a WebSocket may be told beyond what Deno's have. */
export interface WebSocketLimits {
  /**
   * Bytes of a message, as it comes and decompressed: the connection fails with 1009 beyond.
   *
   * @default {67108864}
   */
  messageBytesMax?: number;
  /**
   * Bytes of messages that may wait for the peer: the next `send` beyond ends the connection.
   *
   * @default {67108864}
   */
  bufferedBytesMax?: number;
  /**
   * Compresses messages where the peer does so too (permessage-deflate, RFC 7692). As in Deno it is
   * off unless it is asked for.
   *
   * @default {false}
   */
  compression?: boolean | WebSocketCompression;
}

/** Options of {@linkcode WebSocket} beyond the protocols. */
export interface WebSocketOptions extends WebSocketLimits {
  /** Protocols, best first. */
  protocols?: string | string[];
  /** Further header fields of the request. */
  headers?: HeadersInit;
  /** Who may have signed the server's certificate, in PEM, beside those that the system trusts. */
  caCerts?: string[];
  /**
   * Seconds without a sign of the server after which it is taken to be gone; 0 for any.
   *
   * @default {0}
   */
  idleTimeout?: number;
}

/** {@linkcode WebSocketLimits} with all that was left out. */
export interface CheckedLimits {
  /** Bytes of a message. */
  readonly messageBytesMax: number;
  /** Bytes that may wait. */
  readonly bufferedBytesMax: number;
  /** How to compress; null for not at all. */
  readonly compression: WebSocketCompression | null;
}

const MESSAGE_BYTES_MAX = 67_108_864;
const BUFFERED_BYTES_MAX = 67_108_864;
const BYTES_LIMIT = 2 ** 31 - 1;

// Data: smallest and largest value of each number.
const RANGES = {
  minBytes: [0, Infinity],
  level: [1, 9],
  windowBits: [8, 15],
  peerWindowBits: [8, 15],
} as const;

/**
 * Adds the defaults.
 *
 * @throws {RangeError} when a number is out of its range
 */
export function checkWebSocketLimits(limits: WebSocketLimits): CheckedLimits {
  const { messageBytesMax = MESSAGE_BYTES_MAX, bufferedBytesMax = BUFFERED_BYTES_MAX } = limits;
  check("messageBytesMax", messageBytesMax, 1, BYTES_LIMIT);
  check("bufferedBytesMax", bufferedBytesMax, 1, BYTES_LIMIT);
  const { compression = false } = limits;
  if (compression === false) return { messageBytesMax, bufferedBytesMax, compression: null };
  const wanted = compression === true ? {} : compression;
  for (const name of Object.keys(RANGES) as (keyof typeof RANGES)[]) {
    const value = wanted[name];
    const [min, max] = RANGES[name];
    if (value !== undefined) check(`compression.${name}`, value, min, max);
  }
  return { messageBytesMax, bufferedBytesMax, compression: wanted };
}

function check(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max && (Number.isInteger(value) || value === Infinity)) return;
  throw new RangeError(
    `Cannot open WebSocket: ${name} must be an integer in ${min}..${max}, received ${value}`,
  );
}

/** How a connection that is there already is made a WebSocket. */
export interface AdoptedWebSocket {
  /** The protocol that was agreed on. */
  readonly protocol: string;
  /** How both sides compress. */
  readonly deflate: DeflateAgreement | null;
  /** Bounds. */
  readonly limits: CheckedLimits;
  /** Seconds without a sign of the peer. */
  readonly idleTimeout: number;
}

/** What a connection is told of it. */
export function linkOptions(
  isClient: boolean,
  { deflate, limits, idleTimeout }: AdoptedWebSocket,
): WebSocketLinkOptions {
  const { messageBytesMax, bufferedBytesMax, compression } = limits;
  return {
    isClient,
    messageBytesMax,
    bufferedBytesMax,
    idleTimeout,
    deflate: deflate && {
      send: isClient ? deflate.client : deflate.server,
      receive: isClient ? deflate.server : deflate.client,
      level: compression?.level ?? DEFLATE_LEVEL,
      minBytes: compression?.minBytes ?? DEFLATED_BYTES_MIN,
    },
  };
}

const DEFLATE_LEVEL = 6;
const DEFLATED_BYTES_MIN = 1024;
