// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "./alarm.ts";
import { DONE, rejectedBefore, Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/** Who goes first when several wait for a {@linkcode Throttle}. */
export type Priority = "high" | "medium" | "low";

/** Options of {@linkcode Throttle}. */
export interface ThrottleOptions {
  /** Tokens to be consumed in one window; `Infinity` does not limit, 0 lets nobody through. */
  limit: number;
  /**
   * Length of the window in milliseconds.
   *
   * @default {1000}
   */
  windowMs?: number;
}

/** Options of {@linkcode Throttle.consume}. */
export interface ConsumeOptions extends WaitOptions {
  /**
   * Who goes first.
   *
   * @default {"medium"}
   */
  priority?: Priority;
}

/** Times that others may go first before one of lower priority has its turn. */
export const TURNS_BEFORE_LOWER = 8;
/** Part of a token that may be missing: time is counted in fractions. */
const ROUNDING = 1e-6;
/** Index of the queue of a priority. */
const LEVELS: Record<Priority, number> = { high: 0, medium: 1, low: 2 };

/**
 * Limits a rate: a bucket of tokens that fills evenly and holds those of one window.
 *
 * Higher priorities go first, and within one whoever waits longest; after
 * {@linkcode TURNS_BEFORE_LOWER} turns in a row the next lower one that waits has a turn, so that
 * none starves. More tokens than the bucket holds may be consumed at once: they are taken when it
 * is full, and paid back before anybody goes on.
 *
 * @example A hundred requests a second
 * ```ts
 * import { Throttle } from "@photon/std/thread";
 * import { assert, assertFalse } from "@std/assert";
 *
 * const throttle = new Throttle({ limit: 100 });
 * await throttle.consume(99);
 * assert(throttle.tryConsume());
 * assertFalse(throttle.tryConsume());
 * await throttle.consume(1, { priority: "high" });
 * ```
 */
export class Throttle {
  readonly #windowMs: number;
  /** Highest priority first. */
  readonly #queues = [new ConsumeQueue(), new ConsumeQueue(), new ConsumeQueue()];
  #limit: number;
  #tokens: number;
  #countedMs = performance.now();
  #alarm: Alarm | undefined;

  /**
   * A throttle with a full bucket.
   *
   * @throws {RangeError} When the limit is negative or the window not above 0
   */
  constructor(options: ThrottleOptions) {
    const { limit, windowMs = 1_000 } = options;
    if (!(windowMs > 0 && windowMs < Infinity)) {
      throw new RangeError(`Cannot throttle: the window must be above 0 ms, received ${windowMs}`);
    }
    this.#windowMs = windowMs;
    this.#limit = this.#tokens = checkLimit(limit);
  }

  /** Tokens that can be had now; negative while more than the bucket holds is paid back. */
  get tokens(): number {
    this.#refill();
    return this.#tokens;
  }

  /** Tokens for each window. */
  get limit(): number {
    return this.#limit;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#queues[0].size + this.#queues[1].size + this.#queues[2].size;
  }

  /**
   * Consumes tokens, waiting for them.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {RangeError} When the count is negative
   */
  consume(count?: number, options?: ConsumeOptions): Promise<void> {
    count ??= 1;
    const rejected = rejectedBefore(options);
    if (rejected !== undefined) return rejected;
    if (this.tryConsume(count)) return DONE;
    const waiter = new ConsumeWaiter(this, count);
    const promise = waiter.wait(this.#queues[LEVELS[options?.priority ?? "medium"]], options);
    if (waiter.waiting) this.serve();
    return promise;
  }

  /** Consumes tokens if they can be had at once and nobody waits. */
  tryConsume(count: number = 1): boolean {
    checkCount(count);
    if (this.waiting > 0 || this.#delayMs(count) > 0) return false;
    this.#tokens -= count;
    return true;
  }

  /** Gives back tokens that were consumed for nothing; the bucket holds no more for it. */
  restore(count: number = 1): void {
    this.#refill();
    this.#tokens = Math.min(this.#tokens + checkCount(count), this.#limit);
    this.serve();
  }

  /** Changes the limit; tokens above the new one are lost. */
  update(limit: number): void {
    this.#refill();
    this.#limit = checkLimit(limit);
    // A debt to an unlimited past is none.
    this.#tokens = limit === Infinity ? limit : Math.min(this.#tokens, limit);
    this.serve();
  }

  /** Lets through who can go; also called when one who waited has left. */
  serve(): void {
    if (this.#alarm !== undefined) clearAlarm(this.#alarm);
    this.#alarm = undefined;
    for (let next; (next = this.#next()) !== undefined;) {
      const delayMs = this.#delayMs(next.count);
      if (delayMs > 0) {
        if (delayMs === Infinity) return;
        this.#alarm = setAlarm(performance.now() + delayMs, () => this.serve());
        return;
      }
      this.#tokens -= next.count;
      this.#countTurn(next);
      next.unlink();
      next.succeed();
    }
  }

  /** Who is next: of a queue that was passed over too often, or of the highest that waits. */
  #next(): ConsumeWaiter | undefined {
    const waiting = this.#queues.filter(({ size }) => size > 0);
    const patient = waiting.findLast(({ passes }) => passes >= TURNS_BEFORE_LOWER);
    return (patient ?? waiting[0])?.first ?? undefined;
  }

  #countTurn(served: ConsumeWaiter): void {
    const level = this.#queues.findIndex((queue) => served.queue === queue as unknown);
    this.#queues[level].passes = 0;
    for (const lower of this.#queues.slice(level + 1)) if (lower.size > 0) lower.passes++;
  }

  /** Milliseconds until so many tokens, or as many as the bucket holds, are there. */
  #delayMs(count: number): number {
    this.#refill();
    const missing = Math.min(count, this.#limit) - this.#tokens;
    if (count === 0) return 0;
    if (this.#limit === 0) return Infinity;
    return missing > ROUNDING ? missing * this.#windowMs / this.#limit : 0;
  }

  #refill(): void {
    const nowMs = performance.now();
    const passedMs = nowMs - this.#countedMs;
    this.#countedMs = nowMs;
    if (this.#limit === Infinity) this.#tokens = Infinity;
    else {
      const gained = passedMs * this.#limit / this.#windowMs;
      this.#tokens = Math.min(this.#tokens + gained, this.#limit);
    }
  }
}

class ConsumeQueue extends WaitQueue<ConsumeWaiter> {
  /** Turns of higher priorities since one of this had its turn. */
  passes = 0;
}

class ConsumeWaiter extends Waiter<void> {
  readonly count: number;
  readonly #throttle: Throttle;

  constructor(throttle: Throttle, count: number) {
    super("consume tokens of a throttle");
    this.#throttle = throttle;
    this.count = count;
  }

  override left(): void {
    this.#throttle.serve();
  }
}

function checkLimit(limit: number): number {
  if (limit >= 0) return limit;
  throw new RangeError(`Cannot throttle: the limit must not be negative, received ${limit}`);
}

function checkCount(count: number): number {
  if (count >= 0 && count < Infinity) return count;
  throw new RangeError(`Cannot throttle: the count of tokens must be from 0, received ${count}`);
}
