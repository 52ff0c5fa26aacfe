// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What gave a {@linkcode Lock}, and takes it back. */
export interface LockOwner {
  /** Takes back so much; called once for each lock. */
  release(weight: number): void;
}

/**
 * Something held: the lock of a mutex, the permits of a semaphore. Give it back with `using`, or
 * with {@linkcode unlock}.
 *
 * @example Hold it for the rest of the block
 * ```ts
 * import { Mutex } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * const mutex = new Mutex();
 * {
 *   using lock = await mutex.lock();
 *   assert(lock.held);
 * }
 * assert(!mutex.locked);
 * ```
 */
export class Lock implements Disposable {
  readonly #owner: LockOwner;
  readonly #weight: number;
  #held = true;

  /** Made by whoever is locked. */
  constructor(owner: LockOwner, weight: number) {
    this.#owner = owner;
    this.#weight = weight;
  }

  /** Whether it has not been given back. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * Gives it back; who waits longest is next.
   *
   * @throws {TypeError} When it was given back before: somebody else may hold it now
   */
  unlock(): void {
    if (!this.#held) throw new TypeError("Cannot unlock: the lock was given back already");
    this.#held = false;
    this.#owner.release(this.#weight);
  }

  /** Gives it back, unless that was done. */
  [Symbol.dispose](): void {
    if (this.#held) this.unlock();
  }

  /** Whether it is a lock of this owner. */
  isOf(owner: LockOwner): boolean {
    return this.#owner === owner;
  }

  /**
   * Makes a lock that was given back held again; for its owner, who grants it once more.
   *
   * @throws {TypeError} When it is another's
   */
  renew(owner: LockOwner): void {
    if (!this.isOf(owner)) throw new TypeError("Cannot renew a lock: it is of another owner");
    this.#held = true;
  }
}
