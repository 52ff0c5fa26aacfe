// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import process from "node:process";
import { percentile } from "./percentile.ts";

/** What a subject offers. */
export interface Subject {
  /** Adds on a worker. */
  call(left: number, right: number): Promise<number>;
  /** Computes for a millisecond on a worker. */
  work(): Promise<unknown>;
  /** Sends something; resolves when more may be sent. */
  send(value: number): Promise<unknown>;
  /** Resolves when all that was sent has arrived. */
  sent(): Promise<number>;
  /** Ends the workers. */
  close(): Promise<unknown>;
}

/** Arguments: `call`, `send` or `work`, workers, calls in flight, seconds. */
export async function measure(
  args: string[],
  open: (workers: number) => Promise<Subject>,
): Promise<void> {
  const [mode, workers, depth, seconds] = args;
  const subject = await open(Number(workers));
  const step = stepOf(mode, subject);
  await loop(step, Number(depth), WARMUP_MS, null);
  console.log("measuring");
  const cpu = process.cpuUsage();
  const start = performance.now();
  const before = mode === "send" ? await subject.sent() : 0;
  const timesUs: number[] = [];
  let calls = await loop(step, Number(depth), Number(seconds) * 1000, timesUs);
  if (mode === "send") calls = await subject.sent() - before;
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const report = { calls, seconds: took, cpuUs: user + system };
  const sorted = Float64Array.from(timesUs).sort();
  const latency = mode === "send"
    ? {}
    : { p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  await subject.close();
  console.log(JSON.stringify({ ...report, ...latency }));
}

const WARMUP_MS = 500;
/** One call in so many is timed. */
const TIMED_SHARE = 8;

function stepOf(mode: string, subject: Subject): (index: number) => Promise<unknown> {
  if (mode === "call") return (index) => subject.call(index, 1);
  if (mode === "work") return () => subject.work();
  return (index) => subject.send(index);
}

/** Keeps so many steps in flight for so long; says how many that were. */
async function loop(
  step: (index: number) => Promise<unknown>,
  depth: number,
  durationMs: number,
  timesUs: number[] | null,
): Promise<number> {
  const end = performance.now() + durationMs;
  let count = 0;
  let running = true;
  const run = async () => {
    for (let index = 0; running; index++) {
      const start = performance.now();
      await step(index);
      count++;
      if (index % TIMED_SHARE > 0) continue;
      const now = performance.now();
      timesUs?.push((now - start) * 1000);
      running &&= now < end;
    }
  };
  await Promise.all(Array.from({ length: depth }, run));
  return count;
}
