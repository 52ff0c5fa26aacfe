// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { DONE, rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/**
 * Counts what is still to be done, and wakes those who wait for none to be left.
 *
 * @example Wait for three answers
 * ```ts
 * import { spawn, WaitGroup } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const answers = new WaitGroup(3);
 * for (let i = 0; i < 3; i++) spawn(() => answers.done());
 * await answers.wait();
 * assertEquals(answers.count, 0);
 * ```
 */
export class WaitGroup {
  readonly #queue = new WaitQueue<Waiter<void>>();
  #count = 0;

  /**
   * A group with so much to be done.
   *
   * @throws {RangeError} When the count is not a whole number from 0 to 2^53 - 1
   */
  constructor(count: number = 0) {
    this.add(count);
  }

  /** What is left to be done. */
  get count(): number {
    return this.#count;
  }

  /**
   * Changes what is left; at 0 all who wait go on.
   *
   * @throws {RangeError} When less than nothing would be left, or the count is no whole number
   */
  add(count: number = 1): void {
    const sum = this.#count + count;
    if (!Number.isSafeInteger(sum) || sum < 0) {
      throw new RangeError(`Cannot count what is left: it would be ${sum}`);
    }
    this.#count = sum;
    if (sum > 0) return;
    for (let size = this.#queue.size; size > 0; size--) this.#queue.shift()!.succeed();
  }

  /**
   * One less is left.
   *
   * @throws {RangeError} When nothing is left
   */
  done(): void {
    this.add(-1);
  }

  /**
   * Waits until nothing is left.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  wait(options?: WaitOptions): Promise<void> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.#count === 0) return DONE;
    return new Waiter<void>("wait for a group").wait(this.#queue, options);
  }
}
