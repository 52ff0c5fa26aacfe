// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";
import { ClientConnection } from "./client_connection.ts";
import type { ClientConnectionOwner } from "./client_connection_owner.ts";
import type { ClientExchange } from "./client_exchange.ts";
import type { ClientLimits } from "./client_options.ts";
import type { ClientResponse } from "./client_response.ts";
import type { AnswerNotes } from "./response_notes.ts";
import type { Transport } from "./transport.ts";
import type { TurnClock } from "./turn_clock.ts";

/** What a pool needs of its client. */
export interface PoolOwner {
  /** The time. */
  readonly clock: TurnClock;
  /** All limits. */
  readonly limits: ClientLimits;
  /** Whether compressed bodies are decoded. */
  readonly decodes: boolean;
  /** A deadline nearer than those known came up. */
  noteDeadline(deadlineMs: number): void;
  /** A final response came, at least its head. */
  answered(exchange: ClientExchange, response: ClientResponse, notes: AnswerNotes): void;
  /** There will be no response. */
  failed(exchange: ClientExchange, cause: unknown): void;
}

/** Connects to where a pool's requests go. */
export type Dial = (signal: AbortSignal) => Promise<Transport>;

/**
 * The connections to one origin, and those who wait for one.
 *
 * ```
 *   send -> idle? ----------------------------------------------------> sent
 *             no -> a busy one that may be pipelined on? -------------> sent
 *                     no -> waits, and below the bound a dial begins
 *   a connection is free, or dialled -> the oldest that waits, else idle: the last used on top
 * ```
 *
 * All of it is synchronous: an idle connection costs no promise.
 */
export class ClientPool implements ClientConnectionOwner<ClientConnection> {
  readonly clock: TurnClock;
  readonly limits: ClientLimits;
  /** For its connections. */
  readonly decodes: boolean;
  readonly #owner: PoolOwner;
  readonly #dial: Dial;
  readonly #all: Set<ClientConnection> = new Set();
  readonly #idle: ClientConnection[] = [];
  readonly #waiting: Set<ClientExchange> = new Set();
  readonly #dials: Set<AbortController> = new Set();
  #waited = 0;

  /** A pool of connections that `dial` makes. */
  constructor(owner: PoolOwner, dial: Dial) {
    this.#owner = owner;
    this.clock = owner.clock;
    this.limits = owner.limits;
    this.decodes = owner.decodes;
    this.#dial = dial;
  }

  /** What there is. */
  get counts(): { idle: number; busy: number; connecting: number; waiting: number } {
    return {
      idle: this.#idle.length,
      busy: this.#all.size - this.#idle.length,
      connecting: this.#dials.size,
      waiting: this.#waiting.size,
    };
  }

  /** Whether there is nothing to remember. */
  get empty(): boolean {
    return this.#all.size === 0 && this.#waiting.size === 0 && this.#dials.size === 0;
  }

  /** Sends a request as soon as there is a connection for it. */
  send(exchange: ClientExchange): void {
    const connection = this.#idle.pop();
    if (connection !== undefined) return connection.send(exchange);
    const { pipelining, waitersMax, queueTimeoutMs, connectionsMax } = this.limits;
    if (pipelining > 1 && exchange.repeatable && exchange.request.content === null) {
      for (const busy of this.#all) {
        if (busy.takesMore(pipelining)) return busy.send(exchange);
      }
    }
    // Those for whom a connection is being made wait for that, and for nobody.
    const isFull = this.#dials.size + this.#all.size >= connectionsMax;
    if (isFull && this.#waiting.size - this.#dials.size >= waitersMax) {
      const reason = `Cannot fetch: ${waitersMax} requests wait for a connection`;
      return this.#owner.failed(exchange, new Deno.errors.Busy(reason));
    }
    exchange.number = ++this.#waited;
    exchange.connection = null;
    this.#waiting.add(exchange);
    this.#noteWait(exchange, queueTimeoutMs);
    this.#dialForWaiting();
  }

  /** The caller gave it up. */
  withdraw(exchange: ClientExchange): void {
    if (!this.#waiting.delete(exchange)) exchange.connection?.abandon(exchange);
    // A dial that nobody waits for is not needed: most often it is under way to nowhere.
    if (this.#waiting.size === 0) this.#stopDials();
  }

  /** Ends what has taken too long; says when to look again. */
  sweep(nowMs: number): number {
    let nextMs = Infinity;
    for (const connection of [...this.#all]) {
      if (connection.deadlineMs <= nowMs) connection.expire(nowMs);
      nextMs = Math.min(nextMs, connection.deadlineMs);
    }
    for (const exchange of [...this.#waiting]) {
      const deadlineMs = Math.min(exchange.waitDeadlineMs, exchange.deadlineMs);
      if (deadlineMs > nowMs) nextMs = Math.min(nextMs, deadlineMs);
      else this.#expireWait(exchange);
    }
    return nextMs;
  }

  /** Closes what is idle. */
  closeIdle(): void {
    for (const connection of [...this.#idle]) connection.close(new Deno.errors.BadResource(CLOSED));
  }

  /** Closes everything; what is under way fails. */
  close(): void {
    const cause = new Deno.errors.BadResource(CLOSED);
    this.#stopDials();
    for (const exchange of [...this.#waiting]) this.#owner.failed(exchange, cause);
    this.#waiting.clear();
    for (const connection of [...this.#all]) connection.close(cause);
  }

  /** For a connection: passes on. */
  noteDeadline(deadlineMs: number): void {
    this.#owner.noteDeadline(deadlineMs);
  }

  /** For a connection: passes on. */
  answered(exchange: ClientExchange, response: ClientResponse, notes: AnswerNotes): void {
    this.#owner.answered(exchange, response, notes);
  }

  /** For a connection: what the server has not seen, or may see twice, is sent once more. */
  failed(exchange: ClientExchange, cause: unknown, unserved: boolean): void {
    if (unserved && !exchange.settled && !exchange.retried && exchange.repeatable) {
      exchange.retried = true;
      return this.#sendAnew(exchange);
    }
    this.#owner.failed(exchange, cause);
  }

  /** For a connection: it can take another request. */
  released(connection: ClientConnection): void {
    const { pipelining } = this.limits;
    while (this.#waiting.size > 0) {
      const [exchange] = this.#waiting;
      const follows = exchange.repeatable && exchange.request.content === null;
      if (connection.busy && !(follows && connection.takesMore(pipelining))) return;
      this.#waiting.delete(exchange);
      connection.send(exchange);
      if (pipelining === 1) return;
    }
    if (connection.busy) return;
    connection.idle = true;
    this.#idle.push(connection);
    connection.unhold();
  }

  /** For a connection: it is over. */
  closed(connection: ClientConnection): void {
    this.#all.delete(connection);
    if (connection.idle) {
      connection.idle = false;
      const at = this.#idle.indexOf(connection);
      if (at >= 0) this.#idle.splice(at, 1);
    }
    if (this.#waiting.size > 0) queueMicrotask(() => this.#dialForWaiting());
  }

  /** On a connection of its own: others that were idle may be gone as well. */
  #sendAnew(exchange: ClientExchange): void {
    exchange.connection = null;
    exchange.number = ++this.#waited;
    this.#waiting.add(exchange);
    this.#dialForWaiting();
  }

  #noteWait(exchange: ClientExchange, queueTimeoutMs: number): void {
    exchange.waitDeadlineMs = queueTimeoutMs === 0 ? Infinity : this.clock.nowMs + queueTimeoutMs;
    const deadlineMs = Math.min(exchange.waitDeadlineMs, exchange.deadlineMs);
    if (deadlineMs < Infinity) this.#owner.noteDeadline(deadlineMs);
  }

  #expireWait(exchange: ClientExchange): void {
    this.#waiting.delete(exchange);
    const { queueTimeoutMs, timeoutMs } = this.limits;
    const limitMs = exchange.waitDeadlineMs < exchange.deadlineMs ? queueTimeoutMs : timeoutMs;
    const reason = `Cannot fetch: no connection was free within ${limitMs} ms`;
    this.#owner.failed(exchange, new Deno.errors.TimedOut(reason));
    if (this.#waiting.size === 0) this.#stopDials();
  }

  /** As many dials as there are waiters, below the bound; each failure ends one wait. */
  #dialForWaiting(): void {
    const { connectionsMax } = this.limits;
    while (
      this.#dials.size < this.#waiting.size &&
      this.#dials.size + this.#all.size < connectionsMax
    ) this.#connect();
  }

  async #connect(): Promise<void> {
    const { connectTimeoutMs } = this.limits;
    const began = this.#waited;
    const controller = new AbortController();
    this.#dials.add(controller);
    const stop = connectTimeoutMs === 0 ? () => {} : startTimer(connectTimeoutMs, () => {
      const reason = `Cannot connect: no answer within ${connectTimeoutMs} ms`;
      controller.abort(new Deno.errors.TimedOut(reason));
    });
    try {
      const transport = await this.#dial(controller.signal);
      this.#dials.delete(controller);
      this.#adopt(transport);
    } catch (error) {
      this.#dials.delete(controller);
      this.#dialFailed(error, began);
    } finally {
      stop();
    }
  }

  #adopt(transport: Transport): void {
    const connection = new ClientConnection(this, transport);
    this.#all.add(connection);
    this.released(connection);
  }

  #dialFailed(error: unknown, began: number): void {
    const [exchange] = this.#waiting;
    if (exchange !== undefined && exchange.number <= began) {
      this.#waiting.delete(exchange);
      this.#owner.failed(exchange, error);
    }
    this.#dialForWaiting();
  }

  #stopDials(): void {
    for (const controller of this.#dials) controller.abort(GIVEN_UP);
  }
}

const CLOSED = "Client has been closed";
const GIVEN_UP: Error = new Deno.errors.Interrupted("Nobody waits for the connection");
