// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { percentile } from "./peers/percentile.ts";
import { cpuBetween, type CpuTimes, cpuTimes } from "./cpu.ts";
import { MESSAGE_BYTES, pingPong } from "./demo_ping_pong.ts";
import type { EchoService, Transport } from "./demo_service.ts";
import type { Source } from "./demo_source.ts";
import { streamThrough } from "./demo_stream.ts";

/** One way to load an echo service. */
export interface Workload {
  /** In a word, for the progress. */
  readonly name: string;
  /** What it does, for the head of its table. */
  readonly title: string;
  /** What it counts: the unit of its rates. */
  readonly unit: "MiB" | "msg";
  /** Whether it times round trips. */
  readonly timesRoundTrips: boolean;
  /** Connections that it uses. */
  readonly clients: number;
  /** Runs once and checks every byte; tells how far it is, from 0 to 1. */
  run(conns: readonly Deno.Conn[], onProgress: (share: number) => void): Promise<Amount>;
}

/** What one run has done. */
export interface Amount {
  /** In units of the workload. */
  readonly units: number;
  /** Microseconds of each round trip, where there are any. */
  readonly latenciesUs: number[];
}

/** What one run has shown. */
export interface Sample {
  /** Units a second. */
  readonly rate: number;
  /** Median round trip in microseconds; NaN where there are none. */
  readonly p50Us: number;
  /** The round trip that one in a hundred exceeds, in microseconds; NaN where there are none. */
  readonly p99Us: number;
  /** CPU of the service in user mode, in microseconds a unit; NaN where it cannot be read. */
  readonly userUs: number;
  /** CPU of the service in the kernel, likewise. */
  readonly systemUs: number;
}

const MIB = 1024 * 1024;
const CLIENTS = 64;
/** A run takes a second or two; one that takes so long has stalled. */
const RUN_MS_MAX = 60_000;

/** Streams a file there and back over one connection. */
export function streaming(source: Source): Workload {
  const mib = source.bytes / MIB;
  return {
    name: "streaming",
    title: `Streaming a file of ${mib} MiB there and back, CRC-32 checked`,
    unit: "MiB",
    timesRoundTrips: false,
    clients: 1,
    async run([conn], onProgress) {
      await streamThrough(conn!, source, (bytes) => onProgress(bytes / source.bytes));
      return { units: mib, latenciesUs: [] };
    },
  };
}

/** Many clients, each with one message on its way. */
export function pingPongs(seconds: number): Workload {
  return {
    name: "ping-pong",
    title: `Ping-pong of ${CLIENTS} clients with ${MESSAGE_BYTES} bytes, every echo checked`,
    unit: "msg",
    timesRoundTrips: true,
    clients: CLIENTS,
    async run(conns, onProgress) {
      const latenciesUs = await pingPong(conns, seconds, (passed) => onProgress(passed / seconds));
      return { units: latenciesUs.length, latenciesUs };
    },
  };
}

/**
 * Runs a workload once against a service, and reads what CPU the service took for it.
 *
 * @throws {Error} When bytes came back wrong or not at all; it says where, and ends the service
 */
export async function measure(
  workload: Workload,
  service: EchoService,
  transport: Transport,
  onProgress: (share: number) => void,
): Promise<Sample> {
  using conns = new DisposableStack();
  try {
    const opening = Array.from({ length: workload.clients }, () => service.connect(transport));
    const opened = (await Promise.all(opening)).map((conn) => conns.use(conn));
    const before = cpuTimes(service.pid);
    const start = performance.now();
    const amount = await withinLimit(workload.run(opened, onProgress));
    const seconds = (performance.now() - start) / 1000;
    return sample(amount, seconds, cpuBetween(before, cpuTimes(service.pid)));
  } catch (error) {
    const complaint = await service.end();
    const where = `${workload.name}, ${transport}, ${service.subject}`;
    const what = error instanceof Error ? error.message : String(error);
    throw new Error(`${where}: ${what}${complaint && `; the service wrote: ${complaint}`}`);
  }
}

async function withinLimit<T>(run: Promise<T>): Promise<T> {
  const limit = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    limit.reject(new Error(`Not done after ${RUN_MS_MAX / 1000} s`));
  }, RUN_MS_MAX);
  try {
    return await Promise.race([run, limit.promise]);
  } finally {
    clearTimeout(timer);
  }
}

function sample({ units, latenciesUs }: Amount, seconds: number, cpu: CpuTimes | null): Sample {
  const sorted = Float64Array.from(latenciesUs).sort();
  return {
    rate: units / seconds,
    p50Us: sorted.length > 0 ? percentile(sorted, 0.5) : NaN,
    p99Us: sorted.length > 0 ? percentile(sorted, 0.99) : NaN,
    userUs: cpu === null ? NaN : cpu.userUs / units,
    systemUs: cpu === null ? NaN : cpu.systemUs / units,
  };
}
