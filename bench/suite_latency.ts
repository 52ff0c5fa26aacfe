// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { echoLoadCommand, findEchoLoad } from "./echo_load.ts";
import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** What is left for Deno's own I/O by an engine that has work in every turn. */
export const suite: Suite = {
  title: "Deno's own I/O in a process whose echo server is saturated",
  // deno-fmt-ignore
  columns: [
    { metric: "tcp_p50",    head: "tcp p50",    unit: "ms",  digits: 2 },
    { metric: "tcp_p99",    head: "tcp p99",    unit: "ms",  digits: 2 },
    { metric: "fetch_p50",  head: "fetch p50",  unit: "ms",  digits: 2 },
    { metric: "fetch_p99",  head: "fetch p99",  unit: "ms",  digits: 2 },
    { metric: "signal_p50", head: "signal p50", unit: "ms",  digits: 2 },
    { metric: "signal_p99", head: "signal p99", unit: "ms",  digits: 2 },
    { metric: "samples",    head: "samples",    unit: "1",   digits: 0 },
    { metric: "rate",       head: "echo msg/s", unit: "1/s", digits: 0 },
    { metric: "busy",       head: "busy %",     unit: "%",   digits: 0 },
  ],
  ratios: [],
  prepare,
  values,
};

const MESSAGE_BYTES = 64;
// deno-fmt-ignore
const CASES = [
  { connections: 4,  busyUs: 50   },
  { connections: 4,  busyUs: 200  },
  { connections: 16, busyUs: 50   },
  { connections: 2,  busyUs: 1000 },
];
const QUICK_CASES = CASES.slice(0, 2);
const WINDOW = { seconds: 5, warmupSeconds: 0.5 };

const QUICK_WINDOW = { seconds: 2, warmupSeconds: 0.3 };

async function prepare({ quick, placement }: Plan): Promise<Prepared> {
  const load = await findEchoLoad();
  const window = quick ? QUICK_WINDOW : WINDOW;
  const cases = (quick ? QUICK_CASES : CASES).map(({ connections, busyUs }) => {
    const options = { port: "PORT" as const, connections, size: MESSAGE_BYTES, ...window };
    const { program, args } = placement.onLoadCpu(echoLoadCommand(load, options));
    const loaded = [String(busyUs), program, ...args];
    const ours = "latency_ours.ts";
    return {
      name: `${connections} connections, ${busyUs} us of work a message`,
      subjects: [
        { name: "ours-cooperative", load: () => denoPeer(ours, ...loaded) },
        { name: "ours-exclusive", load: () => denoPeer(ours, "--exclusive", ...loaded) },
        { name: "deno", load: () => denoPeer("latency_deno.ts", ...loaded) },
      ],
    };
  });
  const meaning = "times in ms; busy is the share of the time that the echo's handlers computed";
  return { cases, notes: [`${load.note}, ${window.seconds} s a run; ${meaning}`] };
}

function values({ report }: Outcome): Record<string, number> {
  const { rate, busyShare, samples, ...timesUs } = report;
  const ms = (key: string) => timesUs[key]! / 1000;
  return {
    tcp_p50: ms("tcpP50Us"),
    tcp_p99: ms("tcpP99Us"),
    fetch_p50: ms("fetchP50Us"),
    fetch_p99: ms("fetchP99Us"),
    signal_p50: ms("signalP50Us"),
    signal_p99: ms("signalP99Us"),
    samples: samples!,
    rate: rate!,
    busy: busyShare! * 100,
  };
}
