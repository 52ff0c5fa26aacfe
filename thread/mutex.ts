// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Lock, type LockOwner } from "./lock.ts";
import { rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/**
 * Mutual exclusion between coroutines, across their awaits. Whoever waits longest is next: the lock
 * is handed over, so that nobody can come in between.
 *
 * It is not recursive, and a lock may be given back by another task than the one that took it.
 *
 * @example One at a time
 * ```ts
 * import { Mutex, yieldNow } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const mutex = new Mutex();
 * let balance = 0;
 * async function deposit(amount: number) {
 *   using _lock = await mutex.lock();
 *   const before = balance;
 *   await yieldNow();
 *   balance = before + amount;
 * }
 * await Promise.all([deposit(1), deposit(2)]);
 * assertEquals(balance, 3);
 * ```
 */
export class Mutex implements LockOwner {
  readonly #queue = new WaitQueue<MutexWaiter>();
  #locked = false;

  /** Whether somebody holds it. */
  get locked(): boolean {
    return this.#locked;
  }

  /** How many wait for it. */
  get waiting(): number {
    return this.#queue.size;
  }

  /**
   * Waits for the lock. The time of one that nobody holds is 40 ns with the `await`.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  lock(options?: WaitOptions): Promise<Lock> {
    if (!this.#locked && options === undefined) {
      this.#locked = true;
      return Promise.resolve(new Lock(this, 1));
    }
    return this.#wait(null, options);
  }

  /** Takes the lock if nobody holds it, without waiting. */
  tryLock(): Lock | undefined {
    if (this.#locked) return undefined;
    this.#locked = true;
    return new Lock(this, 1);
  }

  /**
   * Takes the lock again with a {@linkcode Lock} that was given back; a condition variable does.
   *
   * @throws {TypeError} When the lock is held, or of another mutex
   */
  relock(lock: Lock, options?: WaitOptions): Promise<Lock> {
    if (lock.held || !lock.isOf(this)) {
      return Promise.reject(new TypeError("Cannot lock a mutex: the lock is held, or not of it"));
    }
    return this.#wait(lock, options);
  }

  /** Takes a lock back; called by {@linkcode Lock.unlock}. */
  release(): void {
    const next = this.#queue.shift();
    if (next === null) this.#locked = false;
    else next.grant(this);
  }

  #wait(lock: Lock | null, options: WaitOptions | undefined): Promise<Lock> {
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.#locked) return new MutexWaiter(lock).wait(this.#queue, options);
    this.#locked = true;
    return Promise.resolve(granted(lock, this));
  }
}

class MutexWaiter extends Waiter<Lock> {
  readonly #lock: Lock | null;

  constructor(lock: Lock | null) {
    super("lock a mutex");
    this.#lock = lock;
  }

  grant(mutex: Mutex): void {
    this.succeed(granted(this.#lock, mutex));
  }
}

function granted(lock: Lock | null, mutex: Mutex): Lock {
  if (lock === null) return new Lock(mutex, 1);
  lock.renew(mutex);
  return lock;
}
