// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Coroutines and what they need to work together: tasks, locks, channels, time.
 *
 * Everything is fair (first come, first served), can be given up by a signal, a timeout or a
 * deadline, and leaves no trace in a queue then. A {@linkcode Task} that is cancelled stops waiting
 * by itself, in all of this module, without a signal being handed around. What need not wait costs
 * one `await`.
 *
 * ```ts
 * import { Channel, Mutex, spawn, TaskGroup } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const squares = new Channel<number>(4);
 * const sum = spawn(async () => {
 *   let sum = 0;
 *   for await (const square of squares) sum += square;
 *   return sum;
 * });
 * await TaskGroup.run((group) => {
 *   for (const n of [1, 2, 3]) group.spawn(() => squares.send(n * n));
 * });
 * squares.close();
 * assertEquals(await sum.join(), 14);
 *
 * const mutex = new Mutex();
 * using _lock = await mutex.lock({ timeoutMs: 100 });
 * ```
 *
 * @module
 */
export { backoffMs, type BackoffOptions } from "./backoff.ts";
export { Channel, ChannelClosedError } from "./channel.ts";
export { ConditionVariable } from "./condition_variable.ts";
export { CoroutineLocal } from "./coroutine_local.ts";
export { Deadline, deadline } from "./deadline.ts";
export { dumpTasks, type TaskDump, type TaskWaitDump, traceWaits } from "./dump_tasks.ts";
export { ExpiringCache, type ExpiringCacheOptions } from "./expiring_cache.ts";
export { interval, type IntervalOptions, type MissedTicks } from "./interval.ts";
export { Lock, type LockOwner } from "./lock.ts";
export { Mutex } from "./mutex.ts";
export { ObjectCache, type ObjectCacheOptions, ObjectReference } from "./object_cache.ts";
export { type LockedRange, RangeLock } from "./range_lock.ts";
export { RetryBudget } from "./retry_budget.ts";
export { RwLock } from "./rw_lock.ts";
export {
  type ReceiveCase,
  receiveCase,
  select,
  type SelectCase,
  type Selected,
  type SendCase,
  sendCase,
  trySelect,
} from "./select.ts";
export { Semaphore } from "./semaphore.ts";
export { shield } from "./shield.ts";
export { SingleFlight } from "./single_flight.ts";
export { sleep } from "./sleep.ts";
export {
  currentTask,
  spawn,
  type SpawnOptions,
  Task,
  type TaskFunction,
  type TaskStatus,
} from "./task.ts";
export { TaskGroup, type TaskGroupOptions } from "./task_group.ts";
export { type ConsumeOptions, type Priority, Throttle, type ThrottleOptions } from "./throttle.ts";
export { timeout } from "./timeout.ts";
export { Timer, type TimerCallback, type TimerOptions } from "./timer.ts";
export { WaitGroup } from "./wait_group.ts";
export type { WaitOptions } from "./waiter.ts";
export { yieldNow } from "./yield_now.ts";
