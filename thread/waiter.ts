// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "./alarm.ts";
import type { Deadline } from "./deadline.ts";
import { taskContext, type TaskWait, tracing, type WaitScope } from "./task_record.ts";
import { type QueueEnd, QueueNode } from "./wait_queue.ts";

/** How long to wait, and what ends the wait. Whoever gives up leaves no trace in the queue. */
export interface WaitOptions {
  /** Gives up with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * Gives up with `Deno.errors.TimedOut` after so many milliseconds; 0 and less take what can be
   * had at once.
   *
   * @default {Infinity}
   */
  timeoutMs?: number | undefined;
  /** Gives up with `Deno.errors.TimedOut` at this time; the earlier one counts. */
  deadline?: Deadline | undefined;
}

/** A promise that is fulfilled: what need not wait returns this one. */
export const DONE: Promise<void> = Promise.resolve();

/**
 * One wait: a promise, a place in a queue, and everything that may end it. A wait has one promise
 * and one object however it ends, and no closure.
 *
 * It ends once: by {@linkcode succeed} or {@linkcode fail} of whoever has what it waits for, or by
 * {@linkcode giveUp} when its signal aborts, its time is up or its task is cancelled. Then it
 * stands in no queue, has no timer and no listener.
 */
export class Waiter<T> extends QueueNode implements TaskWait {
  /** Settled when the wait is over. */
  readonly promise: Promise<T>;
  /** What is waited for, in words that follow "Cannot". */
  readonly what: string;
  /** Stack of the caller, while waits are traced. */
  trace: string | undefined = undefined;
  /** Link of the task's list. */
  nextOfTask: TaskWait | null = null;
  /** Link of the task's list. */
  previousOfTask: TaskWait | null = null;

  readonly #resolve: (value: T) => void;
  readonly #reject: (error: unknown) => void;
  #waiting = false;
  #task: WaitScope | undefined = undefined;
  #signal: AbortSignal | undefined = undefined;
  #alarm: Alarm | undefined = undefined;
  #timeoutMs = Infinity;

  /** Prepares a wait; it begins with {@linkcode wait}. */
  constructor(what: string) {
    super();
    this.what = what;
    // One executor for all promises, instead of a closure for each.
    this.promise = new Promise(grab as Executor<T>);
    this.#resolve = grabbedResolve as (value: T) => void;
    this.#reject = grabbedReject;
  }

  /** Whether nothing has ended it. */
  get waiting(): boolean {
    return this.#waiting;
  }

  /**
   * Begins to wait, at the end of a queue where one is given. Rejects at once, without standing in
   * the queue, when the wait is over before it began.
   */
  wait(queue: QueueEnd<this> | null, options: WaitOptions | undefined): Promise<T> {
    try {
      if (!this.#begin(options)) return this.promise;
      queue?.push(this);
    } catch (error) {
      this.#finish();
      this.#reject(error);
    }
    return this.promise;
  }

  /** Ends it with what it waited for; whoever calls took it from the queue. */
  succeed(value: T): void {
    if (!this.#finish()) return;
    this.#resolve(value);
  }

  /** Ends it with an error; whoever calls took it from the queue. */
  fail(error: unknown): void {
    if (!this.#finish()) return;
    this.#reject(error);
  }

  /** Leaves the queue with an error. */
  giveUp(error: unknown): void {
    if (!this.#finish()) return;
    this.unlink();
    this.#reject(error);
    this.left();
  }

  /** Called when its time is up. */
  expire(): void {
    this.giveUp(timedOut(this.what, this.#timeoutMs));
  }

  /** Called when it has left the queue without what it waited for: others may have to be served. */
  left(): void {}

  /** Its signal has aborted. */
  handleEvent(): void {
    this.giveUp(this.#signal?.reason);
  }

  #begin(options: WaitOptions | undefined): boolean {
    this.#waiting = true;
    const task = taskContext.get();
    if (task !== undefined) {
      if (task.cancelled && !task.ended) return this.#refuse(task.reason);
      this.#task = task;
      task.addWait(this);
    }
    if (tracing.enabled) this.trace = new Error(this.what).stack;
    return options === undefined || this.#limit(options);
  }

  /** Sets what may end the wait; false when that is the case already. */
  #limit(options: WaitOptions): boolean {
    const { signal } = options;
    if (signal?.aborted) return this.#refuse(signal.reason);
    const timeoutMs = this.#timeoutMs = timeLeftMs(options);
    if (timeoutMs <= 0) {
      this.expire();
      return false;
    }
    if (timeoutMs < Infinity) {
      this.#alarm = setAlarm(performance.now() + timeoutMs, () => this.expire());
    }
    if (signal !== undefined) {
      this.#signal = signal;
      signal.addEventListener("abort", this);
    }
    return true;
  }

  #refuse(error: unknown): false {
    this.#finish();
    this.#reject(error);
    return false;
  }

  /** Drops everything that could end it; false when something has. */
  #finish(): boolean {
    if (!this.#waiting) return false;
    this.#waiting = false;
    if (this.#task !== undefined) {
      this.#task.removeWait(this);
      this.#task = undefined;
    }
    if (this.#alarm !== undefined) {
      clearAlarm(this.#alarm);
      this.#alarm = undefined;
    }
    this.#signal?.removeEventListener("abort", this);
    return true;
  }
}

/** What a call with these options answers before it tries anything: a rejection, or nothing. */
export function rejectedBefore(options: WaitOptions | undefined): Promise<never> | undefined {
  if (options === undefined) return undefined;
  if (options.signal?.aborted) return Promise.reject(options.signal.reason);
  if (!Number.isNaN(options.timeoutMs)) return undefined;
  return Promise.reject(new RangeError(NOT_A_NUMBER));
}

/** The error of a wait whose time is up. */
export function timedOut(what: string, timeoutMs: number): Error {
  const passed = timeoutMs > 0 ? `${timeoutMs} ms have passed` : "it cannot be had at once";
  return new Deno.errors.TimedOut(`Cannot ${what}: ${passed}`);
}

/** Milliseconds that a wait may take. */
function timeLeftMs({ timeoutMs = Infinity, deadline }: WaitOptions): number {
  if (Number.isNaN(timeoutMs)) {
    throw new RangeError(NOT_A_NUMBER);
  }
  return deadline === undefined ? timeoutMs : Math.min(timeoutMs, deadline.remainingMs);
}

const NOT_A_NUMBER = "Cannot wait: the timeout is not a number";

type Executor<T> = (resolve: (value: T) => void, reject: (error: unknown) => void) => void;

let grabbedResolve: (value: never) => void;
let grabbedReject: (error: unknown) => void;

function grab(resolve: (value: never) => void, reject: (error: unknown) => void): void {
  grabbedResolve = resolve;
  grabbedReject = reject;
}
