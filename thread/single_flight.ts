// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { spawn, type Task, type TaskFunction } from "./task.ts";
import { rejectedBefore, type WaitOptions } from "./waiter.ts";

/**
 * Does the same thing once for all who ask for it at the same time.
 *
 * The function runs in a task of its own, so that no caller's giving up disturbs the others; when
 * all have given up it is cancelled.
 *
 * @example Ten callers, one query
 * ```ts
 * import { SingleFlight, sleep } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * let queries = 0;
 * async function query() {
 *   await sleep(1);
 *   return ++queries;
 * }
 * const flights = new SingleFlight<string, number>();
 * const answers = await Promise.all(Array.from({ length: 10 }, () => flights.run("key", query)));
 * assertEquals(answers, new Array(10).fill(1));
 * ```
 */
export class SingleFlight<K, V> {
  readonly #flights = new Map<K, Flight<V>>();

  /** Keys that something is being done for. */
  get size(): number {
    return this.#flights.size;
  }

  /**
   * Calls the function, or waits for the call that is being made for this key; all get its result
   * or its error. Afterwards nothing is kept.
   *
   * @throws {Deno.errors.TimedOut} When the time of this caller is up
   */
  async run(key: K, run: TaskFunction<V>, options?: WaitOptions): Promise<V> {
    await rejectedBefore(options);
    const flight = this.#flights.get(key) ?? this.#start(key, run);
    flight.callers++;
    try {
      return await flight.task.join(options);
    } finally {
      if (--flight.callers === 0) {
        this.#drop(key, flight);
        flight.task.cancel();
      }
    }
  }

  /** Lets the next call for this key start anew; those who wait get the result they wait for. */
  forget(key: K): void {
    this.#flights.delete(key);
  }

  #start(key: K, run: TaskFunction<V>): Flight<V> {
    const flight: Flight<V> = { task: spawn(landing, { name: "single flight" }), callers: 0 };
    this.#flights.set(key, flight);
    const drop = () => this.#drop(key, flight);
    async function landing(task: Task<unknown>): Promise<V> {
      try {
        return await run(task);
      } finally {
        drop();
      }
    }
    return flight;
  }

  #drop(key: K, flight: Flight<V>): void {
    if (this.#flights.get(key) === flight) this.#flights.delete(key);
  }
}

interface Flight<V> {
  readonly task: Task<V>;
  callers: number;
}
