// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ArgumentsOf, FunctionName, ResultOf, WorkCallOptions } from "./work_call.ts";
import type { WorkModule } from "./work_call.ts";
import { WorkPool } from "./work_pool.ts";

/** Workers at most that block or compute for {@linkcode blocking}. */
export const BLOCKING_WORKERS_MAX = 8;
/** Calls of {@linkcode blocking} that may wait for a worker. */
export const BLOCKING_QUEUE_MAX = 1024;
/** How long the workers stay after the last call; they keep the process alive. */
export const BLOCKING_IDLE_MS = 250;
/** Functions whose text is remembered; one more makes it forget the oldest. */
const SOURCES_MAX = 256;

/**
 * Runs a function on a thread of its own, so that it may compute for long, or wait in a blocking
 * call, while the loop goes on. The function is sent as text: it sees its arguments, globals and
 * what it imports by `await import(...)`, and nothing from around it.
 *
 * Each call has a worker to itself, of {@linkcode BLOCKING_WORKERS_MAX}; {@linkcode
 * BLOCKING_QUEUE_MAX} more may wait. An abort ends the worker, wherever the function is. The
 * workers end {@linkcode BLOCKING_IDLE_MS} after the last call.
 *
 * @throws what the function throws
 * @throws the reason of the signal
 * @throws {Deno.errors.Busy} when too many calls wait
 *
 * @example Compute without holding up the loop
 * ```ts
 * import { blocking } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const sum = await blocking((count: number) => {
 *   let sum = 0;
 *   for (let n = 1; n <= count; n++) sum += n;
 *   return sum;
 * }, [1000]);
 * assertEquals(sum, 500_500);
 * ```
 */
export function blocking<A extends unknown[], R>(
  run: (...args: A) => R,
  args: A,
  options?: WorkCallOptions,
): Promise<Awaited<R>>;
/**
 * Runs an exported function of a module so.
 *
 * @param module Its absolute URL
 */
export function blocking<M, K extends FunctionName<M>>(
  module: WorkModule<M>,
  name: K,
  args: ArgumentsOf<M, K>,
  options?: WorkCallOptions,
): Promise<ResultOf<M, K>>;
export function blocking(
  what: ((...args: never[]) => unknown) | URL,
  ...rest: unknown[]
): Promise<unknown> {
  if (typeof what !== "function") {
    const [name, args, options] = rest as [string, unknown[], WorkCallOptions?];
    return call(what, name, args, options);
  }
  const [args, options] = rest as [unknown[], WorkCallOptions?];
  return call(moduleOf(what), "run", args, options);
}

let pool: WorkPool | null = null;
let calls = 0;
/** Counts the calls; a change of it ends the wait of {@linkcode retireWhenIdle}. */
const callCount = new Int32Array(new SharedArrayBuffer(4));
const modules: Map<string, string> = new Map();

async function call(
  url: URL | string,
  name: string,
  args: unknown[],
  options: WorkCallOptions | undefined,
): Promise<unknown> {
  pool ??= new WorkPool({
    workers: BLOCKING_WORKERS_MAX,
    queueMax: BLOCKING_QUEUE_MAX,
    callsPerWorker: 1,
    engine: "none",
    onAbort: "terminate",
  });
  calls++;
  Atomics.add(callCount, 0, 1);
  Atomics.notify(callCount, 0);
  try {
    return await pool.call(url, name, args, options);
  } finally {
    calls--;
    if (calls === 0) retireWhenIdle();
  }
}

/** Not by a timer: a test that ends meanwhile would be blamed for it. */
async function retireWhenIdle(): Promise<void> {
  const count = Atomics.load(callCount, 0);
  const outcome = await Atomics.waitAsync(callCount, 0, count, BLOCKING_IDLE_MS).value;
  if (outcome !== "timed-out" || calls > 0) return;
  const retired = pool;
  pool = null;
  // Nobody waits for it, and a worker that would not end has been told to all the same.
  retired?.terminate().catch(() => {});
}

/** A module that exports the function as `run`. */
function moduleOf(run: (...args: never[]) => unknown): string {
  const text = String(run);
  const known = modules.get(text);
  if (known) return known;
  for (const oldest of modules.keys()) {
    if (modules.size < SOURCES_MAX) break;
    modules.delete(oldest);
  }
  const url = `data:application/javascript,${encodeURIComponent(`export const run = ${text};`)}`;
  modules.set(text, url);
  return url;
}
