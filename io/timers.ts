// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Timers that one queue holds at most; one more is refused with `Deno.errors.Busy`. */
export const TIMERS_MAX = 1_048_576;

/** A timer in a {@linkcode TimerQueue}, to cancel it by. */
export interface Timer {
  /** When it is due, on the clock of whoever calls {@linkcode TimerQueue.expire}. */
  readonly deadlineMs: number;
}

/**
 * Deadlines in order, for an event loop that asks how long it may sleep and what is due.
 *
 * The queue reads no clock: times are milliseconds of any clock that does not go back. Adding and
 * cancelling take O(log n), and a cancelled timer is gone at once.
 *
 * ```
 *   heap[0]            the earliest        a timer knows its index, so that cancel need not search
 *   heap[1] heap[2]    each no earlier     equal deadlines: first added, first run
 *   ...                than its parent
 * ```
 *
 * @example Run what is due
 * ```ts
 * import { TimerQueue } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const timers = new TimerQueue();
 * const ran: string[] = [];
 * timers.add(20, () => ran.push("late"));
 * timers.add(10, () => ran.push("early"));
 * const cancelled = timers.add(15, () => ran.push("never"));
 * timers.cancel(cancelled);
 * assertEquals(timers.nextDeadline(), 10);
 * assertEquals(timers.expire(30), 2);
 * assertEquals(ran, ["early", "late"]);
 * ```
 */
export class TimerQueue {
  readonly #heap: HeapTimer[] = [];
  readonly #report: (error: unknown) => void;
  #added = 0;

  /**
   * Makes an empty queue.
   *
   * @param report Takes what a callback throws; the default is the global `reportError`
   */
  constructor(report: (error: unknown) => void = (error) => reportError(error)) {
    this.#report = report;
  }

  /** Timers that wait. */
  get size(): number {
    return this.#heap.length;
  }

  /**
   * Adds a timer. One that is due already runs at the next {@linkcode expire}.
   *
   * @param deadlineMs When it is due; `Infinity` for never
   * @param callback What runs then
   * @throws {RangeError} When the deadline is not a number
   * @throws {Deno.errors.Busy} When {@linkcode TIMERS_MAX} timers wait
   */
  add(deadlineMs: number, callback: () => void): Timer {
    if (Number.isNaN(deadlineMs)) {
      throw new RangeError("Cannot add a timer: the deadline is not a number");
    }
    if (this.#heap.length >= TIMERS_MAX) {
      throw new Deno.errors.Busy(`Cannot add a timer: ${TIMERS_MAX} wait already`);
    }
    const timer = { deadlineMs, callback, order: this.#added++, index: this.#heap.length };
    this.#heap.push(timer);
    this.#rise(timer);
    return timer;
  }

  /**
   * Takes a timer out. Inside a callback this also stops one that is due in the same round.
   *
   * @returns Whether it was still to run
   */
  cancel(timer: Timer): boolean {
    const { index } = timer as HeapTimer;
    if (index === DUE) {
      (timer as HeapTimer).index = GONE;
      return true;
    }
    if (this.#heap[index] !== timer) return false;
    this.#remove(index);
    return true;
  }

  /** The earliest deadline, `Infinity` when there is none. */
  nextDeadline(): number {
    return this.#heap.length === 0 ? Infinity : this.#heap[0].deadlineMs;
  }

  /**
   * Runs the callbacks that are due, the earliest deadline first and equal ones in the order they
   * were added. What a callback adds waits for the next round, however early its deadline, so that
   * a round always ends. What a callback throws is reported after the others have run.
   *
   * @param nowMs The time
   * @returns How many ran
   */
  expire(nowMs: number): number {
    if (!(this.nextDeadline() <= nowMs)) return 0;
    let ran = 0;
    const errors: unknown[] = [];
    for (const timer of this.#takeDue(nowMs)) {
      if (timer.index !== DUE) continue;
      timer.index = GONE;
      ran++;
      try {
        timer.callback();
      } catch (error) {
        errors.push(error);
      }
    }
    for (const error of errors) this.#report(error);
    return ran;
  }

  #takeDue(nowMs: number): HeapTimer[] {
    const due: HeapTimer[] = [];
    while (this.nextDeadline() <= nowMs) {
      const timer = this.#heap[0];
      this.#remove(0);
      timer.index = DUE;
      due.push(timer);
    }
    return due;
  }

  #remove(index: number): void {
    const heap = this.#heap;
    heap[index].index = GONE;
    const last = heap.pop()!;
    if (index === heap.length) return;
    this.#place(last, index);
    this.#rise(last);
    this.#sink(last);
  }

  #rise(timer: HeapTimer): void {
    while (timer.index > 0) {
      const parent = this.#heap[(timer.index - 1) >> 1];
      if (!isEarlier(timer, parent)) return;
      this.#swap(timer, parent);
    }
  }

  #sink(timer: HeapTimer): void {
    const heap = this.#heap;
    for (;;) {
      const left = 2 * timer.index + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const child = right < heap.length && isEarlier(heap[right], heap[left]) ? right : left;
      if (!isEarlier(heap[child], timer)) return;
      this.#swap(heap[child], timer);
    }
  }

  #swap(a: HeapTimer, b: HeapTimer): void {
    const index = a.index;
    this.#place(a, b.index);
    this.#place(b, index);
  }

  #place(timer: HeapTimer, index: number): void {
    this.#heap[index] = timer;
    timer.index = index;
  }
}

interface HeapTimer extends Timer {
  readonly callback: () => void;
  /** How many timers were added before it. */
  readonly order: number;
  /** Place in the heap, or one of the two below. */
  index: number;
}

/** Taken out for this round, still to run. */
const DUE = -1;
/** Ran or cancelled. */
const GONE = -2;

function isEarlier(a: HeapTimer, b: HeapTimer): boolean {
  return a.deadlineMs < b.deadlineMs || (a.deadlineMs === b.deadlineMs && a.order < b.order);
}
