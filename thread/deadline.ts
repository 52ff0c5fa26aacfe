// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A point in time by which something must be done, to be handed down through calls.
 *
 * Every wait of this module takes one as `{ deadline }`; `fetch` and the like take its
 * {@linkcode signal}.
 *
 * @example One deadline for two waits
 * ```ts
 * import { Deadline, Mutex, sleep } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * const deadline = new Deadline(1_000);
 * const mutex = new Mutex();
 * using _lock = await mutex.lock({ deadline });
 * await sleep(1, { deadline });
 * assert(!deadline.expired);
 * assert(deadline.atMost(10).remainingMs <= 10);
 * ```
 */
export class Deadline {
  /** When, in milliseconds on the clock of `performance.now()`; `Infinity` is never. */
  readonly atMs: number;
  #signal: AbortSignal | undefined;

  /**
   * A deadline so many milliseconds from now; 0 and less have passed.
   *
   * @throws {RangeError} When the number is not one
   */
  constructor(remainingMs: number) {
    if (Number.isNaN(remainingMs)) {
      throw new RangeError("Cannot set a deadline: the time left is not a number");
    }
    this.atMs = performance.now() + Math.max(remainingMs, 0);
  }

  /** Milliseconds left, 0 when it has passed. */
  get remainingMs(): number {
    return Math.max(this.atMs - performance.now(), 0);
  }

  /** Whether it has passed. */
  get expired(): boolean {
    return this.remainingMs === 0;
  }

  /** The earlier one of this deadline and one so many milliseconds from now. */
  atMost(timeoutMs: number): Deadline {
    const other = new Deadline(timeoutMs);
    return other.atMs < this.atMs ? other : this;
  }

  /**
   * Throws when it has passed.
   *
   * @throws {Deno.errors.TimedOut} When it has passed
   */
  throwIfExpired(): void {
    if (this.expired) throw new Deno.errors.TimedOut("Cannot go on: the deadline has passed");
  }

  /**
   * A signal that aborts when the deadline passes, with a `TimeoutError` as that of
   * `AbortSignal.timeout`; its timer keeps nothing alive as long as nobody listens.
   */
  get signal(): AbortSignal {
    return this.#signal ??= this.remainingMs > TIMEOUT_MS_MAX
      ? new AbortController().signal
      : AbortSignal.timeout(Math.ceil(this.remainingMs));
  }
}

/**
 * A {@linkcode Deadline} so many milliseconds from now.
 *
 * @throws {RangeError} When the number is not one
 *
 * @example Give up what is late
 * ```ts
 * import { deadline, Semaphore } from "@photon/std/thread";
 * import { assertRejects } from "@std/assert";
 *
 * const permits = new Semaphore(0);
 * await assertRejects(() => permits.wait(1, { deadline: deadline(5) }), Deno.errors.TimedOut);
 * ```
 */
export function deadline(remainingMs: number): Deadline {
  return new Deadline(remainingMs);
}

/** Timers take a signed 32-bit number of milliseconds; what is further off never comes. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
