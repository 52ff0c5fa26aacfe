// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { FieldLimits } from "./field_section.ts";

/**
 * What a peer may ask of a server. Where a limit is reached the answer says so, and the connection
 * closes.
 */
export interface ServeLimits {
  /**
   * Bytes of a request's head, all lines together: 431 beyond.
   *
   * @default {16384}
   */
  headerBytesMax?: number;
  /**
   * Header fields of a request, and trailer fields: 431 beyond.
   *
   * @default {128}
   */
  headerCountMax?: number;
  /**
   * Bytes of a request's target: 414 beyond.
   *
   * @default {8192}
   */
  urlBytesMax?: number;
  /**
   * Bytes of a request's body: 413 beyond.
   *
   * @default {Infinity}
   */
  bodyBytesMax?: number;
  /**
   * Requests on one connection, which closes after the last.
   *
   * @default {Infinity}
   */
  requestsPerConnection?: number;
  /**
   * Connections at a time; more wait in the kernel's backlog until one closes.
   *
   * @default {16000}
   */
  connectionsMax?: number;
  /**
   * Milliseconds that the head of a request may take from its first byte: 408 beyond. 0 for any.
   *
   * @default {30000}
   */
  headerTimeoutMs?: number;
  /**
   * Milliseconds without a byte of a body that is waited for: 408 beyond, or the end of the
   * connection when the response has begun. 0 for any.
   *
   * @default {60000}
   */
  bodyTimeoutMs?: number;
  /**
   * Milliseconds that a connection may be idle between requests, and a client may take no byte of
   * its response. 0 for any.
   *
   * @default {75000}
   */
  idleTimeoutMs?: number;
}

/** All limits, with their defaults. */
export const DEFAULT_LIMITS: Required<ServeLimits> = {
  headerBytesMax: 16_384,
  headerCountMax: 128,
  urlBytesMax: 8192,
  bodyBytesMax: Infinity,
  requestsPerConnection: Infinity,
  connectionsMax: 16_000,
  headerTimeoutMs: 30_000,
  bodyTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
};

/** What a client takes of the head of a response: more than of a request, as servers send more. */
export const RESPONSE_LIMITS: FieldLimits = { headerBytesMax: 65_536, headerCountMax: 256 };

// Data: smallest and largest value of each.
// deno-fmt-ignore
const RANGES: Record<keyof ServeLimits, readonly [number, number]> = {
  headerBytesMax:        [64, 1_048_576],
  headerCountMax:        [1, 8192],
  urlBytesMax:           [1, 1_048_576],
  bodyBytesMax:          [0, Infinity],
  requestsPerConnection: [1, Infinity],
  connectionsMax:        [1, 16_000],
  headerTimeoutMs:       [0, 2 ** 31 - 1],
  bodyTimeoutMs:         [0, 2 ** 31 - 1],
  idleTimeoutMs:         [0, 2 ** 31 - 1],
};

/**
 * Adds the defaults.
 *
 * @throws {RangeError} when a limit is out of its range
 */
export function checkLimits(limits: ServeLimits = {}): Required<ServeLimits> {
  const all = { ...DEFAULT_LIMITS };
  for (const name of Object.keys(RANGES) as (keyof ServeLimits)[]) {
    const value = limits[name];
    if (value === undefined) continue;
    const [min, max] = RANGES[name];
    const counts = Number.isInteger(value) || value === Infinity;
    if (!(value >= min && value <= max && (counts || name.endsWith("Ms")))) {
      throw new RangeError(
        `Cannot serve: limits.${name} must be in ${min}..${max}, received ${value}`,
      );
    }
    all[name] = value;
  }
  return all;
}
