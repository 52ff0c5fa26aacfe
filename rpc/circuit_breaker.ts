// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** When to leave a server alone. */
export interface CircuitBreakerOptions {
  /**
   * Failures in a row after which it gets no calls.
   *
   * @default {5}
   */
  failuresMax?: number;
  /**
   * Milliseconds before it gets one to try.
   *
   * @default {1000}
   */
  openMs?: number;
}

/**
 * Leaves a server alone that fails again and again, and tries it with one call after a while.
 *
 * ```
 *   closed --failures in a row--> open --time--> half open --success--> closed
 *                                   ^                 |
 *                                   +-----failure-----+
 * ```
 *
 * @example Three failures
 * ```ts
 * import { CircuitBreaker } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const breaker = new CircuitBreaker({ failuresMax: 3 });
 * for (let i = 0; i < 3; i++) breaker.failed();
 * assertEquals(breaker.allows(), false);
 * ```
 */
export class CircuitBreaker {
  readonly #failuresMax: number;
  readonly #openMs: number;
  #failures = 0;
  #openedMs = 0;
  #trying = false;

  /** Closed at first. */
  constructor(options: CircuitBreakerOptions = {}) {
    this.#failuresMax = options.failuresMax ?? 5;
    this.#openMs = options.openMs ?? 1_000;
  }

  /** Whether it lets calls through, but for the one to try with. */
  get open(): boolean {
    return this.#failures >= this.#failuresMax;
  }

  /** Whether a call may go through now. */
  get ready(): boolean {
    return !this.open || !this.#trying && performance.now() - this.#openedMs >= this.#openMs;
  }

  /**
   * Whether a call may go through now; the one to try with is taken by asking, and must be followed
   * by {@linkcode succeeded}, {@linkcode failed} or {@linkcode abandoned}.
   */
  allows(): boolean {
    if (!this.ready) return false;
    this.#trying = this.open;
    return true;
  }

  /** A call ended before it could tell anything. */
  abandoned(): void {
    this.#trying = false;
  }

  /** A call came back, with whatever the application says. */
  succeeded(): void {
    this.#failures = 0;
    this.#trying = false;
  }

  /** A call failed by the server's or the network's fault. */
  failed(): void {
    this.#failures++;
    this.#trying = false;
    if (this.open) this.#openedMs = performance.now();
  }
}
