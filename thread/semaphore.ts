// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Lock, type LockOwner } from "./lock.ts";
import { DONE, rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/**
 * A count of permits. Whoever waits longest is served first, even when others would be content with
 * less, so that nobody who wants much waits for ever.
 *
 * @example At most two at once
 * ```ts
 * import { Semaphore, sleep } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * const slots = new Semaphore(2);
 * let running = 0;
 * await Promise.all([1, 2, 3, 4].map(async () => {
 *   using _slot = await slots.acquire();
 *   assert(++running <= 2);
 *   await sleep(1);
 *   running--;
 * }));
 * ```
 */
export class Semaphore implements LockOwner {
  readonly #queue = new WaitQueue<PermitWaiter>();
  #count: number;

  /**
   * A semaphore with so many permits.
   *
   * @throws {RangeError} When the count is not a whole number from 0 to 2^53 - 1
   */
  constructor(count: number = 0) {
    this.#count = checkCount(count, 0);
  }

  /** Permits that can be had now. */
  get count(): number {
    return this.#count;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Takes permits, 1 unless said otherwise, waiting for them; {@linkcode signal} gives them back.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {RangeError} When the count is not a whole number from 1 to 2^53 - 1
   */
  wait(count?: number, options?: WaitOptions): Promise<void> {
    count ??= 1;
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.tryWait(count)) return DONE;
    return new PermitWaiter(this, count).wait(this.#queue, options);
  }

  /** Takes permits if they can be had at once and nobody waits. */
  tryWait(count: number = 1): boolean {
    checkCount(count, 1);
    if (this.#count < count || this.#queue.first !== null) return false;
    this.#count -= count;
    return true;
  }

  /**
   * Gives permits, which need not have been taken before.
   *
   * @throws {RangeError} When the count is not a whole number, or the sum above 2^53 - 1
   */
  signal(count: number = 1): void {
    checkCount(count, 1);
    this.#count = checkCount(this.#count + count, 0);
    this.serve();
  }

  /** Takes permits, waiting for them, until the {@linkcode Lock} is given back. */
  async acquire(count?: number, options?: WaitOptions): Promise<Lock> {
    count ??= 1;
    await this.wait(count, options);
    return new Lock(this, count);
  }

  /** Takes permits back; called by {@linkcode Lock.unlock}. */
  release(count: number): void {
    this.signal(count);
  }

  /** Grants what can be granted; also called when one who waited has left. */
  serve(): void {
    for (;;) {
      const first = this.#queue.first;
      if (first === null || first.count > this.#count) return;
      this.#count -= first.count;
      first.unlink();
      first.succeed();
    }
  }
}

class PermitWaiter extends Waiter<void> {
  readonly count: number;
  readonly #semaphore: Semaphore;

  constructor(semaphore: Semaphore, count: number) {
    super("take permits of a semaphore");
    this.#semaphore = semaphore;
    this.count = count;
  }

  override left(): void {
    this.#semaphore.serve();
  }
}

function checkCount(count: number, min: number): number {
  if (Number.isSafeInteger(count) && count >= min) return count;
  throw new RangeError(
    `Cannot count permits: there must be ${min} to 2^53 - 1 of them, received ${count}`,
  );
}
