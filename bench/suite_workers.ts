// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { echoLoadCommand, findEchoLoad } from "./echo_load.ts";
import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** What a message costs when one port is served by one worker, and by two. */
export const suite: Suite = {
  title: "TCP echo by workers that share a port, closed loop",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "msg/s",   unit: "1/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu",        head: "cpu us",  unit: "us",  digits: 2 },
  ],
  ratios: [{ metric: "rate", baseline: "1 worker" }, { metric: "cpu", baseline: "1 worker" }],
  prepare,
  values,
};

const MESSAGE_BYTES = 64;
const CONNECTIONS = [64, 256];
const QUICK_CONNECTIONS = [256];

async function prepare({ quick }: Plan): Promise<Prepared> {
  const load = await findEchoLoad();
  const window = quick ? { seconds: 1.2, warmupSeconds: 0.5 } : { seconds: 3, warmupSeconds: 0.7 };
  const cases = (quick ? QUICK_CONNECTIONS : CONNECTIONS).map((connections) => ({
    name: `${MESSAGE_BYTES} B, ${connections} connections`,
    subjects: [1, 2].map((workers) => ({
      name: `${workers} ${workers === 1 ? "worker" : "workers"}`,
      server: denoPeer("workers_ours.ts", `${workers}`),
      load: (port: number) =>
        echoLoadCommand(load, { port, connections, size: MESSAGE_BYTES, ...window }),
    })),
  }));
  return { cases, notes: [`${load.note}, ${window.seconds} s a run; us of CPU are per message`] };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { messages, seconds, p50Us, p99Us } = report;
  const times = { rate: messages! / seconds!, p50: p50Us!, p99: p99Us! };
  return cpu === null ? times : { ...times, cpu: cpu.totalUs / messages! };
}
