// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";

/** Standard deviations of a normal distribution beyond which one case of 10 000 lies. */
const DEVIATIONS = 3.72;

/**
 * Asserts that what was counted fits a distribution: Pearson's chi-squared, against the value that
 * a fitting one exceeds once in 10 000 times (Wilson and Hilferty's approximation of the quantile).
 * What has no probability must not have been counted.
 */
export function assertFits(
  counts: ArrayLike<number>,
  probabilities: ArrayLike<number>,
  name: string = "",
): void {
  const total = Array.from(counts).reduce((sum, count) => sum + count, 0);
  let [statistic, degrees] = [0, -1];
  for (let i = 0; i < probabilities.length; i++) {
    const expected = total * probabilities[i]!;
    if (expected === 0) {
      assert(counts[i] === 0, `${name}: ${i} was counted and has no probability`);
      continue;
    }
    statistic += (counts[i]! - expected) ** 2 / expected;
    degrees++;
  }
  const part = 2 / (9 * Math.max(degrees, 1));
  const limit = degrees * (1 - part + DEVIATIONS * Math.sqrt(part)) ** 3;
  assert(degrees <= 0 || statistic < limit, `${name}: ${statistic} is over ${limit}, ${degrees}`);
}
