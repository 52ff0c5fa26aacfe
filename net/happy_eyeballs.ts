// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Milliseconds an attempt has to itself before the next one starts beside it: the default of Deno
 * and of RFC 8305 section 8.
 */
export const ATTEMPT_DELAY_MS = 250;

/** How {@linkcode connectFirst} tries addresses, and what it may use for that. */
export interface ConnectFirstOptions<A, T> {
  /** Connects to one address; rejects soon after its signal is aborted. */
  attempt(address: A, signal: AbortSignal): Promise<T>;
  /** Closes a connection that came too late. Must not throw. */
  discard(connection: T): void;
  /** False to try the first address only, as Deno does. Default true. */
  autoSelectFamily?: boolean;
  /** Milliseconds between attempts. Default {@linkcode ATTEMPT_DELAY_MS}. */
  attemptDelayMs?: number;
  /** Gives up: rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Runs a callback later and gives the function that prevents it. The default is `setTimeout`. */
  startTimer?(delayMs: number, callback: () => void): () => void;
}

/**
 * Connects to whichever of a host's addresses answers first ("Happy Eyeballs", RFC 8305 sections
 * 4 and 5).
 *
 * The resolver's order is kept within each family, and families take turns, starting with that of
 * the first address. The next attempt starts when the running one fails, or `attemptDelayMs` after
 * it began. The first success ends the others: they are aborted, and what they still win is handed
 * to `discard`. There are never more attempts than addresses.
 *
 * @param addresses What the resolver gave, best first; at least one
 * @param options How to connect and to close, and when to start the next attempt
 * @returns The first connection
 * @throws {unknown} When all attempts failed, what the last one to fail threw, as in Deno; the
 *   signal's reason when it was aborted
 */
export function connectFirst<A extends { readonly hostname: string }, T>(
  addresses: readonly A[],
  options: ConnectFirstOptions<A, T>,
): Promise<T> {
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  if (addresses.length === 0) {
    return Promise.reject(new Error("Cannot connect: the host has no address"));
  }
  const { autoSelectFamily = true } = options;
  const order = autoSelectFamily ? interleaveFamilies(addresses) : addresses.slice(0, 1);
  return new AttemptRace(order, options).run();
}

/**
 * Orders addresses so that families take turns (RFC 8305 section 4, with a first family count of
 * one).
 *
 * @param addresses IP addresses, best first
 * @returns The same addresses; the first stays the first
 */
export function interleaveFamilies<A extends { readonly hostname: string }>(
  addresses: readonly A[],
): A[] {
  const first = addresses.filter((address) => isIpv6(address) === isIpv6(addresses[0]));
  const second = addresses.filter((address) => isIpv6(address) !== isIpv6(addresses[0]));
  const order: A[] = [];
  for (let index = 0; index < Math.max(first.length, second.length); index++) {
    if (index < first.length) order.push(first[index]);
    if (index < second.length) order.push(second[index]);
  }
  return order;
}

function isIpv6(address: { readonly hostname: string }): boolean {
  return address.hostname.includes(":");
}

/** The attempts of one call, until the first success, the last failure or the abort. */
class AttemptRace<A, T> {
  readonly #addresses: readonly A[];
  readonly #options: ConnectFirstOptions<A, T>;
  readonly #running: Set<AbortController> = new Set();
  readonly #result: PromiseWithResolvers<T> = Promise.withResolvers();
  #started = 0;
  #settled = false;
  #stopTimer: (() => void) | undefined;

  constructor(addresses: readonly A[], options: ConnectFirstOptions<A, T>) {
    this.#addresses = addresses;
    this.#options = options;
  }

  run(): Promise<T> {
    this.#options.signal?.addEventListener("abort", this.#abort);
    this.#startNext();
    return this.#result.promise;
  }

  readonly #abort = () => this.#fail(this.#options.signal!.reason);

  readonly #startNext = () => {
    this.#clearTimer();
    const address = this.#addresses[this.#started++];
    if (this.#started < this.#addresses.length) {
      const { startTimer = startTimeout, attemptDelayMs = ATTEMPT_DELAY_MS } = this.#options;
      this.#stopTimer = startTimer(attemptDelayMs, this.#startNext);
    }
    void this.#attempt(address);
  };

  async #attempt(address: A): Promise<void> {
    const controller = new AbortController();
    this.#running.add(controller);
    try {
      const connection = await this.#options.attempt(address, controller.signal);
      this.#running.delete(controller);
      this.#succeed(connection);
    } catch (error) {
      this.#running.delete(controller);
      if (this.#settled) return;
      if (this.#started < this.#addresses.length) this.#startNext();
      else if (this.#running.size === 0) this.#fail(error);
    }
  }

  #succeed(connection: T): void {
    if (this.#settled) return this.#options.discard(connection);
    this.#settle();
    this.#result.resolve(connection);
  }

  #fail(error: unknown): void {
    this.#settle();
    this.#result.reject(error);
  }

  #settle(): void {
    this.#settled = true;
    this.#clearTimer();
    this.#options.signal?.removeEventListener("abort", this.#abort);
    for (const controller of this.#running) controller.abort();
    this.#running.clear();
  }

  #clearTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}

function startTimeout(delayMs: number, callback: () => void): () => void {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
}
