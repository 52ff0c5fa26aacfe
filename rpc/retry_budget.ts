// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** When and how often to call again. */
export interface RetryOptions {
  /**
   * Tries in all, the first one included.
   *
   * @default {3}
   */
  triesMax?: number;
  /**
   * Tries beyond the first that calls may cause, as a share of all calls: what fails for everybody
   * must not be asked for three times as often.
   *
   * @default {0.1}
   */
  budgetShare?: number;
}

/** Further tries that are saved up at most. */
const SAVED_TRIES_MAX = 100;
/** Further tries that a client has before it has made calls. */
const FIRST_TRIES = 10;

/** Counts how many further tries the calls so far allow. */
export class RetryBudget {
  readonly #share: number;
  #tries = FIRST_TRIES;

  /** Has a few tries at first. */
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
