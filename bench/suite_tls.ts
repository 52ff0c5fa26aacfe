// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { makeCertificate } from "./certificate.ts";
import type { CommandLine } from "./command_line.ts";
import { cPeer, denoPeer, withArguments } from "./programs.ts";
import { Missing, type Outcome, type Prepared, type Suite } from "./suite.ts";

/** TLS beside Deno's own: what a server spends on bulk data and on handshakes. */
export const suite: Suite = {
  title: "TLS echo over loopback, closed loop, one server thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",          head: "MiB/s",    unit: "MiB/s", digits: 0 },
    { metric: "handshakes",    head: "hs/s",     unit: "1/s",   digits: 0 },
    { metric: "cpu_mebibyte",  head: "us/MiB",   unit: "us",    digits: 0 },
    { metric: "cpu_handshake", head: "us/hs",    unit: "us",    digits: 0 },
  ],
  ratios: [
    { metric: "cpu_mebibyte", baseline: "deno" },
    { metric: "cpu_handshake", baseline: "deno" },
  ],
  prepare,
  values,
};

interface LoadCase {
  readonly name: string;
  readonly mode: "echo" | "full" | "resumed";
  readonly connections: number;
  readonly size: number;
  /** Whether the load acknowledges at once, so that Nagle's algorithm keeps no server waiting. */
  readonly acks?: boolean;
}

// Data: what is measured, one case a row; `--quick` takes the first four.
// deno-fmt-ignore
const CASES: readonly LoadCase[] = [
  { name: "echo of 64 KiB, 1 connection",       mode: "echo",    connections: 1,  size: 65_536 },
  { name: "echo of 64 KiB, 16 connections",     mode: "echo",    connections: 16, size: 65_536 },
  { name: "full handshakes, 16 connections",    mode: "full",    connections: 16, size: 1 },
  { name: "resumed handshakes, 16 connections", mode: "resumed", connections: 16, size: 1 },
  { name: "echo of 1 MiB, 16 connections",      mode: "echo",    connections: 16, size: 1_048_576 },
  { name: "full handshakes, 1 connection",      mode: "full",    connections: 1,  size: 1 },
  { name: "resumed handshakes, 1 connection",   mode: "resumed", connections: 1,  size: 1 },
  { name: "echo of 64 KiB, acked at once",      mode: "echo",    connections: 16, size: 65_536, acks: true },
  { name: "full handshakes, acked at once",     mode: "full",    connections: 16, size: 1, acks: true },
  { name: "resumed handshakes, acked at once",  mode: "resumed", connections: 16, size: 1, acks: true },
];
const QUICK_CASES = 4;

const WINDOW = { seconds: 2, warmupSeconds: 2 };
/** Not for handshakes: a server that waits for acknowledgements makes 360 of them a second. */
const QUICK_WINDOW = { seconds: 1, warmupSeconds: 0.5 };

async function prepare({ quick }: { quick: boolean }): Promise<Prepared> {
  const certificate = await makeCertificate();
  const generator = await cPeer("tls_load", "-lssl", "-lcrypto");
  const server = (...args: Parameters<typeof denoPeer>): CommandLine | Missing =>
    generator instanceof Missing
      ? generator
      : certificate instanceof Missing
      ? certificate
      : denoPeer(...args);
  const files = certificate instanceof Missing ? [] : certificate;
  const servers = {
    "ours-cooperative": server("tls_ours.ts", ...files),
    "ours-exclusive": server("tls_ours.ts", ...files, "--exclusive"),
    "deno": server("tls_deno.ts", ...files),
  };
  const cases = CASES.slice(0, quick ? QUICK_CASES : CASES.length).map((
    { name, mode, connections, size, acks = false },
  ) => ({
    name,
    subjects: Object.entries(servers).map(([name, server]) => ({
      name,
      server,
      load: (port: number) => {
        const window = quick && mode === "echo" ? QUICK_WINDOW : WINDOW;
        const numbers = [connections, size, window.seconds, window.warmupSeconds].map(String);
        const load = generator instanceof Missing ? { program: "false", args: [] } : generator;
        const last = acks ? ["0", "acks"] : [];
        return withArguments(load, "127.0.0.1", `${port}`, mode, ...numbers, ...last);
      },
    })),
  }));
  const notes = [
    `load: tls_load.c on OpenSSL, ${quick ? "1 s, handshakes 2" : "2 s"} a run; P-256, TLS 1.3`,
    "us are CPU of the server; a handshake counts with connect, an echo of 1 B and close",
    "Deno's TLS leaves Nagle's algorithm on and waits for delayed acknowledgements, 40 ms each:",
    "its us are then those of a server that is idle most of the time, in few ticks of 10 ms;",
    "'acked at once' (without --quick) has it as busy as the others",
  ];
  return { cases, notes };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { bytes = 0, handshakes = 0, seconds = 1 } = report;
  const mebibytes = bytes / 2 ** 20;
  const reconnects = handshakes > 0;
  return {
    ...(reconnects ? { handshakes: handshakes / seconds } : { rate: mebibytes / seconds }),
    ...(cpu !== null && reconnects && { cpu_handshake: cpu.totalUs / handshakes }),
    ...(cpu !== null && !reconnects && { cpu_mebibyte: cpu.totalUs / mebibytes }),
  };
}
