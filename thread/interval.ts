// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sleepUntil } from "./sleep.ts";
import type { WaitOptions } from "./waiter.ts";

/**
 * What an interval does about ticks whose time has passed because its user was busy: give them at
 * once, one after the other (`"burst"`), go on one period from now (`"delay"`), or leave them out
 * and keep the rhythm (`"skip"`).
 */
export type MissedTicks = "burst" | "delay" | "skip";

/** Options of {@linkcode interval}. */
export interface IntervalOptions extends WaitOptions {
  /**
   * What to do about ticks that were missed.
   *
   * @default {"burst"}
   */
  missed?: MissedTicks;
}

/**
 * Ticks for ever, the first time after one period. The number of a tick counts periods, so that
 * with `"skip"` a gap shows how many were left out.
 *
 * @param periodMs Milliseconds between two ticks, above 0
 * @throws {RangeError} When the period is not a number above 0
 * @throws {Deno.errors.TimedOut} When a timeout, which counts for each tick, or a deadline comes
 *
 * @example Three ticks
 * ```ts
 * import { interval } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const ticks: number[] = [];
 * for await (const tick of interval(2)) {
 *   ticks.push(tick);
 *   if (tick === 3) break;
 * }
 * assertEquals(ticks, [1, 2, 3]);
 * ```
 */
export function interval(
  periodMs: number,
  options: IntervalOptions = {},
): AsyncIterableIterator<number> {
  if (!(periodMs > 0)) {
    throw new RangeError(`Cannot tick: the period must be above 0 ms, received ${periodMs}`);
  }
  return ticks(periodMs, options);
}

async function* ticks(
  periodMs: number,
  { missed = "burst", ...options }: IntervalOptions,
): AsyncIterableIterator<number> {
  let tick: Tick = { count: 1, dueMs: performance.now() + periodMs };
  for (;;) {
    await sleepUntil(tick.dueMs, options);
    yield tick.count;
    tick = nextTick(tick, periodMs, performance.now(), missed);
  }
}

/** One tick: which period it ends, and when. */
export interface Tick {
  /** Periods since the beginning. */
  readonly count: number;
  /** When it is due. */
  readonly dueMs: number;
}

/** The tick after one that was used until `nowMs`. */
export function nextTick(
  { count, dueMs }: Tick,
  periodMs: number,
  nowMs: number,
  missed: MissedTicks,
): Tick {
  const nextMs = dueMs + periodMs;
  if (nextMs >= nowMs || missed === "burst") return { count: count + 1, dueMs: nextMs };
  if (missed === "delay") return { count: count + 1, dueMs: nowMs + periodMs };
  const periods = Math.ceil((nowMs - dueMs) / periodMs);
  return { count: count + periods, dueMs: dueMs + periods * periodMs };
}
