// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Runs what waits to be run: next ticks, microtasks and reports of unhandled rejections.
 *
 * With it several rounds of ring and user code fit in one turn of Deno's loop. It stands on
 * `core.runNextTicks`, which is internal to Deno, so its work is checked once.
 *
 * @returns A function to call from a macrotask, or null where Deno has none that works
 */
export function microtaskRunner(): (() => void) | null {
  for (const name of ["runNextTicks", "runMicrotasks"]) {
    const run = internalFunction(name);
    if (run && drains(run)) return run;
  }
  return null;
}

/** Whether the function runs microtasks at once; it does not when called inside of one. */
function drains(run: () => void): boolean {
  let ran = false;
  queueMicrotask(() => ran = true);
  try {
    run();
  } catch {
    return false;
  }
  return ran;
}

function internalFunction(name: string): (() => void) | null {
  const key: unknown = Reflect.get(Deno, "internal");
  if (typeof key !== "symbol") return null;
  const internals: unknown = Reflect.get(Deno, key);
  const core: unknown = isObject(internals) ? Reflect.get(internals, "core") : null;
  const found: unknown = isObject(core) ? Reflect.get(core, name) : null;
  return typeof found === "function" ? () => void Reflect.apply(found, core, []) : null;
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
