// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Data: how a call can end, with the numbers that travel; names and numbers as gRPC has them.
// deno-fmt-ignore
const CODES = {
  OK:                  0,
  CANCELLED:           1,  // the caller gave up
  UNKNOWN:             2,  // the handler threw something that is no RpcError
  INVALID_ARGUMENT:    3,  // the request is not what the method takes
  DEADLINE_EXCEEDED:   4,  // the time was up first
  NOT_FOUND:           5,
  ALREADY_EXISTS:      6,
  PERMISSION_DENIED:   7,
  RESOURCE_EXHAUSTED:  8,  // too large, too many, too fast
  FAILED_PRECONDITION: 9,
  ABORTED:             10,
  OUT_OF_RANGE:        11,
  UNIMPLEMENTED:       12, // no such service or method
  INTERNAL:            13, // the peer broke the protocol
  UNAVAILABLE:         14, // no connection, or the server drains: another try may help
  DATA_LOSS:           15, // a checksum does not match
  UNAUTHENTICATED:     16,
} satisfies Record<RpcCode | "OK", number>;

/** Name of a way in which a call can fail. */
export type RpcCode =
  | ("CANCELLED" | "UNKNOWN" | "INVALID_ARGUMENT" | "DEADLINE_EXCEEDED" | "NOT_FOUND")
  | ("ALREADY_EXISTS" | "PERMISSION_DENIED" | "RESOURCE_EXHAUSTED" | "FAILED_PRECONDITION")
  | ("ABORTED" | "OUT_OF_RANGE" | "UNIMPLEMENTED" | "INTERNAL" | "UNAVAILABLE" | "DATA_LOSS")
  | "UNAUTHENTICATED";

/**
 * Why a call failed. A handler that throws one answers its caller with just this; whatever else it
 * throws becomes `UNKNOWN`, without the message, which may be nobody else's business.
 *
 * @example A handler that refuses
 * ```ts
 * import { RpcError } from "@photon/std/rpc";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * function get(key: string): never {
 *   throw new RpcError("NOT_FOUND", `Cannot get ${key}: it is not there`);
 * }
 * assertEquals(assertThrows(() => get("a"), RpcError).code, "NOT_FOUND");
 * ```
 */
export class RpcError extends Error {
  /** The name of the class. */
  override readonly name = "RpcError";
  /** What went wrong. */
  readonly code: RpcCode;
  /** Bytes of the application, told by the peer or for it; empty for none. */
  readonly details: Uint8Array;
  /** Whether no handler has seen the call: to call again is safe, whatever it does. */
  readonly unserved: boolean;

  /** An error to throw, or one that came from the peer. */
  constructor(code: RpcCode, message: string, options: RpcErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? NO_BYTES;
    this.unserved = options.unserved ?? false;
  }
}

/** What an {@linkcode RpcError} may carry. */
export interface RpcErrorOptions {
  /** Bytes for the caller's program, {@linkcode DETAILS_BYTES_MAX} at most. */
  details?: Uint8Array;
  /** What it was thrown for; it does not travel. */
  cause?: unknown;
  /**
   * Whether no handler has seen the call; set by the library.
   *
   * @default {false}
   */
  unserved?: boolean;
}

/** Longest details that travel with an error; longer ones are cut off. */
export const DETAILS_BYTES_MAX = 16_384;

const NO_BYTES = new Uint8Array(0);
const NAMES = new Map<number, RpcCode>(
  Object.entries(CODES).slice(1).map(([name, number]) => [number, name as RpcCode]),
);

/** The number of a code on the wire. */
export function codeNumber(code: RpcCode): number {
  return CODES[code];
}

/** The code of a number from the wire; `UNKNOWN` for one that is none. */
export function codeName(number: number): RpcCode {
  return NAMES.get(number) ?? "UNKNOWN";
}

/** What to tell a caller about anything thrown. */
export function asRpcError(thrown: unknown): RpcError {
  if (thrown instanceof RpcError) return thrown;
  if (thrown instanceof Deno.errors.TimedOut || isAbort(thrown, "TimeoutError")) {
    return new RpcError("DEADLINE_EXCEEDED", "Cannot call: the time is up", { cause: thrown });
  }
  if (isAbort(thrown, "AbortError")) {
    return new RpcError("CANCELLED", "Cannot call: it was given up", { cause: thrown });
  }
  if (thrown instanceof Deno.errors.Busy) {
    return new RpcError("RESOURCE_EXHAUSTED", thrown.message, { cause: thrown });
  }
  return new RpcError("UNKNOWN", "Cannot call: the handler failed", { cause: thrown });
}

function isAbort(thrown: unknown, name: string): boolean {
  return thrown instanceof DOMException && thrown.name === name;
}
