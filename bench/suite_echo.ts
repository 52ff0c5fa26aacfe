// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { echoLoadCommand, findEchoLoad } from "./echo_load.ts";
import { bunPeer, cPeer, denoPeer, nodePeer, rustPeer } from "./programs.ts";
import type { Missing, Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** Echo of whole messages over loopback connections, beside the servers of other runtimes. */
export const suite: Suite = {
  title: "TCP echo over loopback, closed loop, one server thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "msg/s",   unit: "1/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu_user",   head: "user us", unit: "us",  digits: 2 },
    { metric: "cpu_system", head: "sys us",  unit: "us",  digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "rate", baseline: "c-epoll" },
    { metric: "cpu_user", baseline: "deno" },
  ],
  prepare,
  values,
};

const SIZES_BYTES = [64, 1024, 16 * 1024];
const CONNECTIONS = [1, 64, 512];
// V8 compiles what is hot for most of a second.
const WINDOW = { seconds: 2, warmupSeconds: 1 };

const QUICK_SIZES_BYTES = [64];
const QUICK_CONNECTIONS = [1, 64];
const QUICK_WINDOW = { seconds: 1.2, warmupSeconds: 1 };

async function prepare({ quick }: Plan): Promise<Prepared> {
  const load = await findEchoLoad();
  const servers = quick ? await quickServers() : await allServers();
  const window = quick ? QUICK_WINDOW : WINDOW;
  const cases = (quick ? QUICK_SIZES_BYTES : SIZES_BYTES).flatMap((size) =>
    (quick ? QUICK_CONNECTIONS : CONNECTIONS).map((connections) => ({
      name: `${sizeName(size)}, ${connections} ${connections === 1 ? "connection" : "connections"}`,
      subjects: Object.entries(servers).map(([name, server]) => ({
        name,
        server,
        load: (port: number) => echoLoadCommand(load, { port, connections, size, ...window }),
      })),
    }))
  );
  return { cases, notes: [`${load.note}, ${window.seconds} s a run; us of CPU are per message`] };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { messages, seconds, p50Us, p99Us } = report as Record<string, number>;
  const times = { rate: messages! / seconds!, p50: p50Us!, p99: p99Us! };
  if (cpu === null) return times;
  return {
    ...times,
    cpu_user: cpu.userUs / messages!,
    cpu_system: cpu.systemUs / messages!,
  };
}

type Servers = Record<string, CommandLine | Missing>;

async function quickServers(): Promise<Servers> {
  return {
    "ours-cooperative": denoPeer("echo_ours.ts"),
    "ours-exclusive": denoPeer("echo_ours.ts", "--exclusive"),
    "deno": denoPeer("echo_deno.ts"),
    "c-epoll": await cPeer("echo_epoll"),
  };
}

async function allServers(): Promise<Servers> {
  return {
    ...await quickServers(),
    "bun": await bunPeer("echo_bun.ts"),
    "node": await nodePeer("echo_node.mjs"),
    "tokio": await rustPeer("echo_tokio"),
    "monoio": await rustPeer("echo_monoio"),
  };
}

function sizeName(bytes: number): string {
  return bytes < 1024 ? `${bytes} B` : `${bytes / 1024} KiB`;
}
