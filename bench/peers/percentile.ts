// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The value that the given share of the sorted values does not exceed; 0 of no values. */
export function percentile(sorted: ArrayLike<number>, share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
