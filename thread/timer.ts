// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "./alarm.ts";
import { currentTask, spawn, type Task } from "./task.ts";
import { taskContext } from "./task_record.ts";

/** Options of {@linkcode Timer}. */
export interface TimerOptions {
  /** Milliseconds until it fires, and between two times; `Infinity` makes it wait for `reset`. */
  timeoutMs: number;
  /**
   * Whether it fires again and again.
   *
   * @default {true}
   */
  repeating?: boolean;
}

/**
 * What a timer calls. A number that it answers is the time until it fires next; otherwise that is
 * the timer's own.
 */
export type TimerCallback = () => unknown;

/**
 * Fires after a time, and again, and can be armed anew at any time.
 *
 * It never fires while its callback runs: the next time counts from the callback's end. The
 * callback runs in a task of its own; what it throws is reported as an unhandled rejection, and
 * stops the timer.
 *
 * @example A watchdog
 * ```ts
 * import { sleep, Timer } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * let barked = 0;
 * await using watchdog = new Timer(() => void barked++, { timeoutMs: 1_000, repeating: false });
 * watchdog.reset();
 * watchdog.reset(2);
 * await sleep(20);
 * assertEquals(barked, 1);
 * ```
 */
export class Timer implements AsyncDisposable {
  readonly #callback: TimerCallback;
  readonly #timeoutMs: number;
  readonly #repeating: boolean;
  readonly #inContext = taskContext.snapshot();
  #alarm: Alarm | undefined;
  #running: Task<void> | undefined;
  /** What a call of `reset` or `cancel` during the callback asked for. */
  #nextMs: number | undefined;
  #stopped = false;

  /**
   * Arms a timer.
   *
   * @throws {RangeError} When the time is not a number
   */
  constructor(callback: TimerCallback, options: TimerOptions) {
    this.#callback = callback;
    this.#timeoutMs = checkTime(options.timeoutMs);
    this.#repeating = options.repeating ?? true;
    this.#arm(this.#timeoutMs);
  }

  /** Whether it is going to fire. */
  get armed(): boolean {
    return this.#alarm !== undefined;
  }

  /**
   * Arms it anew, for its own time or another one. During the callback this arms it for the time
   * after.
   *
   * @throws {RangeError} When the time is not a number
   * @throws {TypeError} When the timer was stopped
   */
  reset(timeoutMs: number = this.#timeoutMs): void {
    checkTime(timeoutMs);
    if (this.#stopped) throw new TypeError("Cannot reset a timer: it was stopped");
    if (this.#running === undefined) this.#arm(timeoutMs);
    else this.#nextMs = timeoutMs;
  }

  /** Disarms it; {@linkcode reset} arms it again. */
  cancel(): void {
    this.#nextMs = Infinity;
    this.#disarm();
  }

  /** Disarms it for good, cancels a callback that runs, and waits for its end. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#disarm();
    // Its own callback need not wait for itself.
    if (currentTask() === this.#running) return;
    await this.#running?.[Symbol.asyncDispose]();
  }

  /** Stops it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #arm(timeoutMs: number): void {
    this.#disarm();
    if (timeoutMs === Infinity) return;
    this.#alarm = setAlarm(performance.now() + timeoutMs, () => this.#fire());
  }

  #disarm(): void {
    if (this.#alarm !== undefined) clearAlarm(this.#alarm);
    this.#alarm = undefined;
  }

  #fire(): void {
    this.#alarm = undefined;
    this.#nextMs = undefined;
    this.#inContext(() => {
      this.#running = spawn(() => this.#call(), { name: "timer" });
    });
  }

  async #call(): Promise<void> {
    try {
      const answer = await this.#callback();
      const ownMs = this.#repeating ? this.#timeoutMs : Infinity;
      this.#nextMs ??= typeof answer === "number" ? checkTime(answer) : ownMs;
      if (!this.#stopped) this.#arm(this.#nextMs);
    } finally {
      this.#running = undefined;
    }
  }
}

function checkTime(timeoutMs: number): number {
  if (!Number.isNaN(timeoutMs)) return timeoutMs;
  throw new RangeError("Cannot arm a timer: the time is not a number");
}
