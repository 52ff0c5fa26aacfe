// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { makeCertificate } from "./certificate.ts";
import type { CommandLine } from "./command_line.ts";
import { bunPeer, cPeer, denoPeer, nginxPeer, withArguments } from "./programs.ts";
import { Missing, type Outcome, type Plan, type Prepared, type Suite } from "./suite.ts";

/** Requests of an HTTP server, beside the servers of other runtimes. */
export const suite: Suite = {
  title: "HTTP/1.1 over loopback, one server thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "req/s",   unit: "1/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu",        head: "cpu us",  unit: "us",  digits: 2 },
    { metric: "cpu_user",   head: "user us", unit: "us",  digits: 2 },
    { metric: "cpu_system", head: "sys us",  unit: "us",  digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "cpu", baseline: "deno" },
    { metric: "cpu_user", baseline: "deno" },
    { metric: "cpu", baseline: "c-epoll" },
    { metric: "cpu", baseline: "bun" },
    { metric: "cpu", baseline: "nginx" },
  ],
  prepare,
  values,
};

interface Load {
  readonly name: string;
  readonly connections: number;
  readonly pipeline: number;
  readonly bodyBytes: number;
  /** Requests per second; a closed loop when left out. */
  readonly rate?: number;
  /** Over TLS, which Deno and we speak here. */
  readonly secure?: boolean;
}

// Data: what is asked, and how.
// deno-fmt-ignore
const LOADS: readonly Load[] = [
  { name: "hello, 64 connections",            connections: 64, pipeline: 1,  bodyBytes: 0 },
  { name: "hello, 1 connection",              connections: 1,  pipeline: 1,  bodyBytes: 0 },
  { name: "hello, 4 connections, 16 deep",    connections: 4,  pipeline: 16, bodyBytes: 0 },
  { name: "JSON echo of 1 KiB, 64 connections", connections: 64, pipeline: 1, bodyBytes: 1024 },
  { name: "hello, 100 requests/s",            connections: 4,  pipeline: 1,  bodyBytes: 0, rate: 100 },
  { name: "hello over TLS, 64 connections",   connections: 64, pipeline: 1,  bodyBytes: 0, secure: true },
];
// Compilers share the CPU of the server: what they do belongs to the warm-up.
const WINDOW = { seconds: 2, warmupSeconds: 2 };
const QUICK_WINDOW = { seconds: 1, warmupSeconds: 0.8 };

async function prepare({ quick }: Plan): Promise<Prepared> {
  const plain = await cPeer("http_load");
  const window = quick ? QUICK_WINDOW : WINDOW;
  const servers: Record<string, CommandLine | Missing> = {
    "ours-cooperative": denoPeer("http_ours.ts"),
    "ours-exclusive": denoPeer("http_ours.ts", "--exclusive"),
    "deno": denoPeer("http_deno.ts"),
    "c-epoll": await cPeer("http_epoll"),
    "bun": await bunPeer("http_bun.ts"),
    "nginx": await nginxPeer("http_nginx.sh"),
  };
  // The C server and nginx only say hello.
  const others = quick
    ? ["ours-cooperative", "deno"]
    : ["ours-cooperative", "ours-exclusive", "deno", "bun"];
  const tls = await securePrograms();
  const cases = LOADS.map(({ name, connections, pipeline, bodyBytes, rate, secure }) => {
    const numbers = [connections, pipeline, bodyBytes, window.seconds, window.warmupSeconds];
    if (rate !== undefined) numbers.push(rate);
    const load = secure ? tls.load : plain;
    const subjects = Object.entries(secure ? tls.servers : servers)
      .filter(([subject]) => secure || name === LOADS[0]!.name || others.includes(subject))
      .map(([subject, server]) => ({
        name: subject,
        server: load instanceof Missing ? load : server,
        load: (port: number) =>
          withArguments(load as CommandLine, "127.0.0.1", String(port), ...numbers.map(String)),
      }));
    return { name, subjects };
  });
  return {
    cases,
    notes: [`load: http_load.c, ${window.seconds} s a run; us of CPU are per request`],
  };
}

async function securePrograms() {
  const load = await cPeer("http_load_tls", "-lssl", "-lcrypto");
  const certificate = await makeCertificate();
  const peer = (name: string, ...args: string[]): CommandLine | Missing =>
    certificate instanceof Missing ? certificate : denoPeer(name, ...certificate, ...args);
  const servers: Record<string, CommandLine | Missing> = {
    "ours-cooperative": peer("http_tls_ours.ts"),
    "ours-exclusive": peer("http_tls_ours.ts", "--exclusive"),
    "deno": peer("http_tls_deno.ts"),
  };
  return { load, servers };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { requests, seconds, p50Us, p99Us } = report as Record<string, number>;
  const times = { rate: requests! / seconds!, p50: p50Us!, p99: p99Us! };
  if (cpu === null) return times;
  // The shares are sampled; their sum is exact.
  const sampled = cpu.userUs + cpu.systemUs || 1;
  return {
    ...times,
    cpu: cpu.totalUs / requests!,
    cpu_user: cpu.totalUs * cpu.userUs / sampled / requests!,
    cpu_system: cpu.totalUs * cpu.systemUs / sampled / requests!,
  };
}
