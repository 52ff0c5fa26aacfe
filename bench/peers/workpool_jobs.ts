// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { openWorkChannel, type WorkChannelEnd } from "../../io/work_channel.ts";

/** The sum. */
export function add(left: number, right: number): number {
  return left + right;
}

/** Computes for a millisecond. */
export function work(): number {
  const end = performance.now() + 1;
  let rounds = 0;
  while (performance.now() < end) rounds++;
  return rounds;
}

/** Counts numbers; a negative one asks how many there were. */
export async function count(end: WorkChannelEnd): Promise<void> {
  using channel = openWorkChannel<number>(end);
  let count = 0;
  for await (const value of channel) {
    if (value < 0) await channel.send(count);
    else count++;
  }
}
