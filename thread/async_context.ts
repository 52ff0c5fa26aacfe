// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { AsyncLocalStorage } from "node:async_hooks";

/**
 * One value that follows a coroutine through its awaits: the task it belongs to.
 *
 * `AsyncLocalStorage` does this too, but entering it takes 0.3 us and slows collection (a weak map
 * entry each time): five times what the rest of a spawn costs. Deno keeps the context of a
 * coroutine in one plain object, and writing that object takes 40 ns. It is internal to Deno, so
 * its work is checked once, and `AsyncLocalStorage` takes its place where the check fails.
 *
 * ```
 *   context of a coroutine   { "1": entry, "2": entry,   one for each AsyncLocalStorage in use
 *                              photonTask: task }        ours
 * ```
 */
export interface TaskContext<T extends object> {
  /** The value of the running coroutine. */
  get(): T | undefined;
  /** Calls a function whose coroutine, up to its end, has this value. */
  run<A, R>(value: T | undefined, call: (argument: A) => R, argument: A): R;
  /** Binds functions to the context of now, of all values and not only this one. */
  snapshot(): <R>(call: () => R) => R;
}

/** Opens the context, on Deno's own where that works. There is one in the process. */
export function openTaskContext<T extends object>(): TaskContext<T> {
  const core = internalContext<T>();
  return core !== undefined && works(core) ? onCore(core) : onStorage();
}

/** The portable form, with the public API only. */
export function onStorage<T extends object>(): TaskContext<T> {
  const storage = new AsyncLocalStorage<T | undefined>();
  return {
    get: () => storage.getStore(),
    run: (value, call, argument) => storage.run(value, call, argument),
    snapshot: () => AsyncLocalStorage.snapshot(),
  };
}

interface Mapping<T> {
  photonTask?: T | undefined;
  /** Itself, where there is no other value: a copy that has one is not itself. */
  photonAlone?: Mapping<T> | null;
}

interface InternalContext<T> {
  getAsyncContext(): Mapping<T> | null | undefined;
  setAsyncContext(mapping: Mapping<T> | null | undefined): void;
}

function onCore<T extends object>(core: InternalContext<T>): TaskContext<T> {
  const { getAsyncContext, setAsyncContext } = core;
  return {
    get: () => getAsyncContext()?.photonTask,
    run(value, call, argument) {
      const outer = getAsyncContext();
      setAsyncContext(isAlone(outer) ? alone(value) : withOthers(outer, value));
      try {
        return call(argument);
      } finally {
        setAsyncContext(outer);
      }
    },
    snapshot() {
      const context = getAsyncContext();
      return (call) => {
        const outer = getAsyncContext();
        setAsyncContext(context);
        try {
          return call();
        } finally {
          setAsyncContext(outer);
        }
      };
    },
  };
}

/** Whether there are no values but ours to keep: copying them takes 0.4 us. */
function isAlone<T>(mapping: Mapping<T> | null | undefined): mapping is null | undefined {
  return mapping === undefined || mapping === null || mapping.photonAlone === mapping;
}

function alone<T>(value: T | undefined): Mapping<T> {
  const mapping = { __proto__: null, photonTask: value, photonAlone: null } as Mapping<T>;
  mapping.photonAlone = mapping;
  return mapping;
}

function withOthers<T>(others: Mapping<T>, value: T | undefined): Mapping<T> {
  return { __proto__: null, ...others, photonTask: value } as Mapping<T>;
}

/** Whether our value and those of AsyncLocalStorage live in one context, as assumed. */
function works<T extends object>(core: InternalContext<T>): boolean {
  const storage = new AsyncLocalStorage<number>();
  const task = {} as T;
  const context = onCore(core);
  try {
    return storage.run(
      1,
      () =>
        context.run(task, () =>
          storage.getStore() === 1 && context.get() === task &&
          storage.run(2, () => storage.getStore() === 2 && context.get() === task), task),
    ) &&
      context.get() === undefined;
  } catch {
    return false;
  }
}

function internalContext<T>(): InternalContext<T> | undefined {
  const key: unknown = Reflect.get(Deno, "internal");
  if (typeof key !== "symbol") return undefined;
  const core = (Reflect.get(Deno, key) as { core?: Partial<InternalContext<T>> } | undefined)?.core;
  const { getAsyncContext, setAsyncContext } = core ?? {};
  if (typeof getAsyncContext !== "function" || typeof setAsyncContext !== "function") {
    return undefined;
  }
  return { getAsyncContext, setAsyncContext };
}
