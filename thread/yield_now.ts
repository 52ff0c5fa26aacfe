// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";
import { taskContext } from "./task_record.ts";
import { DONE } from "./waiter.ts";

/** How long coroutines may run by turns before Deno's loop gets one. */
const SLICE_MS = 0.5;
/** Yields between two looks at the clock (110 ns), and yielders that go on between two. */
const YIELDS_PER_LOOK = 16;
/** Turns between two polls: the event interval of Deno's scheduler (tokio) is 61. */
const TURNS_PER_POLL = 61;

/**
 * Gives way: to all coroutines that can run, at once, and to Deno's loop (sockets, timers, signals
 * and the ring) whenever it had no turn for {@linkcode SLICE_MS}. However many yield, and however
 * often, the loop waits for no more than that and sixteen of their steps.
 *
 * ```
 *   at first                each yield is one microtask: behind all that can run
 *   after half a ms         yielders gather ->| 16 | 16 | ... |   the loop polls   | 16 go on, ...
 *                                             first come, first to go on, the clock between
 * ```
 *
 * One turn of the loop (`setImmediate`) would not do: a loop that always has another one to make
 * polls sockets and timers only every 61 turns, which lets a round trip over TCP take 60 ms. So
 * they are made all at once, empty, in 0.06 ms.
 *
 * In a task that was cancelled it rejects, so that a computation can be stopped.
 *
 * @example A long computation that lets others live
 * ```ts
 * import { yieldNow } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * let sum = 0;
 * for (let i = 0; i < 100_000; i++) {
 *   sum += i;
 *   if (i % 1_000 === 0) await yieldNow();
 * }
 * assertEquals(sum, 4_999_950_000);
 * ```
 */
export function yieldNow(): Promise<void> {
  const task = taskContext.get();
  if (task !== undefined && task.cancelled && !task.ended) return Promise.reject(task.reason);
  if (!gathering) {
    if (++yields < YIELDS_PER_LOOK) return DONE;
    yields = 0;
    const nowMs = performance.now();
    if (nowMs - sliceStartMs < SLICE_MS) return DONE;
    gathering = true;
    pollLoop().then(resume);
  }
  return gather();
}

/** Whether coroutines yield all the time, so that Deno's loop is never without work. */
export function coroutinesYield(): boolean {
  return gathering;
}

/** Some that yielded, in order, and go on together. */
interface Batch {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  count: number;
}

let yields = 0;
let sliceStartMs = 0;
/** Whether the slice is used up, so that all who yield wait for the loop. */
let gathering = false;
/** Who waits; one goes in for each that came out, so the length is the number of yielders / 16. */
let batches: Batch[] = [];
/** Batches that have gone on. */
let resumed = 0;

function gather(): Promise<void> {
  let batch = batches[batches.length - 1];
  if (batch === undefined || batch.count === YIELDS_PER_LOOK || batches.length === resumed) {
    const { promise, resolve } = Promise.withResolvers<void>();
    batch = { promise, resolve, count: 0 };
    batches.push(batch);
  }
  batch.count++;
  return batch.promise;
}

/** Slices for those who wait, until one lets all of them go on. */
async function resume(): Promise<void> {
  while (!await resumeSlice()) {
    batches = batches.slice(resumed);
    resumed = 0;
    await pollLoop();
  }
  // Whoever yielded meanwhile goes on too, and yields are microtasks again.
  while (resumed < batches.length) batches[resumed++].resolve();
  batches = [];
  resumed = 0;
  yields = 0;
  gathering = false;
}

/** Lets those go on who wait now; false when the slice is over before all have. */
async function resumeSlice(): Promise<boolean> {
  sliceStartMs = performance.now();
  for (const end = batches.length; resumed < end;) {
    if (resumed > 0 && performance.now() - sliceStartMs >= SLICE_MS) return false;
    const batch = batches[resumed++];
    batch.resolve();
    // They are in front of us in the queue of microtasks.
    await batch.promise;
  }
  return true;
}

/** Lets Deno's loop poll, which it does once in so many turns that it makes without sleeping. */
function pollLoop(): Promise<void> {
  return new Promise((resolve) => {
    let turns = TURNS_PER_POLL;
    const turn = () => {
      if (--turns > 0) setImmediate(turn);
      else resolve();
    };
    setImmediate(turn);
  });
}
