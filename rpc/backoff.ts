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
}

/**
 * Milliseconds to wait after so many failures: a random share of a time that doubles, so that many
 * clients of a server that came back do not come back together ("full jitter").
 */
export function backoffMs(failures: number, options: BackoffOptions = {}): number {
  const { firstMs = 50, mostMs = 5_000 } = options;
  return Math.random() * Math.min(mostMs, firstMs * 2 ** Math.min(failures - 1, 30));
}
