// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { echoLoadCommand, findEchoLoad } from "./echo_load.ts";
import { cPeer, denoPeer } from "./programs.ts";
import type { Missing, Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** CPU of an echo server that has nothing to do, and of one that has little. */
export const suite: Suite = {
  title: "CPU of an echo server with nothing or little to do",
  // deno-fmt-ignore
  columns: [
    { metric: "cpu",     head: "cpu ms/s", unit: "ms/s",  digits: 3 },
    { metric: "ticks",   head: "ticks",    unit: "10 ms", digits: 0 },
    { metric: "per_msg", head: "us/msg",   unit: "us",    digits: 1 },
    { metric: "p50",     head: "p50 us",   unit: "us",    digits: 1 },
    { metric: "p99",     head: "p99 us",   unit: "us",    digits: 1 },
  ],
  ratios: [{ metric: "cpu", baseline: "deno" }],
  prepare,
  values,
};

const MESSAGE_BYTES = 64;
const TICK_US = 10_000;
const WINDOW = { seconds: 8, warmupSeconds: 2 };
const QUICK_WINDOW = { seconds: 4, warmupSeconds: 2 };

// deno-fmt-ignore
const CASES = [
  { name: "idle, 64 open connections",         connections: 64, rate: 0   },
  { name: "100 messages/s over 4 connections", connections: 4,  rate: 100 },
];

async function prepare({ quick }: Plan): Promise<Prepared> {
  const load = await findEchoLoad();
  const window = quick ? QUICK_WINDOW : WINDOW;
  const servers: Record<string, CommandLine | Missing> = {
    "ours-cooperative": denoPeer("echo_ours.ts"),
    "ours-exclusive": denoPeer("echo_ours.ts", "--exclusive"),
    "deno": denoPeer("echo_deno.ts"),
  };
  if (!quick) servers["c-epoll"] = await cPeer("echo_epoll");
  const cases = CASES.map(({ name, connections, rate }) => ({
    name,
    subjects: Object.entries(servers).map(([subject, server]) => ({
      name: subject,
      server,
      load: (port: number) =>
        echoLoadCommand(load, { port, connections, rate, size: MESSAGE_BYTES, ...window }),
    })),
  }));
  return { cases, notes: [`${load.note}, ${window.seconds} s a run`] };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { messages, seconds, p50Us, p99Us } = report;
  const latency = messages === 0 ? {} : { p50: p50Us!, p99: p99Us! };
  if (cpu === null) return latency;
  return {
    cpu: cpu.totalUs / 1000 / seconds!,
    ticks: (cpu.userUs + cpu.systemUs) / TICK_US,
    ...latency,
    ...(messages === 0 ? {} : { per_msg: cpu.totalUs / messages! }),
  };
}
