// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";
import { percentile } from "./percentile.ts";

/** What the loop needs of a library. */
export interface RedisSubject {
  /** Reads a key. */
  get(key: string): Promise<unknown>;
  /** Writes a key. */
  set(key: string, value: string): Promise<unknown>;
  /** Ends the connection. */
  close(): unknown;
}

/** Where a library is to connect. */
export type RedisPlace = { port: number } | { path: string };

/** Path of the Unix socket of the server that `redis_server.ts` started on a port. */
export function redisSocketPath(port: number): string {
  return `/tmp/photon-bench-redis-${port}.sock`;
}

/**
 * A closed loop of `GET`. Arguments: port, `tcp` or `unix`, in flight, bytes of a value, seconds.
 * Prints `measuring` when it is warm and one JSON object at the end.
 */
export async function measureRedis(
  args: readonly string[],
  open: (place: RedisPlace) => Promise<RedisSubject>,
): Promise<void> {
  const [port, transport, inFlight, valueBytes, seconds] = args;
  const place = transport === "unix"
    ? { path: redisSocketPath(Number(port)) }
    : { port: Number(port) };
  const subject = await open(place);
  for (const key of KEYS) await subject.set(key, "x".repeat(Number(valueBytes)));
  await loop(subject, Number(inFlight), WARMUP_MS, null);
  console.log("measuring");
  const cpu = process.cpuUsage();
  const start = performance.now();
  const timesUs: number[] = [];
  const calls = await loop(subject, Number(inFlight), Number(seconds) * 1000, timesUs);
  const took = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const sorted = Float64Array.from(timesUs).sort();
  const latency = { p50Us: percentile(sorted, 0.5), p99Us: percentile(sorted, 0.99) };
  await subject.close();
  const report = { calls, seconds: took, userUs: user, systemUs: system };
  console.log(JSON.stringify({ ...report, ...latency }));
  // Some of them stay around for a while after they were closed.
  Deno.exit(0);
}

const KEYS = Array.from({ length: 64 }, (_, index) => `bench:key:${index}`);
const WARMUP_MS = 500;
/** One call in so many is timed. */
const TIMED_SHARE = 32;

/** Keeps so many reads in flight for so long; says how many that were. */
async function loop(
  subject: RedisSubject,
  inFlight: number,
  durationMs: number,
  timesUs: number[] | null,
): Promise<number> {
  let [calls, running] = [0, true];
  const timer = setTimeout(() => running = false, durationMs);
  await Promise.all(Array.from({ length: inFlight }, async (_, lane) => {
    for (let index = lane; running; index++) {
      const isTimed = timesUs !== null && index % TIMED_SHARE === 0;
      const start = isTimed ? performance.now() : 0;
      await subject.get(KEYS[index % KEYS.length]!);
      calls++;
      if (isTimed) timesUs.push((performance.now() - start) * 1000);
    }
  }));
  clearTimeout(timer);
  return calls;
}
