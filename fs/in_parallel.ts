// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Calls for each of several items, so many at a time; the first failure is thrown when those under
 * way have ended, and no more are begun.
 */
export async function inParallel<T>(
  items: readonly T[],
  atOnce: number,
  call: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  let failed = false;
  async function lane(): Promise<void> {
    while (next < items.length && !failed) {
      try {
        await call(items[next++]!);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  }
  const lanes = Array.from({ length: Math.min(atOnce, items.length) }, lane);
  const outcomes = await Promise.allSettled(lanes);
  const failure = outcomes.find((outcome) => outcome.status === "rejected");
  if (failure) throw failure.reason;
}
