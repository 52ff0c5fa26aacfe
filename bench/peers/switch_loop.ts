// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `switch_loop.ts CASE SUBJECT SECONDS`: a load that measures itself, in nanoseconds an operation.

import { percentile } from "./percentile.ts";
import { type SwitchCase, switchCases } from "./switch_cases.ts";

/** Operations between two looks at the clock. */
const BATCH = 10_000;
/** Enough for the compiler to have seen all of it. */
const WARMUP_BATCHES = 30;

const [name, subject, seconds] = Deno.args;
const loop = switchCases[name!]![subject as keyof SwitchCase];

for (let i = 0; i < WARMUP_BATCHES; i++) await loop(BATCH);
console.log("measuring");
const times: number[] = [];
const end = performance.now() + Number(seconds) * 1000;
while (performance.now() < end) {
  const start = performance.now();
  await loop(BATCH);
  times.push((performance.now() - start) * 1e6 / BATCH);
}
times.sort((a, b) => a - b);
console.log(JSON.stringify({
  medianNs: percentile(times, 0.5),
  p10Ns: percentile(times, 0.1),
  p90Ns: percentile(times, 0.9),
}));
