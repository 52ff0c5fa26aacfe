// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { percentile } from "./percentile.ts";

const WARMUP_MS = 500;
/** One call in so many is timed: reading the clock is a tenth of a call. */
const TIMED_SHARE = 8;

/** Arguments: port, bytes of a message, calls in flight, seconds. */
export async function measureCalls(
  args: string[],
  open: (port: number) => Promise<(data: Uint8Array) => Promise<unknown>>,
): Promise<void> {
  const [port, size, depth, seconds] = args.map(Number);
  const call = await open(port);
  const data = new Uint8Array(size).fill(120);
  await loop(call, data, depth, WARMUP_MS, null);
  console.log("measuring");
  const timesUs: number[] = [];
  const start = performance.now();
  const calls = await loop(call, data, depth, seconds * 1000, timesUs);
  const took = (performance.now() - start) / 1000;
  const sorted = Float64Array.from(timesUs).sort();
  const [p50Us, p99Us] = [percentile(sorted, 0.5), percentile(sorted, 0.99)];
  console.log(JSON.stringify({ calls, seconds: took, size, p50Us, p99Us }));
  Deno.exit(0);
}

/** Keeps so many calls in flight for so long; says how many that were. */
async function loop(
  call: (data: Uint8Array) => Promise<unknown>,
  data: Uint8Array,
  depth: number,
  durationMs: number,
  timesUs: number[] | null,
): Promise<number> {
  const end = performance.now() + durationMs;
  let count = 0;
  let running = true;
  const share = depth === 1 ? 1 : TIMED_SHARE;
  const run = async () => {
    for (let index = 0; running; index++) {
      if (index % share > 0) {
        await call(data);
        count++;
        continue;
      }
      const start = performance.now();
      await call(data);
      count++;
      const now = performance.now();
      timesUs?.push((now - start) * 1000);
      running &&= now < end;
    }
  };
  await Promise.all(Array.from({ length: depth }, run));
  return count;
}
