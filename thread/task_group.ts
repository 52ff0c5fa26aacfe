// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { shield } from "./shield.ts";
import { cancellation, resultOf, spawn, type SpawnOptions, type Task } from "./task.ts";
import type { TaskFunction } from "./task.ts";
import { Waiter, type WaitOptions } from "./waiter.ts";
import { WaitQueue } from "./wait_queue.ts";

/** Options of {@linkcode TaskGroup}. */
export interface TaskGroupOptions {
  /** Cancels the group with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/**
 * Tasks that end together. The first error cancels the others, and no task outlives the group: when
 * {@linkcode join} has answered, or the block with `await using` is left, nothing of it runs.
 *
 * @example All or nothing
 * ```ts
 * import { sleep, TaskGroup } from "@photon/std/thread";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * await using group = new TaskGroup();
 * const slow = group.spawn(() => sleep(60_000));
 * group.spawn(() => Promise.reject(new Error("No luck")));
 * await assertRejects(() => group.join(), Error, "No luck");
 * assertEquals(slow.status, "cancelled");
 * ```
 */
export class TaskGroup implements AsyncDisposable {
  readonly #tasks = new Set<Task<unknown>>();
  readonly #joiners = new WaitQueue<Waiter<void>>();
  readonly #signal: AbortSignal | undefined;
  readonly #abort = () => this.cancel(this.#signal?.reason);
  #failure: { error: unknown; thrown: boolean } | undefined;
  #cancelled: { reason: unknown } | undefined;
  #disposed = false;

  /** A group without tasks. */
  constructor(options: TaskGroupOptions = {}) {
    const { signal } = options;
    this.#signal = signal;
    if (signal?.aborted) this.cancel(signal.reason);
    else signal?.addEventListener("abort", this.#abort);
  }

  /**
   * Runs a function as the first task of a group, and waits for all tasks that it spawns there.
   *
   * @returns What the function returned
   */
  static async run<T>(
    body: (group: TaskGroup) => T | PromiseLike<T>,
    options?: TaskGroupOptions,
  ): Promise<T> {
    await using group = new TaskGroup(options);
    const main = group.spawn(() => body(group));
    await group.join();
    return await main.join();
  }

  /** Tasks that are not over. */
  get size(): number {
    return this.#tasks.size;
  }

  /**
   * Starts a task in the group. In a group that was cancelled it does not begin.
   *
   * @throws {TypeError} When the group was disposed
   */
  spawn<T>(run: TaskFunction<T>, options?: SpawnOptions): Task<T> {
    if (this.#disposed) throw new TypeError("Cannot spawn a task: its group was disposed");
    const task = spawn(run, options);
    this.#tasks.add(task);
    resultOf(task).then(
      () => this.#end(task),
      (error) => this.#end(task, error),
    );
    if (this.#cancelled) task.cancel(this.#cancelled.reason);
    return task;
  }

  /**
   * Waits until all tasks are over. When the wait is ended before (signal, time, cancelling of the
   * caller) the tasks are cancelled first.
   *
   * @throws What the first task failed with, or the reason that the group was cancelled with
   */
  async join(options?: WaitOptions): Promise<void> {
    try {
      if (this.#tasks.size > 0) {
        await new Waiter<void>("join a group of tasks").wait(this.#joiners, options);
      }
    } catch (error) {
      this.cancel(error);
      await this.#drain();
    }
    if (this.#failure) {
      this.#failure.thrown = true;
      throw this.#failure.error;
    }
    if (this.#cancelled) throw this.#cancelled.reason;
  }

  /** Tells all tasks to stop, also those that are still to come. */
  cancel(reason: unknown = cancellation()): void {
    if (this.#cancelled) return;
    this.#cancelled = { reason };
    for (const task of [...this.#tasks]) task.cancel(reason);
  }

  /** Cancels all tasks and waits for their end; throws an error that no join has thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.cancel();
    await this.#drain();
    this.#disposed = true;
    this.#signal?.removeEventListener("abort", this.#abort);
    if (this.#failure && !this.#failure.thrown) throw this.#failure.error;
  }

  async #drain(): Promise<void> {
    while (this.#tasks.size > 0) {
      await shield(() => new Waiter<void>("end a group of tasks").wait(this.#joiners, undefined));
    }
  }

  #end(task: Task<unknown>, error?: unknown): void {
    this.#tasks.delete(task);
    if (task.status === "failed" && !this.#failure) {
      this.#failure = { error, thrown: false };
      this.cancel(error);
    }
    if (this.#tasks.size > 0) return;
    for (let size = this.#joiners.size; size > 0; size--) this.#joiners.shift()!.succeed();
  }
}
