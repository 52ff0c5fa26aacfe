// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { denoPeer, nodePackage, nodePeer, withArguments } from "./programs.ts";
import {
  Missing,
  type Outcome,
  type Plan,
  type Prepared,
  type Subject,
  type Suite,
} from "./suite.ts";

/** Calls of a method that gives back the bytes it gets, beside other ways to do that. */
export const suite: Suite = {
  title: "Echo by remote procedure calls on one connection, closed loop",
  // deno-fmt-ignore
  columns: [
    { metric: "calls_per_s", head: "calls/s", unit: "1/s",  digits: 0 },
    { metric: "p50",         head: "p50 us",  unit: "us",   digits: 1 },
    { metric: "p99",         head: "p99 us",  unit: "us",   digits: 1 },
    { metric: "mib_per_s",   head: "MiB/s",   unit: "MiB/s", digits: 0 },
    { metric: "cpu",         head: "cpu us",  unit: "us",   digits: 2 },
  ],
  ratios: [
    { metric: "calls_per_s", baseline: "raw-tcp" },
    { metric: "p50", baseline: "raw-tcp" },
  ],
  prepare,
  values,
};

// deno-fmt-ignore
const CASES = [
  { name: "echo 64B x64",  size: 64,        depth: 64 },
  { name: "echo 64B x1",   size: 64,        depth: 1  },
  { name: "echo 1MiB x2",  size: 1_048_576, depth: 2  },
];
const GRPC_PACKAGE = "@grpc/grpc-js@1.14.0";
const BYTES_PER_MIB = 1_048_576;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? 2 : 5;
  const [grpcServer, grpcLoad] = await Promise.all([
    grpcPeer("rpc_grpc_server.mjs"),
    grpcPeer("rpc_grpc.mjs"),
  ]);
  const cases = CASES.map(({ name, size, depth }) => {
    const args = (port: number) => [port, size, depth, seconds].map(String);
    const deno = (name: string, server: string, load: string): Subject => ({
      name,
      server: denoPeer(server),
      load: (port) => denoPeer(load, ...args(port)),
    });
    const subjects: Subject[] = [
      deno("photon", "rpc_ours_server.ts", "rpc_ours.ts"),
      deno("raw-tcp", "echo_ours.ts", "rpc_raw.ts"),
      {
        name: "grpc-js",
        server: grpcServer,
        load: (port) => withArguments(grpcLoad as CommandLine, ...args(port)),
      },
      deno("http-json", "rpc_http_server.ts", "rpc_http.ts"),
    ];
    return { name, subjects };
  });
  return { cases, notes: [`${seconds} s a run; us of CPU are the server's, per call`] };
}

async function grpcPeer(name: string): Promise<CommandLine | Missing> {
  const folder = await nodePackage(GRPC_PACKAGE);
  if (folder instanceof Missing) return folder;
  const peer = await nodePeer(name);
  return peer instanceof Missing ? peer : withArguments(peer, `${folder}/build/src/index.js`);
}

function values({ report, cpu }: Outcome): Record<string, number> {
  const { calls, seconds, p50Us, p99Us, size } = report;
  const rate = calls! / seconds!;
  return {
    calls_per_s: rate,
    p50: p50Us!,
    p99: p99Us!,
    mib_per_s: rate * size! / BYTES_PER_MIB,
    ...(cpu === null ? {} : { cpu: cpu.totalUs / calls! }),
  };
}
