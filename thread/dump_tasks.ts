// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { TaskRecord, type TaskWait, tracing } from "./task_record.ts";
import type { Task, TaskStatus } from "./task.ts";

/** One live task. */
export interface TaskDump {
  /** Its name. */
  readonly name: string;
  /** How far it is. */
  readonly status: TaskStatus;
  /** What it waits for in this module, the wait that began last first. */
  readonly waits: readonly TaskWaitDump[];
}

/** One wait of a task. */
export interface TaskWaitDump {
  /** What for, as in "lock a mutex". */
  readonly what: string;
  /** Stack of the call that waits; while {@linkcode traceWaits} is on. */
  readonly stack: string | undefined;
}

/**
 * Lists the tasks that live, oldest first.
 *
 * @example Find out who hangs
 * ```ts
 * import { dumpTasks, Semaphore, sleep, spawn } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const never = new Semaphore(0);
 * await using task = spawn(() => never.wait(), { name: "worker" });
 * await sleep(0);
 * const [{ name, status, waits }] = dumpTasks();
 * assertEquals([name, status, waits[0].what], [
 *   "worker",
 *   "waiting",
 *   "take permits of a semaphore",
 * ]);
 * assertEquals(task.status, "waiting");
 * ```
 */
export function dumpTasks(): TaskDump[] {
  return TaskRecord.live().map((record) => ({
    name: record.name,
    status: (record.task as Task<unknown>).status,
    waits: [...waitsOf(record)].map(({ what, trace }) => ({ what, stack: trace })),
  }));
}

/**
 * Lets waits keep the stack of their caller for {@linkcode dumpTasks}, or not. It costs some
 * microseconds a wait and is off at first.
 *
 * @example See the line that waits
 * ```ts
 * import { dumpTasks, sleep, spawn, traceWaits } from "@photon/std/thread";
 * import { assertMatch } from "@std/assert";
 *
 * traceWaits(true);
 * await using _task = spawn(() => sleep(60_000));
 * await sleep(0);
 * assertMatch(dumpTasks()[0].waits[0].stack!, /:\d+:\d+/);
 * traceWaits(false);
 * ```
 */
export function traceWaits(enabled: boolean): void {
  tracing.enabled = enabled;
}

function* waitsOf(record: TaskRecord): Iterable<TaskWait> {
  for (let wait = record.firstWait; wait !== null; wait = wait.nextOfTask) yield wait;
}
