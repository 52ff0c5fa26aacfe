// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { taskContext, WaitScope } from "./task_record.ts";

/**
 * Calls a function that the cancelling of the running task does not interrupt: for cleaning up.
 * Signals and timeouts that it passes itself still count.
 *
 * @example Say good-bye although cancelled
 * ```ts
 * import { shield, sleep, spawn } from "@photon/std/thread";
 * import { assert } from "@std/assert";
 *
 * let saidGoodbye = false;
 * const task = spawn(async () => {
 *   try {
 *     await sleep(60_000);
 *   } finally {
 *     await shield(() => sleep(1));
 *     saidGoodbye = true;
 *   }
 * });
 * await sleep(0);
 * task.cancel();
 * await task.join().catch(() => {});
 * assert(saidGoodbye);
 * ```
 */
export function shield<T>(call: () => T): T {
  return taskContext.run(new WaitScope(taskContext.get()?.task), call, undefined);
}
