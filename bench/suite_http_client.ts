// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { makeCertificate } from "./certificate.ts";
import type { CommandLine } from "./command_line.ts";
import { bunPeer, cPeer, denoPeer, nodePackage, nodePeer, withArguments } from "./programs.ts";
import { Missing, type Outcome, type Plan, type Prepared, type Suite } from "./suite.ts";

/** `fetch` in a closed loop, beside those of other runtimes: what is measured is the client. */
export const suite: Suite = {
  title: "fetch over loopback, HTTP/1.1, one thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "req/s",   unit: "1/s",  digits: 0 },
    { metric: "bandwidth",  head: "MB/s",    unit: "MB/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",   digits: 0 },
    { metric: "p99",        head: "p99 us",  unit: "us",   digits: 0 },
    { metric: "cpu",        head: "cpu us",  unit: "us",   digits: 1 },
    { metric: "cpu_user",   head: "user us", unit: "us",   digits: 1 },
    { metric: "cpu_system", head: "sys us",  unit: "us",   digits: 1 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "rate", baseline: "bun" },
    { metric: "p99", baseline: "deno" },
    { metric: "p99", baseline: "bun" },
    { metric: "cpu", baseline: "deno" },
  ],
  prepare,
  values,
};

interface Load {
  readonly name: string;
  readonly server: "hello" | "blob" | "tls";
  readonly path: string;
  readonly inFlight: number;
  /** Whether it is a window of time, or one fetch of all there is. */
  readonly timed: boolean;
  readonly quick: boolean;
}

// Data: what is fetched.
// deno-fmt-ignore
const LOADS: readonly Load[] = [
  { name: "hello, 64 in flight",       server: "hello", path: "/",            inFlight: 64, timed: true,  quick: true },
  { name: "hello, 1 in flight",        server: "hello", path: "/",            inFlight: 1,  timed: true,  quick: false },
  { name: "1 GiB, read as a stream",   server: "blob",  path: "/1073741824",  inFlight: 1,  timed: false, quick: true },
  { name: "64 KiB, 16 in flight",      server: "blob",  path: "/65536",       inFlight: 16, timed: true,  quick: false },
  { name: "TLS hello, 64 in flight",   server: "tls",   path: "/",            inFlight: 64, timed: true,  quick: true },
];
const SECONDS = 3;
const QUICK_SECONDS = 1;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const certificate = await makeCertificate();
  const files = certificate instanceof Missing ? [] : certificate;
  const servers: Record<Load["server"], CommandLine | Missing> = {
    hello: await cPeer("http_epoll"),
    blob: await cPeer("http_blob", "-lpthread"),
    tls: certificate instanceof Missing
      ? certificate
      : denoPeer("http_tls_ours.ts", ...files, "--exclusive"),
  };
  const clients = await clientCommands();
  const seconds = quick ? QUICK_SECONDS : SECONDS;
  const cases = LOADS.filter((load) => load.quick || !quick).map((load) => ({
    name: load.name,
    subjects: Object.entries(clients).map(([name, client]) => ({
      name,
      server: client instanceof Missing ? client : servers[load.server],
      load: (port: number) => loadCommand(client as CommandLine, load, port, seconds, files[0]),
    })),
  }));
  return {
    cases,
    notes: [
      `client: http_client_loop.mjs, ${seconds} s a run; us of CPU are the client's, ` +
      "per request, all its threads",
      "servers: http_epoll.c, http_blob.c; for TLS ours with the thread to itself",
    ],
  };
}

async function clientCommands(): Promise<Record<string, CommandLine | Missing>> {
  const folder = await nodePackage("undici@7.16.0");
  const undici = await nodePeer("http_client_undici.mjs");
  const known = folder instanceof Missing ? folder : undici;
  return {
    "ours": denoPeer("http_client_ours.ts"),
    "deno": denoPeer("http_client_deno.ts"),
    "bun": await bunPeer("http_client_bun.mjs"),
    "undici": known instanceof Missing ? known : withArguments(known, String(folder)),
  };
}

function loadCommand(
  client: CommandLine,
  { server, path, inFlight, timed }: Load,
  port: number,
  seconds: number,
  certificate: string | undefined,
): CommandLine {
  const secure = server === "tls";
  return withArguments(
    client,
    ...(secure ? [`ca=${certificate}`] : []),
    ...[String(port), secure ? "https" : "http", path],
    ...[String(inFlight), timed ? String(seconds) : "0"],
  );
}

function values({ report }: Outcome): Record<string, number> {
  const { requests, bytes, seconds, p50Us, p99Us, userUs, systemUs } = report;
  return {
    rate: requests! / seconds!,
    bandwidth: bytes! / seconds! / 1e6,
    p50: p50Us!,
    p99: p99Us!,
    cpu: (userUs! + systemUs!) / requests!,
    cpu_user: userUs! / requests!,
    cpu_system: systemUs! / requests!,
  };
}
