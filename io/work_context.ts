// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a job may know about the call that it answers. */
export interface WorkContext {
  /** Aborted when the caller gave up, or the pool wants to end. */
  readonly signal: AbortSignal;
}

/** What a main of {@linkcode WorkPool.run} gets as its first argument. */
export interface WorkMainContext extends WorkContext {
  /** Which of the pool's workers this is, from 0. */
  readonly index: number;
  /** How many there are. */
  readonly workers: number;
  /** Says that this main is up, with a value for {@linkcode WorkService.ready}. */
  ready(value?: unknown): void;
}

/** A call that runs in this worker. */
export interface Job extends WorkContext {
  /** The caller gave up. */
  abort(): void;
}

let current: WorkContext | null = null;

/**
 * The context of the call that a pool's worker is starting. To be asked before the job's first
 * `await`: later another call may have started.
 *
 * @throws {Error} outside of a job
 *
 * @example A job that can be cancelled
 * ```ts
 * import { workContext } from "@photon/std/io";
 * import { assertThrows } from "@std/assert";
 *
 * export async function download(url: string): Promise<Uint8Array> {
 *   const { signal } = workContext();
 *   return await (await fetch(url, { signal })).bytes();
 * }
 *
 * assertThrows(() => workContext());
 * ```
 */
export function workContext(): WorkContext {
  if (current === null) {
    throw new Error("Cannot tell the call: workContext() must be called as a job starts");
  }
  return current;
}

/** Calls a function as a job. */
export function runJob(
  job: Job,
  callee: (...args: unknown[]) => unknown,
  args: readonly unknown[],
): unknown {
  current = job;
  try {
    return callee(...args);
  } finally {
    current = null;
  }
}
