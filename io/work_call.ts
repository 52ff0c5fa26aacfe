// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Names of the functions that a module exports. */
export type FunctionName<M> =
  & { [K in keyof M]: M[K] extends (...args: never[]) => unknown ? K : never }[keyof M]
  & string;

/** What a function of a module takes. */
export type ArgumentsOf<M, K extends keyof M> = M[K] extends (...args: infer A) => unknown ? A
  : never;

/** What a call of a function of a module resolves to. */
export type ResultOf<M, K extends keyof M> = M[K] extends (...args: never[]) => infer R ? Awaited<R>
  : never;

/** Any module. */
export type AnyModule = Record<string, (...args: unknown[]) => unknown>;

/** The absolute URL of a module, and its type. */
export interface WorkModule<M> extends URL {
  /** There for the type checker only. */
  readonly exports?: M;
}

/**
 * Says which type the module at a URL has, so that calls of each of its functions are typed.
 *
 * @throws {TypeError} when the URL is not absolute
 *
 * @example A typed module
 * ```ts
 * import { workModule, WorkPool } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const jobs = workModule<typeof import("../tests/work_jobs.ts")>(
 *   new URL("../tests/work_jobs.ts", import.meta.url),
 * );
 * await using pool = new WorkPool({ workers: 1 });
 * const sum: number = await pool.call(jobs, "add", [1, 2]);
 * assertEquals(sum, 3);
 * ```
 */
export function workModule<M>(url: URL | string): WorkModule<M> {
  return new URL(url);
}

/** Options of {@linkcode WorkPool.call}. */
export interface WorkCallOptions {
  /**
   * Rejects the call with the signal's reason, and aborts the job's own signal
   * ({@linkcode workContext}).
   */
  signal?: AbortSignal | undefined;
  /** What is moved to the worker instead of copied. */
  transfer?: Transferable[];
}

/** A function that workers know by its index. */
export interface FunctionRef {
  readonly index: number;
  readonly url: string;
  readonly name: string;
}

/** One call, from the caller's side. */
export interface PendingCall {
  /** Its number; set when it is sent. */
  id: number;
  readonly target: FunctionRef;
  readonly args: readonly unknown[];
  readonly transfer: Transferable[] | undefined;
  /** For a main, which worker of how many it is on. */
  readonly place: readonly [index: number, workers: number] | null;
  /** The worker answered. */
  resolve(value: unknown): void;
  /** It failed, or there will be no answer. */
  reject(reason: unknown): void;
  /** A main says that it is ready. */
  ready?(value: unknown): void;
}
