// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Further tries that are saved up at most. */
const SAVED_TRIES_MAX = 100;
/** Further tries that a client has before it has made calls. */
const FIRST_TRIES = 10;

/**
 * Counts how many further tries the calls so far allow: what fails for everybody must not be asked
 * for several times as often.
 *
 * @example A share of the calls
 * ```ts
 * import { RetryBudget } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * const budget = new RetryBudget(0.1);
 * budget.earn();
 * assert(budget.spend());
 * ```
 */
export class RetryBudget {
  readonly #share: number;
  #tries = FIRST_TRIES;

  /**
   * Has a few tries at first.
   *
   * @param share Further tries that a call earns
   */
  constructor(share = 0.1) {
    this.#share = share;
  }

  /** A call begins. */
  earn(): void {
    this.#tries = Math.min(SAVED_TRIES_MAX, this.#tries + this.#share);
  }

  /** Whether there may be another try, which is taken. */
  spend(): boolean {
    if (this.#tries < 1) return false;
    this.#tries--;
    return true;
  }
}
