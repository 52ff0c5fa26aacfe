// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { echoLoadCommand, findEchoLoad } from "./echo_load.ts";
import { bulkFile, nginxServer } from "./nginx.ts";
import { cPeer, denoPeer, withArguments } from "./programs.ts";
import {
  type Case,
  Missing,
  type Outcome,
  type Plan,
  type Prepared,
  type Subject,
  type Suite,
} from "./suite.ts";

/** Datagrams, copies between two connections, and files: what a socket moves in its ways. */
export const suite: Suite = {
  title: "UDP echo, copy between two connections, file to a connection; one server thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "msg/s",   unit: "1/s",  digits: 0 },
    { metric: "bandwidth",  head: "MB/s",    unit: "MB/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",   digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",   digits: 1 },
    { metric: "cpu_user",   head: "user us", unit: "us",   digits: 2 },
    { metric: "cpu_system", head: "sys us",  unit: "us",   digits: 2 },
    { metric: "cpu",        head: "cpu us",  unit: "us",   digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "rate", baseline: "c-loop" },
    { metric: "bandwidth", baseline: "loop" },
    { metric: "cpu", baseline: "loop" },
    { metric: "bandwidth", baseline: "nginx" },
  ],
  prepare,
  values,
};

const WINDOW = { seconds: 2, warmupSeconds: 0.7 };
const QUICK_WINDOW = { seconds: 1.2, warmupSeconds: 0.5 };
const MESSAGE_BYTES = 64;
const FILE_BYTES = 1024 ** 3;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const window = quick ? QUICK_WINDOW : WINDOW;
  const cases = [
    ...await echoCases(quick ? [1, 64] : [1, 64, 512], window),
    await copyCase(window),
    await fileCase(window),
  ];
  const meaning = "us of CPU are per message, or per MB";
  return { cases, notes: [`${window.seconds} s a run; ${meaning}`] };
}

async function echoCases(sockets: readonly number[], window: typeof WINDOW): Promise<Case[]> {
  const load = await findEchoLoad();
  // The generator in Deno knows TCP only.
  const missing = load.note.includes(".c") ? undefined : new Missing("cc is not installed");
  const servers: Record<string, CommandLine | Missing> = {
    "ours-cooperative": denoPeer("datagram_ours.ts"),
    "ours-exclusive": denoPeer("datagram_ours.ts", "--exclusive"),
    "deno": unstable(denoPeer("datagram_deno.ts")),
    "c-loop": await cPeer("datagram_echo"),
  };
  return sockets.map((connections) => ({
    name: `UDP echo of ${MESSAGE_BYTES} B, ${connections} ${connections === 1 ? "peer" : "peers"}`,
    subjects: Object.entries(servers).map(([name, server]): Subject => ({
      name,
      server: missing ?? server,
      load: (port) =>
        echoLoadCommand(load, {
          port,
          datagrams: true,
          connections,
          size: MESSAGE_BYTES,
          ...window,
        }),
    })),
  }));
}

async function copyCase(window: typeof WINDOW): Promise<Case> {
  const servers: Record<string, CommandLine> = {
    "copy": denoPeer("relay_ours.ts"),
    "copy, zero-copy": denoPeer("relay_ours.ts", "--zero-copy"),
    "loop": denoPeer("relay_ours.ts", "--loop"),
    "deno-loop": denoPeer("relay_deno.ts"),
  };
  const load = await cPeer("transfer_load");
  const subjects = Object.entries(servers).map(([name, server]) =>
    transfer(name, load, server, (port) => ["relay", `${port}`], window)
  );
  return { name: "copy from a connection to another", subjects };
}

async function fileCase(window: typeof WINDOW): Promise<Case> {
  const load = await cPeer("transfer_load");
  const file = await bulkFile(FILE_BYTES);
  const servers = {
    "sendFile": denoPeer("file_server_ours.ts", file),
    "nginx": await nginxServer(file),
  };
  const subjects = Object.entries(servers).map(([name, server]) =>
    transfer(name, load, server, (port) => ["get", `${port}`, "/file"], window)
  );
  return { name: "file of 1 GiB to a connection", subjects };
}

function transfer(
  name: string,
  load: CommandLine | Missing,
  server: CommandLine | Missing,
  mode: (port: number) => string[],
  { seconds, warmupSeconds }: typeof WINDOW,
): Subject {
  if (load instanceof Missing) return { name, server: load, load: () => denoPeer("") };
  const times = [`${seconds}`, `${warmupSeconds}`];
  return { name, server, load: (port) => withArguments(load, ...mode(port), ...times) };
}

function unstable({ program, args: [run, ...rest] }: CommandLine): CommandLine {
  return { program, args: [run!, "--unstable-net", ...rest] };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { messages, bytes, seconds, p50Us, p99Us } = report;
  const units = messages ?? bytes! / 1e6;
  const times = {
    ...(cpu && { cpu_user: cpu.userUs / units, cpu_system: cpu.systemUs / units }),
    ...(cpu && { cpu: cpu.totalUs / units }),
  };
  if (messages === undefined) return { bandwidth: units / seconds!, ...times };
  return { rate: units / seconds!, p50: p50Us!, p99: p99Us!, ...times };
}
