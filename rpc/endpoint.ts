// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { clearAlarm, setAlarm } from "../thread/alarm.ts";
import { timeout } from "../thread/timeout.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import type { Candidate } from "./balancer.ts";
import { CircuitBreaker, type CircuitBreakerOptions } from "./circuit_breaker.ts";
import { type ClientSession, unsentError } from "./client_session.ts";

/** How one server is reached. */
export interface EndpointOptions {
  /** Opens a connection and speaks over it; the signal gives up. */
  open: (events: SessionEvents, signal: AbortSignal) => Promise<ClientSession>;
  /**
   * Milliseconds that this may take.
   *
   * @default {10000}
   */
  connectTimeoutMs?: number | undefined;
  /** Waits between failed tries. */
  backoff?: BackoffOptions | undefined;
  /** When to leave it alone. */
  breaker?: CircuitBreakerOptions | undefined;
}

/** What an endpoint wants to know of each of its connections. */
export interface SessionEvents {
  /** It is over. */
  ended(session: ClientSession | undefined): void;
  /** It takes no more calls, but answers what it has. */
  draining(session: ClientSession | undefined): void;
}

/**
 * One server of a pool: one connection, opened when it is wanted, shared by all calls, and opened
 * again when it is gone, not before its backoff is over.
 */
export class Endpoint implements Candidate {
  /** Its address. */
  readonly name: string;
  /** Whether it is left alone. */
  readonly breaker: CircuitBreaker;

  readonly #options: EndpointOptions;
  /** Those that are open; all but {@linkcode #current} drain. */
  readonly #sessions = new Set<ClientSession>();
  #current: ClientSession | undefined;
  #opening: Promise<ClientSession> | undefined;
  #aborter: AbortController | undefined;
  #failures = 0;
  #retryMs = 0;
  #closed = false;

  /** Nothing is opened yet. */
  constructor(name: string, options: EndpointOptions) {
    this.name = name;
    this.#options = options;
    this.breaker = new CircuitBreaker(options.breaker);
  }

  /** Calls in flight. */
  get load(): number {
    return this.#current?.size ?? 0;
  }

  /** The connection, where there is one that takes calls. */
  get current(): ClientSession | undefined {
    return this.#current?.usable ? this.#current : undefined;
  }

  /** Whether there is such a connection. */
  get connected(): boolean {
    return this.current !== undefined;
  }

  /** Whether a call may be tried now. */
  get available(): boolean {
    if (this.#closed) return false;
    return this.connected || this.#opening !== undefined || performance.now() >= this.#retryMs;
  }

  /**
   * The connection, opened if need be; concurrent callers share one attempt.
   *
   * @throws {RpcError} `UNAVAILABLE` when it cannot be opened
   */
  session(): Promise<ClientSession> {
    if (this.current !== undefined) return Promise.resolve(this.current);
    if (this.#closed) return Promise.reject(unsentError());
    return this.#opening ??= this.#open().finally(() => this.#opening = undefined);
  }

  /** Takes no more calls; the connection closes when those in flight are answered. */
  retire(): void {
    this.#closed = true;
    this.#aborter?.abort(unsentError());
    for (const session of [...this.#sessions]) session.retire();
  }

  /** Closes the connection; calls in flight fail. */
  close(): void {
    this.#closed = true;
    this.#aborter?.abort(unsentError());
    for (const session of [...this.#sessions]) session.close();
  }

  async #open(): Promise<ClientSession> {
    const { connectTimeoutMs = CONNECT_TIMEOUT_MS, backoff } = this.#options;
    const aborter = this.#aborter = new AbortController();
    const giveUp = () => aborter.abort(new Deno.errors.TimedOut(`Cannot connect to ${this.name}`));
    const alarm = setAlarm(performance.now() + connectTimeoutMs, giveUp);
    try {
      // Who opens may be deaf to the signal.
      const opening = this.#options.open(this.#events, aborter.signal);
      const session = await timeout(opening, Infinity, { signal: aborter.signal });
      this.#failures = 0;
      this.#sessions.add(session);
      return this.#current = session;
    } catch (error) {
      this.#failures++;
      this.#retryMs = performance.now() + backoffMs(this.#failures, backoff);
      throw unsentError(error);
    } finally {
      clearAlarm(alarm);
      this.#aborter = undefined;
    }
  }

  readonly #events: SessionEvents = {
    ended: (session) => {
      if (session !== undefined) this.#sessions.delete(session);
      this.#events.draining(session);
    },
    draining: (session) => {
      if (session === this.#current) this.#current = undefined;
    },
  };
}

const CONNECT_TIMEOUT_MS = 10_000;
