// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setImmediate } from "node:timers";

/**
 * Points in time that a test can act at, counted from where it stands: 0 is now, then come single
 * microtasks, then whole turns of Deno's loop. Together they hit every await point of an operation
 * that takes a few turns.
 */
export const MOMENTS: readonly number[] = Array.from({ length: 14 }, (_, moment) => moment);

const MICROTASKS = 6;

/** Resolves at one of the {@linkcode MOMENTS}; at 0 it does not even wait for a microtask. */
export function atMoment(moment: number, act: () => void): Promise<void> {
  if (moment === 0) {
    act();
    return Promise.resolve();
  }
  return waitForMoment(moment).then(act);
}

/** One turn of Deno's loop. */
export function nextImmediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

async function waitForMoment(moment: number): Promise<void> {
  for (let tick = 1; tick < Math.min(moment, MICROTASKS); tick++) await undefined;
  for (let turn = MICROTASKS; turn <= moment; turn++) await nextImmediate();
}
