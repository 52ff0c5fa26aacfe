// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isReusable } from "./idle_check.ts";

/** Options of {@linkcode ConnectionPool}; the numbers are for each endpoint. */
export interface ConnectionPoolOptions<E, C extends Closable> {
  /** Connects to an endpoint; by default {@linkcode connect} does. */
  connect?: (endpoint: E, signal: AbortSignal) => Promise<C>;
  /** What tells endpoints apart. Default: transport, host and port, or path. */
  key?: (endpoint: E) => string;
  /**
   * Whether an idle connection can still be used. Default: it is open, and nothing came unasked.
   */
  check?: (conn: C) => boolean | Promise<boolean>;
  /**
   * Connections that are kept open once there are so many.
   *
   * @default {0}
   */
  min?: number;
  /**
   * Connections at most; who finds all in use waits.
   *
   * @default {16}
   */
  max?: number;
  /**
   * Milliseconds after which an unused connection is closed.
   *
   * @default {30000}
   */
  idleTimeMs?: number;
  /**
   * Milliseconds after which a connection is not used again.
   *
   * @default {Infinity}
   */
  ageMs?: number;
  /**
   * Milliseconds that a connect may take, and a {@linkcode ConnectionPoolOptions.check}; one that
   * takes longer is a no.
   *
   * @default {10000}
   */
  connectTimeoutMs?: number;
  /**
   * Who may wait for a connection; one more is refused with `Deno.errors.Busy`.
   *
   * @default {1024}
   */
  waitersMax?: number;
}

/** Options of {@linkcode ConnectionPool.acquire}. */
export interface AcquireOptions {
  /** Gives up: rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Milliseconds to wait at most; then it rejects with `Deno.errors.TimedOut`. */
  timeoutMs?: number;
}

/** What a pool can hold: anything that closes. */
export interface Closable {
  /** Closes it. */
  close(): void;
}

/** The rules of a pool, with nothing left out. */
export type PoolRules<C> = Required<
  Pick<
    ConnectionPoolOptions<never, C & Closable>,
    "min" | "max" | "idleTimeMs" | "ageMs" | "connectTimeoutMs" | "waitersMax" | "check"
  >
>;

/**
 * The rules that options make.
 *
 * @throws {RangeError} when a number is out of range
 */
export function checkedRules<E, C extends Closable>(
  options: ConnectionPoolOptions<E, C>,
): PoolRules<C> {
  const { min = 0, max = 16, idleTimeMs = 30_000, ageMs = Infinity } = options;
  const { connectTimeoutMs = 10_000, waitersMax = 1024, check = isReusable } = options;
  requireThat("max", max, Number.isInteger(max) && max >= 1);
  requireThat("min", min, Number.isInteger(min) && min >= 0 && min <= max);
  requireThat("idleTimeMs", idleTimeMs, idleTimeMs >= 0);
  requireThat("ageMs", ageMs, ageMs > 0);
  requireThat("connectTimeoutMs", connectTimeoutMs, connectTimeoutMs > 0);
  requireThat("waitersMax", waitersMax, Number.isInteger(waitersMax) && waitersMax >= 0);
  return { min, max, idleTimeMs, ageMs, connectTimeoutMs, waitersMax, check };
}

function requireThat(name: string, value: number, holds: boolean): void {
  if (!holds) {
    throw new RangeError(`Cannot make a pool: ${name} is out of range, received ${value}`);
  }
}
