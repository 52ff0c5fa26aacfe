// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import type { Candidate } from "./balancer.ts";
import { CircuitBreaker, type CircuitBreakerOptions } from "./circuit_breaker.ts";
import { type ClientSession, unsentError } from "./client_session.ts";

/** How one server is reached. */
export interface EndpointOptions {
  /** Opens a connection and speaks over it. */
  open: (onEnd: () => void, onDraining: () => void) => Promise<ClientSession>;
  /** Waits between failed tries. */
  backoff?: BackoffOptions | undefined;
  /** When to leave it alone. */
  breaker?: CircuitBreakerOptions | undefined;
}

/** Makes a connection to an address. */
export type Dial = (address: string, signal: AbortSignal) => Promise<Duplex>;

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
  #session: ClientSession | undefined;
  #opening: Promise<ClientSession> | undefined;
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
    return this.#session?.size ?? 0;
  }

  /** Whether there is a connection that takes calls. */
  get connected(): boolean {
    return this.#session?.usable === true;
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
    const session = this.#session;
    if (session?.usable) return Promise.resolve(session);
    if (this.#closed) return Promise.reject(unsentError());
    return this.#opening ??= this.#open().finally(() => this.#opening = undefined);
  }

  /** Closes the connection; calls in flight fail. */
  close(): void {
    this.#closed = true;
    this.#session?.close();
  }

  async #open(): Promise<ClientSession> {
    try {
      // One that drains still answers what it has.
      const forget = () => this.#session = undefined;
      const session = await this.#options.open(forget, forget);
      if (this.#closed) {
        session.close();
        throw unsentError();
      }
      this.#failures = 0;
      return this.#session = session;
    } catch (error) {
      this.#failures++;
      this.#retryMs = performance.now() + backoffMs(this.#failures, this.#options.backoff);
      throw unsentError(error);
    }
  }
}
