// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Connection } from "./connection.ts";
import { ClientClosedError, QueueFullError } from "./redis_error.ts";

/** Who may wait for a connection; one more is refused with {@linkcode QueueFullError}. */
export const POOL_WAITERS_MAX = 65_536;
/** Connections that are kept open while nobody uses them. */
const IDLE_MAX = 8;

/** Connections for one user at a time: blocking commands, transactions. */
export class ConnectionPool {
  readonly #open: (signal?: AbortSignal) => Promise<Connection>;
  readonly #max: number;
  readonly #idle: Connection[] = [];
  readonly #used = new Set<Connection>();
  readonly #waiters: PromiseWithResolvers<void>[] = [];
  #opening = 0;
  #closed = false;

  /** Opens connections as they are needed, `max` at most. */
  constructor(open: (signal?: AbortSignal) => Promise<Connection>, max: number) {
    this.#open = open;
    this.#max = max;
  }

  /** Connections that are open. */
  get size(): number {
    return this.#idle.length + this.#used.size;
  }

  /**
   * Lends a connection for as long as `body` runs. One that it leaves in doubt is closed.
   *
   * @param signal Ends the wait for one
   */
  async use<T>(body: (connection: Connection) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const connection = await this.#acquire(signal);
    let isClean = false;
    try {
      const value = await body(connection);
      isClean = true;
      return value;
    } finally {
      this.#release(connection, isClean);
    }
  }

  /** Closes all; who waits is rejected. */
  close(): void {
    this.#closed = true;
    for (const connection of [...this.#idle.splice(0), ...this.#used]) connection.close();
    for (const waiter of this.#waiters.splice(0)) waiter.reject(closedError());
  }

  async #acquire(signal: AbortSignal | undefined): Promise<Connection> {
    for (;;) {
      if (signal?.aborted) {
        this.#waiters.shift()?.resolve();
        throw signal.reason;
      }
      if (this.#closed) throw closedError();
      const idle = this.#idle.pop();
      if (idle !== undefined && !idle.isClosed) {
        this.#used.add(idle);
        return idle;
      }
      if (idle !== undefined) continue;
      if (this.#used.size + this.#opening < this.#max) return await this.#openOne(signal);
      if (this.#waiters.length >= POOL_WAITERS_MAX) {
        throw new QueueFullError(`Cannot wait for a connection: ${POOL_WAITERS_MAX} do already`);
      }
      await this.#turn(signal);
    }
  }

  /** Waits until a connection may be free. */
  async #turn(signal: AbortSignal | undefined): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    const leave = () => {
      const index = this.#waiters.indexOf(waiter);
      // One that was called already takes its turn, and passes it on.
      if (index < 0) return;
      this.#waiters.splice(index, 1);
      waiter.reject(signal!.reason);
    };
    this.#waiters.push(waiter);
    signal?.addEventListener("abort", leave, { once: true });
    try {
      await waiter.promise;
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  async #openOne(signal: AbortSignal | undefined): Promise<Connection> {
    this.#opening++;
    let connection: Connection;
    try {
      connection = await this.#open(signal);
    } catch (error) {
      this.#waiters.shift()?.resolve();
      throw signal?.aborted ? signal.reason : error;
    } finally {
      this.#opening--;
    }
    if (this.#closed) {
      connection.close();
      throw closedError();
    }
    this.#used.add(connection);
    return connection;
  }

  #release(connection: Connection, isClean: boolean): void {
    this.#used.delete(connection);
    const isKept = isClean && !this.#closed && connection.pending === 0 &&
      this.#idle.length < IDLE_MAX;
    if (isKept && !connection.isClosed) this.#idle.push(connection);
    else connection.close();
    this.#waiters.shift()?.resolve();
  }
}

function closedError(): ClientClosedError {
  return new ClientClosedError("Cannot use a connection: the client is closed");
}
