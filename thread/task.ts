// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { taskContext, TaskRecord } from "./task_record.ts";
import { DONE, Waiter, type WaitOptions } from "./waiter.ts";

/**
 * How far a task is: not begun, running, waiting for something of this module, or over. It is
 * `"cancelled"` when it ended with the error that it was cancelled with.
 */
export type TaskStatus = "ready" | "running" | "waiting" | "completed" | "failed" | "cancelled";

/** Options of {@linkcode spawn}. */
export interface SpawnOptions {
  /**
   * Name that {@linkcode dumpTasks} shows: that of the function by default, or `"task"` where it
   * has none.
   */
  name?: string;
  /** Cancels the task with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** What a task runs; it is given its task, whose `signal` stops what knows no tasks. */
export type TaskFunction<T> = (task: Task<unknown>) => T | PromiseLike<T>;

/**
 * Starts a coroutine. The caller goes on; the function begins with the next microtask.
 *
 * What the function calls and awaits belongs to the task, also across its awaits: cancelling it
 * ends their waits. An error that nobody joins is reported as an unhandled rejection, unless the
 * task was cancelled.
 *
 * @example Start, and wait for the result
 * ```ts
 * import { sleep, spawn } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const task = spawn(async () => {
 *   await sleep(1);
 *   return "done";
 * }, { name: "example" });
 * assertEquals(task.status, "ready");
 * assertEquals(await task.join(), "done");
 * assertEquals(task.status, "completed");
 * ```
 */
export function spawn<T>(run: TaskFunction<T>, options?: SpawnOptions): Task<T> {
  const task = new Task<T>(run, options?.name ?? run.name);
  const signal = options?.signal;
  if (signal !== undefined) cancelWith(task, signal);
  return task;
}

/**
 * The task that the caller belongs to, if it is one of {@linkcode spawn}.
 *
 * @example Hand the signal of the task to what knows no tasks
 * ```ts
 * import { currentTask, spawn } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const task = spawn(() => currentTask()?.signal.aborted);
 * assertEquals(await task.join(), false);
 * assertEquals(currentTask(), undefined);
 * ```
 */
export function currentTask(): Task<unknown> | undefined {
  return taskContext.get()?.task as Task<unknown> | undefined;
}

/** The promise of a task's result, for the files of this folder: waiting for it is no joining. */
export let resultOf: <T>(task: Task<T>) => Promise<T>;

let cancelWith: <T>(task: Task<T>, signal: AbortSignal) => void;

/**
 * A coroutine that was started with {@linkcode spawn}, to wait for and to stop it by.
 *
 * @example Stop it at the end of the block
 * ```ts
 * import { sleep, spawn, type Task } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * let watch: Task<void>;
 * {
 *   await using task = watch = spawn(() => sleep(60_000));
 *   await sleep(0);
 *   assertEquals(task.status, "waiting");
 * }
 * assertEquals(watch.status, "cancelled");
 * ```
 */
export class Task<T> implements AsyncDisposable {
  readonly #record: TaskRecord;
  readonly #run: TaskFunction<T>;
  readonly #result: Promise<T>;
  #controller: AbortController | undefined = undefined;
  #unfollow: (() => void) | undefined = undefined;
  #joined = false;

  /**
   * Starts it; {@linkcode spawn} does.
   *
   * @throws {Deno.errors.Busy} When a million tasks live
   */
  constructor(run: TaskFunction<T>, name: string) {
    const record = this.#record = new TaskRecord(this, name || "task");
    this.#run = run;
    this.#result = taskContext.run(record, Task.#begin<T>, this);
  }

  /** The name it was given, or that of its function. */
  get name(): string {
    return this.#record.name;
  }

  /** How far it is. */
  get status(): TaskStatus {
    const { status, firstWait } = this.#record;
    return status === "running" && firstWait !== null ? "waiting" : status;
  }

  /** Aborted when the task is cancelled; for calls that know no tasks. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#record.cancelled) this.#controller.abort(this.#record.reason);
    }
    return this.#controller.signal;
  }

  /**
   * Waits for the result, or throws the error of the function. The options end the wait and not the
   * task.
   *
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {TypeError} When a task waits for itself
   */
  join(options?: WaitOptions): Promise<T> {
    this.#joined = true;
    const joiner = taskContext.get();
    if (joiner === undefined && options === undefined) return this.#result;
    if (joiner?.task === this) {
      return Promise.reject(new TypeError("Cannot join: a task cannot wait for itself"));
    }
    const waiter = new Waiter<T>("join a task");
    const joined = waiter.wait(null, options);
    this.#result.then((value) => waiter.succeed(value), (error) => waiter.fail(error));
    return joined;
  }

  /**
   * Tells it to stop: what it waits for in this module rejects with the reason, and so does what it
   * will wait for, except in {@linkcode shield}; its {@linkcode signal} aborts. A task that has not
   * begun never does. Nothing happens the second time, or when it is over.
   *
   * @param reason An `AbortError` when it is left out
   */
  cancel(reason: unknown = cancellation()): void {
    const record = this.#record;
    if (record.ended || record.cancelled) return;
    // Its end is wanted: it is no unhandled rejection.
    this.#result.catch(ignore);
    record.interrupt(reason);
    this.#controller?.abort(reason);
  }

  /** Cancels it and waits for its end; throws what it failed with, unless that was joined. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    try {
      await this.#result;
    } catch (error) {
      if (this.status === "failed" && !this.#joined) throw error;
    }
  }

  static async #begin<T>(task: Task<T>): Promise<T> {
    const record = task.#record;
    await DONE;
    try {
      if (record.cancelled) throw record.reason;
      record.status = "running";
      const result = await task.#run(task);
      record.end("completed");
      return result;
    } catch (error) {
      record.end(record.cancelled && error === record.reason ? "cancelled" : "failed");
      throw error;
    } finally {
      task.#unfollow?.();
    }
  }

  static {
    resultOf = (task) => task.#result;
    cancelWith = (task, signal) => {
      if (signal.aborted) return task.cancel(signal.reason);
      const cancel = () => task.cancel(signal.reason);
      signal.addEventListener("abort", cancel);
      task.#unfollow = () => signal.removeEventListener("abort", cancel);
    };
  }
}

/** Why a task stops when nobody said. */
export function cancellation(): DOMException {
  return new DOMException("Cannot go on: the task was cancelled", "AbortError");
}

function ignore(): void {}
