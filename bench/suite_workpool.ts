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

/** Calls of a function that adds two numbers, on workers, beside other ways to get there. */
export const suite: Suite = {
  title: "Calls to workers, closed loop",
  // deno-fmt-ignore
  columns: [
    { metric: "rate",  head: "calls/s", unit: "1/s", digits: 0 },
    { metric: "p50",   head: "p50 us",  unit: "us",  digits: 1 },
    { metric: "p99",   head: "p99 us",  unit: "us",  digits: 1 },
    { metric: "cpu",   head: "cpu us",  unit: "us",  digits: 2 },
  ],
  ratios: [{ metric: "rate", baseline: "postMessage" }],
  prepare,
  values,
};

// deno-fmt-ignore
const CASES = [
  { name: "round trip, 1 in flight",                 mode: "call", workers: 1, depth: 1   },
  { name: "round trip, 64 in flight",                mode: "call", workers: 1, depth: 64  },
  { name: "round trip, 2 workers, 64 in flight each", mode: "call", workers: 2, depth: 128 },
  { name: "one way",                                 mode: "send", workers: 1, depth: 64  },
  { name: "1 ms of work a call, 1 worker",           mode: "work", workers: 1, depth: 4   },
  { name: "1 ms of work a call, 2 workers",          mode: "work", workers: 2, depth: 8   },
];
const QUICK_CASES = CASES.slice(0, 4);

async function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? 1 : 2;
  const tinypool = await tinypoolPeer();
  const cases = (quick ? QUICK_CASES : CASES).map(({ name, mode, workers, depth }) => {
    const args = [mode, String(workers), String(depth), String(seconds)];
    const deno = (name: string, peer: string): Subject => ({
      name,
      everyCpu: true,
      load: () => denoPeer(peer, ...args),
    });
    const subjects = [
      deno("ours", "workpool_ours.ts"),
      deno("postMessage", "workpool_post_message.ts"),
    ];
    // It has no calls without an answer.
    if (mode !== "send") subjects.push(node("tinypool", tinypool, args));
    return { name, subjects };
  });
  const meaning = "us of CPU are the whole process's, per call";
  return { cases, notes: [`${seconds} s a run, on every CPU; ${meaning}`] };
}

function node(name: string, peer: CommandLine | Missing, args: string[]): Subject {
  if (peer instanceof Missing) return { name, server: peer, load: () => denoPeer("") };
  return { name, everyCpu: true, load: () => withArguments(peer, ...args) };
}

async function tinypoolPeer(): Promise<CommandLine | Missing> {
  const folder = await nodePackage("tinypool@2.1.2");
  if (folder instanceof Missing) return folder;
  const peer = await nodePeer("workpool_tinypool.mjs");
  return peer instanceof Missing ? peer : withArguments(peer, `${folder}/dist/index.js`);
}

function values({ report }: Outcome): Record<string, number> {
  const { calls, seconds, p50Us, p99Us, cpuUs } = report;
  const rate = { rate: calls! / seconds!, cpu: cpuUs! / calls! };
  return p50Us === undefined ? rate : { ...rate, p50: p50Us, p99: p99Us! };
}
