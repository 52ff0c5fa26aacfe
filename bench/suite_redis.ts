// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { denoPeer, nodePackage } from "./programs.ts";
import { Missing, type Plan, type Prepared, type Subject, type Suite } from "./suite.ts";
import type { Outcome } from "./suite.ts";

/** Redis clients under a closed loop of `GET`, beside the C program of the server's package. */
export const suite: Suite = {
  title: "Redis GET, closed loop, one connection",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "GET/s",   unit: "1/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu_user",   head: "user us", unit: "us",  digits: 2 },
    { metric: "cpu_system", head: "sys us",  unit: "us",  digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "node-redis" },
    { metric: "rate", baseline: "ioredis" },
    { metric: "rate", baseline: "redis-benchmark" },
  ],
  prepare,
  values,
};

// deno-fmt-ignore
const CASES = [
  { name: "tcp, 512 in flight, 16 B",     transport: "tcp",  inFlight: 512, valueBytes: 16, isQuick: true },
  { name: "tcp, 1 in flight, 16 B",       transport: "tcp",  inFlight: 1,   valueBytes: 16, isQuick: true },
  { name: "tcp, 16 in flight, 64 KiB",    transport: "tcp",  inFlight: 16,  valueBytes: 65_536, isQuick: true },
  { name: "unix, 512 in flight, 16 B",    transport: "unix", inFlight: 512, valueBytes: 16, isQuick: true },
  { name: "unix, 1 in flight, 16 B",      transport: "unix", inFlight: 1,   valueBytes: 16, isQuick: false },
  { name: "unix, 16 in flight, 64 KiB",   transport: "unix", inFlight: 16,  valueBytes: 65_536, isQuick: false },
];

const NODE_REDIS = "redis@5.12.1";
const IOREDIS = "ioredis@5.11.1";

async function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? 0.7 : 3;
  const server = await serverCommand();
  const [nodeRedis, ioredis] = [await nodePackage(NODE_REDIS), await nodePackage(IOREDIS)];
  const cases = (quick ? CASES.filter((one) => one.isQuick) : CASES).map(
    ({ name, transport, inFlight, valueBytes }) => {
      const args = [transport, String(inFlight), String(valueBytes), String(seconds)];
      const subject = (name: string, peer: string, folder?: string | Missing): Subject => ({
        name,
        server: folder instanceof Missing ? folder : server,
        load: (port) => denoPeer(peer, ...(folder ? [String(folder)] : []), String(port), ...args),
      });
      const pipeline = inFlight === 512 ? ["16", "50"] : ["1", String(inFlight)];
      const c = (port: number) =>
        denoPeer(
          "redis_benchmark.ts",
          ...[
            String(port),
            transport,
            pipeline[0]!,
            String(valueBytes),
            String(seconds),
            pipeline[1]!,
          ],
        );
      return {
        name,
        subjects: [
          subject("ours", "redis_ours.ts"),
          subject("node-redis", "redis_node_redis.ts", nodeRedis),
          subject("ioredis", "redis_ioredis.ts", ioredis),
          { name: "redis-benchmark", server, load: c },
        ],
      };
    },
  );
  const notes = [
    `${seconds} s a run; us of CPU are the client's, per command, all threads`,
    "redis-benchmark: 50 connections with -P 16 where 512 are in flight, else one command each",
  ];
  return { cases, notes };
}

async function serverCommand(): Promise<CommandLine | Missing> {
  try {
    await new Deno.Command("redis-server", { args: ["--version"] }).output();
  } catch {
    return new Missing("redis-server is not installed");
  }
  return denoPeer("redis_server.ts");
}

function values({ report }: Outcome): Record<string, number> {
  const { calls, seconds, p50Us, p99Us, userUs, systemUs } = report;
  const numbers = { rate: calls! / seconds!, p50: p50Us!, p99: p99Us! };
  if (userUs === undefined) return numbers;
  return { ...numbers, cpu_user: userUs / calls!, cpu_system: systemUs! / calls! };
}
