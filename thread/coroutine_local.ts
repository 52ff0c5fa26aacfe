// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { AsyncLocalStorage } from "node:async_hooks";
import { currentTask } from "./task.ts";

/**
 * A value of its own for each coroutine: of the nearest {@linkcode run} above it, or else made for
 * its task at the first {@linkcode get}.
 *
 * Values follow `await`, timers and callbacks as those of `AsyncLocalStorage` do, on which this
 * stands: `AsyncContext` is not in Deno yet.
 *
 * @example An identity for all that is done for one request
 * ```ts
 * import { CoroutineLocal, sleep } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const requestId = new CoroutineLocal(() => "none");
 * async function handle() {
 *   await sleep(1);
 *   return requestId.get();
 * }
 * const ids = await Promise.all([
 *   requestId.run("a", handle),
 *   requestId.run("b", handle),
 *   handle(),
 * ]);
 * assertEquals(ids, ["a", "b", "none"]);
 * ```
 */
export class CoroutineLocal<T> {
  readonly #storage = new AsyncLocalStorage<{ readonly value: T } | undefined>();
  readonly #initial: () => T;
  /** Of tasks, which drop theirs with themselves. */
  readonly #values = new WeakMap<object, { readonly value: T }>();

  /**
   * A value that each task makes for itself.
   *
   * @param initial Makes it, once for each task and once for all that runs outside of tasks
   */
  constructor(initial: () => T) {
    this.#initial = initial;
  }

  /** The value of the running coroutine. */
  get(): T {
    const entered = this.#storage.getStore();
    if (entered !== undefined) return entered.value;
    const owner = currentTask() ?? this;
    let made = this.#values.get(owner);
    if (made === undefined) this.#values.set(owner, made = { value: this.#initial() });
    return made.value;
  }

  /** Calls a function that has this value, with all that it calls, awaits and spawns. */
  run<R>(value: T, call: () => R): R {
    return this.#storage.run({ value }, call);
  }
}
