// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";
import type { ConnectOptions, UnixConnectOptions } from "./addr.ts";
import type { TcpConn, UnixConn } from "./conn.ts";
import { connect } from "./connect.ts";
import { EndpointPool } from "./endpoint_pool.ts";
import {
  type AcquireOptions,
  checkedRules,
  type Closable,
  type ConnectionPoolOptions,
  type PoolRules,
} from "./pool_options.ts";

/** Endpoints that a pool knows at most; one more is refused with `Deno.errors.Busy`. */
export const ENDPOINTS_MAX = 65_536;
/** Pause between two looks for connections that were idle for too long. */
export const SWEEP_MS = 1_000;

/** A connection of one's own until it is given back; `using` gives it back. */
export interface PooledConnection<C> extends Disposable {
  /** The connection. */
  readonly conn: C;
  /** Gives it back to be used again. Nothing may be unread or on its way then. */
  release(): void;
  /** Gives it back to be closed: after an error, or in the middle of an answer. */
  discard(): void;
}

/** The endpoints that {@linkcode connect} can reach. */
export type Endpoint = ConnectOptions | UnixConnectOptions;

/**
 * Connections that are used again, by endpoint: none is shared, the one that was used last is used
 * next, and each is looked at before it is used again. A dead endpoint costs its own callers an
 * error each and nobody else anything.
 *
 * Idle connections do not keep the process alive.
 *
 * @example Ask twice over one connection
 * ```ts
 * import { ConnectionPool, listen } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await using pool = new ConnectionPool();
 * const endpoint = { hostname: "127.0.0.1", port: listener.addr.port };
 * for (let round = 0; round < 2; round++) {
 *   using lease = await pool.acquire(endpoint, { timeoutMs: 1000 });
 *   await lease.conn.write(new Uint8Array([round]));
 * }
 * assertEquals(pool.statistics(endpoint), { idle: 1, leased: 0, connecting: 0, waiting: 0 });
 * ```
 */
export class ConnectionPool<E = Endpoint, C extends Closable = TcpConn | UnixConn>
  implements AsyncDisposable {
  readonly #rules: PoolRules<C>;
  readonly #connect: (endpoint: E, signal: AbortSignal) => Promise<C>;
  readonly #key: (endpoint: E) => string;
  readonly #pools: Map<string, EndpointPool<C>> = new Map();
  #stopSweep: (() => void) | null = null;
  #closing: Promise<void> | null = null;

  /**
   * An empty pool.
   *
   * @throws {RangeError} when a number is out of range
   */
  constructor(options: ConnectionPoolOptions<E, C> = {}) {
    this.#rules = checkedRules(options);
    // Without functions of its own a pool is one of what `connect` takes and gives.
    this.#connect = options.connect ?? connectDefault as unknown as Connect<E, C>;
    this.#key = options.key ?? keyDefault as unknown as (endpoint: E) => string;
  }

  /**
   * A connection of one's own: one that is idle, a new one below the bound, or else the next that
   * is given back, first come first served.
   *
   * @throws {Deno.errors.TimedOut} when none was to be had in time
   * @throws {Deno.errors.Busy} when too many wait already
   * @throws {Deno.errors.BadResource} when the pool is closed, also while waiting
   * @throws {Error} what the connect throws
   */
  async acquire(endpoint: E, options: AcquireOptions = {}): Promise<PooledConnection<C>> {
    const pool = this.#poolOf(endpoint);
    const member = await pool.acquire(options);
    let returned = false;
    const giveBack = (broken: boolean) => {
      if (returned) return;
      returned = true;
      pool.release(member, broken);
    };
    const release = () => giveBack(false);
    return { conn: member.conn, release, discard: () => giveBack(true), [Symbol.dispose]: release };
  }

  /** Runs a function with a connection, which is used again unless the function throws. */
  async use<T>(
    endpoint: E,
    run: (conn: C) => Promise<T>,
    options: AcquireOptions = {},
  ): Promise<T> {
    const lease = await this.acquire(endpoint, options);
    try {
      const value = await run(lease.conn);
      lease.release();
      return value;
    } catch (error) {
      lease.discard();
      throw error;
    }
  }

  /** Opens connections to an endpoint until there are `count`, `min` by default. */
  async warm(endpoint: E, count: number = this.#rules.min): Promise<void> {
    await this.#poolOf(endpoint).fill(Math.min(count, this.#rules.max));
  }

  /** What there is for an endpoint. */
  statistics(endpoint: E): { idle: number; leased: number; connecting: number; waiting: number } {
    return this.#pools.get(this.#key(endpoint))?.counts ??
      { idle: 0, leased: 0, connecting: 0, waiting: 0 };
  }

  /** Takes no more requests, closes what is idle, and resolves when the rest was given back. */
  close(): Promise<void> {
    return this.#closing ??= this.#close();
  }

  /** {@linkcode ConnectionPool.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#stopSweep?.();
    this.#stopSweep = null;
    const reason = new Deno.errors.BadResource(CLOSED);
    await Promise.all([...this.#pools.values()].map((pool) => pool.drain(reason)));
    this.#pools.clear();
  }

  #poolOf(endpoint: E): EndpointPool<C> {
    if (this.#closing) throw new Deno.errors.BadResource(CLOSED);
    const key = this.#key(endpoint);
    let pool = this.#pools.get(key);
    if (pool) return pool;
    if (this.#pools.size >= ENDPOINTS_MAX) {
      throw new Deno.errors.Busy(
        `Cannot acquire a connection: ${ENDPOINTS_MAX} endpoints are known`,
      );
    }
    pool = new EndpointPool(this.#rules, (signal) => this.#connect(endpoint, signal));
    this.#pools.set(key, pool);
    if (this.#stopSweep === null) this.#sweepLater();
    return pool;
  }

  #sweepLater(): void {
    this.#stopSweep = startTimer(SWEEP_MS, () => {
      this.#stopSweep = null;
      const nowMs = performance.now();
      for (const [key, pool] of this.#pools) {
        pool.sweep(nowMs);
        if (pool.empty) this.#pools.delete(key);
      }
      if (this.#pools.size > 0 && !this.#closing) this.#sweepLater();
    });
  }
}

type Connect<E, C> = (endpoint: E, signal: AbortSignal) => Promise<C>;

const CLOSED = "Pool has been closed";

function connectDefault(endpoint: Endpoint, signal: AbortSignal): Promise<TcpConn | UnixConn> {
  if (endpoint.transport === "unix") return connect({ ...endpoint, signal });
  return connect({ ...endpoint, signal });
}

function keyDefault(endpoint: Endpoint): string {
  if (endpoint.transport === "unix") return `unix ${endpoint.path}`;
  return `tcp ${endpoint.hostname ?? "127.0.0.1"} ${endpoint.port}`;
}
