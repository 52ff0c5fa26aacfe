// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientRequest } from "./client_request.ts";
import type { ResponseBody } from "./response_body.ts";

/** Who is told how an exchange goes. */
export interface ExchangeOwner {
  /** The caller gave it up. */
  aborted(exchange: ClientExchange, reason: unknown): void;
}

/** What an exchange is sent on. */
export interface ExchangeCarrier {
  /** The caller gave an exchange up. */
  abandon(exchange: ClientExchange): void;
}

/**
 * One fetch: a request, which a redirect replaces by the next, and the promise of the response.
 *
 * ```
 *   waiting for a connection -> sent -> answered: the promise resolves -> over: the body came too
 * ```
 */
export class ClientExchange {
  /** The request that is sent next, or was. */
  request: ClientRequest;
  /** Its head in octets. */
  head: Uint8Array;
  /** The response; for the caller, until it is there. */
  promise: Promise<Response>;
  /** Where it is sent; null while it waits for a connection. */
  connection: ExchangeCarrier | null = null;
  /** Which dials began later than its wait. */
  number = 0;
  /** Redirects that were followed. */
  redirects = 0;
  /** Whether a connection that was lost was made up for by another. */
  retried = false;
  /** When it is given up, in milliseconds since the isolate began. */
  deadlineMs = Infinity;
  /** When a wait for a connection is given up. */
  waitDeadlineMs = Infinity;
  /** What comes behind the head of the response, while it does. */
  body: ResponseBody | null = null;

  readonly #owner: ExchangeOwner;
  readonly #signal: AbortSignal | null;
  #abort: (() => void) | null = null;
  #resolve!: (response: Response) => void;
  #reject!: (reason: unknown) => void;
  #settled = false;

  /** Begins an exchange that its signal can end. */
  constructor(owner: ExchangeOwner, request: ClientRequest, head: Uint8Array) {
    this.#owner = owner;
    this.request = request;
    this.head = head;
    this.#signal = request.signal;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.listen();
  }

  /** Whether the promise is settled. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Whether to send it twice does no harm (RFC 9110 section 9.2.2), and can be done. */
  get repeatable(): boolean {
    const { method, content } = this.request;
    return IDEMPOTENT.has(method) && (content === null || content.repeatable);
  }

  /** The response is there, at least its head. */
  resolve(response: Response): void {
    const resolve = this.#resolve;
    this.#settle();
    resolve(response);
  }

  /** There will be no response. */
  reject(reason: unknown): void {
    const reject = this.#reject;
    this.#settle();
    this.end();
    reject(reason);
  }

  /** All of the response came, or no more will: the signal has nothing to end any more. */
  end(): void {
    if (this.#abort === null) return;
    this.#signal!.removeEventListener("abort", this.#abort);
    this.#abort = null;
  }

  /** A response that its caller forgets must not be kept by what is still to come of it. */
  #settle(): void {
    this.#settled = true;
    this.promise = SETTLED;
    this.#resolve = this.#reject = ignore;
  }

  /** Lets the signal end it, until {@linkcode end}. */
  listen(): void {
    const signal = this.#signal;
    if (signal === null || this.#abort !== null) return;
    this.#abort = () => {
      this.#abort = null;
      this.#owner.aborted(this, signal.reason);
    };
    signal.addEventListener("abort", this.#abort, { once: true });
  }
}

const SETTLED: Promise<never> = new Promise(() => {});
function ignore(): void {}

const IDEMPOTENT: ReadonlySet<string> = new Set([
  ...["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"],
]);
