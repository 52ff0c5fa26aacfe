// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Options of {@linkcode WorkPool.run}. */
export interface WorkServiceOptions {
  /**
   * The exported function to start on every worker.
   *
   * @default {"main"}
   */
  name?: string;
  /** What it gets after its context; must be clonable. */
  args?: readonly unknown[];
  /** Stops the service. */
  signal?: AbortSignal;
}

/** Starts one main; gives its end, and takes what ends it early. */
export type StartMain = (
  ready: (value: unknown) => void,
) => { done: Promise<unknown>; cancel: () => void };

/**
 * One main on every worker of a pool, from {@linkcode WorkPool.run}. When one of them fails or
 * loses its worker, the others are stopped.
 *
 * @example A value of each worker
 * ```ts
 * import { type WorkService, WorkPool } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * await using pool = new WorkPool({ workers: 2 });
 * const jobs = new URL("../tests/work_jobs.ts", import.meta.url);
 * const service: WorkService = pool.run(jobs, { name: "placeMain" });
 * assertEquals(await service.ready, ["0 of 2", "1 of 2"]);
 * await service.stop();
 * ```
 */
export class WorkService implements AsyncDisposable {
  /** What each main said to `context.ready`, or undefined; rejects when one fails before. */
  readonly ready: Promise<unknown[]>;
  /** Resolves when every main has returned; rejects with the first error. */
  readonly finished: Promise<void>;

  readonly #cancels: (() => void)[] = [];

  /** Use {@linkcode WorkPool.run}. */
  constructor(starts: readonly StartMain[], signal: AbortSignal | undefined) {
    const readies: Promise<unknown>[] = [];
    const ends: Promise<unknown>[] = [];
    for (const start of starts) {
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      const { done, cancel } = start(resolve);
      // A main that ends without a word will not be ready any more.
      done.then(() => resolve(undefined), reject);
      readies.push(promise);
      ends.push(done);
      this.#cancels.push(cancel);
    }
    const stop = () => this.#stop();
    this.ready = Promise.all(readies);
    this.finished = allEnded(ends, stop).finally(() => signal?.removeEventListener("abort", stop));
    // Either may be left alone: the other one tells.
    this.ready.catch(() => {});
    this.finished.catch(() => {});
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  }

  /** Aborts the signal of every main; resolves when all have returned. */
  async stop(): Promise<void> {
    this.#stop();
    await this.finished;
  }

  /** {@linkcode WorkService.stop}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #stop(): void {
    for (const cancel of this.#cancels) cancel();
  }
}

/** Waits for all; the first error stops the others and is the one that is thrown. */
async function allEnded(ends: readonly Promise<unknown>[], stop: () => void): Promise<void> {
  try {
    await Promise.all(ends);
  } catch (error) {
    stop();
    await Promise.allSettled(ends);
    throw error;
  }
}
