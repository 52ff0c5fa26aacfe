// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How long to wait before another try. */
export interface BackoffOptions {
  /**
   * Milliseconds before the second try, at most.
   *
   * @default {50}
   */
  firstMs?: number;
  /**
   * Milliseconds that no wait exceeds.
   *
   * @default {5000}
   */
  mostMs?: number;
  /**
   * Share of the time that is waited in any case, the rest is left to chance: 0 spreads clients
   * best, 1 leaves nothing to chance.
   *
   * @default {0}
   */
  fixedShare?: number;
}

/**
 * Milliseconds to wait after so many failures: a random share of a time that doubles, so that many
 * clients of a server that came back do not come back together ("full jitter").
 *
 * @param failures Failures in a row so far, from 1
 *
 * @example Wait longer each time
 * ```ts
 * import { backoffMs } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const waits = [1, 2, 3, 4].map((n) => backoffMs(n, { firstMs: 10, mostMs: 40, fixedShare: 1 }));
 * assertEquals(waits, [10, 20, 40, 40]);
 * ```
 */
export function backoffMs(failures: number, options: BackoffOptions = {}): number {
  const { firstMs = 50, mostMs = 5_000, fixedShare = 0 } = options;
  const boundMs = Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, DOUBLINGS_MAX));
  return boundMs * (fixedShare + Math.random() * (1 - fixedShare));
}

/** Beyond these any bound is reached, and the product would grow past what a number holds. */
const DOUBLINGS_MAX = 30;
