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
