// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { Server } from "./process.ts";
import {
  bunPeer,
  cPeer,
  denoPeer,
  nginxPeer,
  nodePackage,
  nodePeer,
  withArguments,
} from "./programs.ts";
import { standardFileServer } from "./standard_library.ts";
import { type Case, Missing, type Outcome, type Plan, type Prepared, type Suite } from "./suite.ts";

/** The folder that is served; git ignores it. */
const FOLDER = new URL(".build/http_apps/", import.meta.url);
const FILE_BYTES = 65_536;
const CONNECTIONS = 64;
const SOCKETS = 100;
const MESSAGE_BYTES = 64;
const WINDOW = { seconds: 2, warmupSeconds: 2 };
const QUICK_WINDOW = { seconds: 1, warmupSeconds: 1 };

/** Static files, a reverse proxy and WebSockets, beside what others have for them. */
export const suite: Suite = {
  title: "Pieces for applications over loopback, one server thread",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",       head: "1/s",     unit: "1/s", digits: 0 },
    { metric: "p50",        head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",        head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu",        head: "cpu us",  unit: "us",  digits: 2 },
    { metric: "cpu_user",   head: "user us", unit: "us",  digits: 2 },
    { metric: "cpu_system", head: "sys us",  unit: "us",  digits: 2 },
  ],
  ratios: [
    { metric: "rate", baseline: "deno" },
    { metric: "rate", baseline: "nginx" },
    { metric: "cpu", baseline: "deno" },
    { metric: "cpu", baseline: "nginx" },
  ],
  prepare,
  values,
};

type Servers = Record<string, CommandLine | Missing>;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const window = quick ? QUICK_WINDOW : WINDOW;
  const times = [window.seconds, window.warmupSeconds].map(String);
  const load = await cPeer("http_load");
  const echoLoad = await cPeer("echo_load");
  const requests = (path: string) => (port: number) => {
    const { program, args } = load as CommandLine;
    const numbers = ["127.0.0.1", port, CONNECTIONS, 1, 0, ...times].map(String);
    return { program: "env", args: [`HTTP_LOAD_PATH=${path}`, program, ...args, ...numbers] };
  };
  const messages = (kind: "ws" | "ws-text") => (port: number) =>
    withArguments(
      echoLoad as CommandLine,
      ...[`${kind}:127.0.0.1`, port, SOCKETS, MESSAGE_BYTES, ...times].map(String),
    );
  const of = (name: string, servers: Servers, run: (port: number) => CommandLine): Case => ({
    name,
    subjects: Object.entries(servers).map(([subject, server]) => ({
      name: subject,
      server: load instanceof Missing ? load : server,
      load: run,
    })),
  });
  return {
    cases: [
      of(`file of 64 KiB, ${CONNECTIONS} connections`, await fileServers(), requests("/file")),
      of(`proxy of hello, ${CONNECTIONS} connections`, await proxies(), requests("/")),
      of(`WebSocket ${MESSAGE_BYTES} B, ${SOCKETS} sockets`, await webSockets(), messages("ws")),
      of(
        `WebSocket ${MESSAGE_BYTES} B of text, ${SOCKETS} sockets`,
        await webSockets(),
        messages("ws-text"),
      ),
    ],
    notes: [
      `load: http_load.c, echo_load.c, ${window.seconds} s a run; us of CPU are per answer`,
      "deno: serveDir of the standard library, Deno.serve with fetch, Deno.upgradeWebSocket",
    ],
  };
}

/** Servers of a folder with one file. */
async function fileServers(): Promise<Servers> {
  await Deno.mkdir(FOLDER, { recursive: true });
  const bytes = Uint8Array.from({ length: FILE_BYTES }, (_, index) => index % 251);
  await Deno.writeFile(new URL("file", FOLDER), bytes);
  const library = await standardFileServer();
  const servers = await both("files", FOLDER.pathname);
  const deno = library instanceof Missing
    ? library
    : withArguments(servers.deno as CommandLine, library);
  return { ...servers, deno };
}

/** Proxies in front of one server that says hello, which runs until the bench ends. */
async function proxies(): Promise<Servers> {
  const hello = await cPeer("http_epoll");
  if (hello instanceof Missing) return { ours: hello, deno: hello, nginx: hello };
  const { port } = await Server.start(hello);
  return both("proxy", `http://127.0.0.1:${port}`);
}

async function both(what: string, where: string): Promise<Servers> {
  const nginx = await nginxPeer("http_apps_nginx.sh");
  return {
    ours: denoPeer("http_apps_ours.ts", what, where),
    "ours-exclusive": denoPeer("http_apps_ours.ts", what, where, "--exclusive"),
    deno: denoPeer("http_apps_deno.ts", what, where),
    nginx: nginx instanceof Missing ? nginx : withArguments(nginx, what, where),
  };
}

async function webSockets(): Promise<Servers> {
  const folder = await nodePackage("ws@8");
  const node = folder instanceof Missing ? folder : await nodePeer("websocket_ws.mjs");
  return {
    ours: denoPeer("http_apps_ours.ts", "websocket"),
    "ours-exclusive": denoPeer("http_apps_ours.ts", "websocket", "--exclusive"),
    deno: denoPeer("http_apps_deno.ts", "websocket"),
    node: node instanceof Missing ? node : withArguments(node, folder as string),
    bun: await bunPeer("websocket_bun.ts"),
  };
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { requests, messages, seconds, p50Us, p99Us } = report as Record<string, number>;
  const answers = requests ?? messages!;
  const times = { rate: answers / seconds!, p50: p50Us!, p99: p99Us! };
  if (cpu === null) return times;
  // The shares are sampled; their sum is exact.
  const sampled = cpu.userUs + cpu.systemUs || 1;
  return {
    ...times,
    cpu: cpu.totalUs / answers,
    cpu_user: cpu.totalUs * cpu.userUs / sampled / answers,
    cpu_system: cpu.totalUs * cpu.systemUs / sampled / answers,
  };
}
