// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Waiter, type WaitOptions } from "./waiter.ts";

/**
 * Waits for a promise, but not for ever. What the promise stands for goes on; its result, or its
 * error, is then nobody's. Calls that take a timeout or a signal of their own are better given one:
 * a lock that is won too late would stay locked.
 *
 * @param ms Milliseconds; 0 and less reject at once
 * @throws {Deno.errors.TimedOut} When the time is up
 * @throws {RangeError} When the time is not a number
 *
 * @example Give up on a slow answer
 * ```ts
 * import { timeout } from "@photon/std/thread";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * assertEquals(await timeout(Promise.resolve("quick"), 1_000), "quick");
 * await assertRejects(() => timeout(new Promise(() => {}), 5), Deno.errors.TimedOut);
 * ```
 */
export function timeout<T>(
  promise: PromiseLike<T>,
  ms: number,
  options?: Pick<WaitOptions, "signal">,
): Promise<T> {
  const waiter = new Waiter<T>("wait for a promise");
  const waited = waiter.wait(null, { ...options, timeoutMs: ms });
  promise.then((value) => waiter.succeed(value), (error) => waiter.fail(error));
  return waited;
}
