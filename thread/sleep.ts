// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "./alarm.ts";
import { rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { yieldNow } from "./yield_now.ts";

/**
 * Waits for a time, and never less; 0 gives way as {@linkcode yieldNow} does.
 *
 * @param ms Milliseconds; `Infinity` waits for the signal, the deadline or to be cancelled
 * @throws {RangeError} When the time is not a number
 * @throws {Deno.errors.TimedOut} When a timeout or deadline comes first
 *
 * @example Sleep unless somebody objects
 * ```ts
 * import { sleep } from "@photon/std/thread";
 * import { assertRejects } from "@std/assert";
 *
 * await sleep(5);
 * const objection = AbortSignal.abort(new Error("No time"));
 * await assertRejects(() => sleep(5, { signal: objection }), Error, "No time");
 * ```
 */
export function sleep(ms: number, options?: WaitOptions): Promise<void> {
  if (Number.isNaN(ms)) {
    return Promise.reject(new RangeError("Cannot sleep: the time is not a number"));
  }
  if (ms <= 0) return rejectedBefore(options) ?? yieldNow();
  return sleepUntil(performance.now() + ms, options);
}

/** Waits until a time on the clock of `performance.now()`. */
export function sleepUntil(dueMs: number, options?: WaitOptions): Promise<void> {
  const rejected = rejectedBefore(options);
  if (rejected !== undefined) return rejected;
  if (dueMs <= performance.now()) return yieldNow();
  return new SleepWaiter().sleep(dueMs, options);
}

class SleepWaiter extends Waiter<void> {
  #wake: Alarm | undefined;

  constructor() {
    super("sleep");
  }

  sleep(dueMs: number, options: WaitOptions | undefined): Promise<void> {
    const promise = this.wait(null, options);
    if (!this.waiting || dueMs === Infinity) return promise;
    try {
      this.#wake = setAlarm(dueMs, () => this.succeed());
    } catch (error) {
      this.fail(error);
    }
    return promise;
  }

  override left(): void {
    if (this.#wake !== undefined) clearAlarm(this.#wake);
  }
}
