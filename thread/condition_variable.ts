// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Deadline } from "./deadline.ts";
import type { Lock } from "./lock.ts";
import type { Mutex } from "./mutex.ts";
import { shield } from "./shield.ts";
import { Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/**
 * Lets coroutines that hold a mutex wait until another one changes what the mutex guards.
 *
 * A wait gives the lock back, and holds it again when it is over, also when it ends with an error.
 * Those that are notified go on in the order in which they came.
 *
 * @example Wait until there is work
 * ```ts
 * import { ConditionVariable, Mutex } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const mutex = new Mutex();
 * const filled = new ConditionVariable(mutex);
 * const jobs: string[] = [];
 * const worker = (async () => {
 *   using lock = await mutex.lock();
 *   await filled.waitUntil(lock, () => jobs.length > 0);
 *   return jobs.shift();
 * })();
 * {
 *   using _lock = await mutex.lock();
 *   jobs.push("sweep");
 *   filled.notifyOne();
 * }
 * assertEquals(await worker, "sweep");
 * ```
 */
export class ConditionVariable {
  readonly #mutex: Mutex;
  readonly #queue = new WaitQueue<Waiter<void>>();

  /** A condition of what this mutex guards. */
  constructor(mutex: Mutex) {
    this.#mutex = mutex;
  }

  /** How many wait to be notified. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits to be notified. There are no spurious wakes, but somebody else may have had the mutex in
   * between: see {@linkcode waitUntil}.
   *
   * The options end the wait for the notification, never the one for the mutex.
   *
   * @param lock A lock of the mutex, which is given back meanwhile
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {TypeError} When the lock is not held, or of another mutex
   */
  async wait(lock: Lock, options?: WaitOptions): Promise<void> {
    if (!lock.held || !lock.isOf(this.#mutex)) {
      throw new TypeError("Cannot wait: the lock must be held, and of the mutex of the condition");
    }
    // In the queue before the mutex is free: no notification can be missed.
    const notified = new Waiter<void>("be notified").wait(this.#queue, options);
    lock.unlock();
    try {
      await notified;
    } finally {
      await shield(() => this.#mutex.relock(lock));
    }
  }

  /** Waits until a predicate holds, which is asked with the mutex locked. */
  async waitUntil(lock: Lock, predicate: () => boolean, options: WaitOptions = {}): Promise<void> {
    const { signal, timeoutMs = Infinity, deadline } = options;
    const end = (deadline ?? new Deadline(Infinity)).atMost(timeoutMs);
    signal?.throwIfAborted();
    while (!predicate()) await this.wait(lock, { signal, deadline: end });
  }

  /** Wakes who waits longest; says whether anybody waited. */
  notifyOne(): boolean {
    const waiter = this.#queue.shift();
    waiter?.succeed();
    return waiter !== null;
  }

  /** Wakes all that wait, and says how many. */
  notifyAll(): number {
    const count = this.#queue.size;
    while (this.notifyOne());
    return count;
  }
}
