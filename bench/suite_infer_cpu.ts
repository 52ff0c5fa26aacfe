// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { buildLibrary } from "../infer/native/build_library.ts";
import { BUILD_FOLDER } from "../infer/native/native_sources.ts";
import type { CommandLine } from "./command_line.ts";
import { INFER_CASES } from "./infer_cases.ts";
import { randomModelFile, type ShapeName } from "./infer_model_file.ts";
import { llamaCppPackage, NODE_LLAMA_CPP_VERSION as VERSION } from "./llama_cpp.ts";
import { Server } from "./process.ts";
import { cPeer, denoPeer, nodePeer, withArguments } from "./programs.ts";
import { Missing, type Outcome, type Prepared } from "./suite.ts";
import type { Subject, Suite } from "./suite.ts";

/** Tokens a second of the native backend, beside llama.cpp with the same file. */
export const suite: Suite = {
  title: "tokens per second on two threads, INT8 in groups of 32, random weights",
  // deno-fmt-ignore
  columns: [
    { metric: "tokens_per_s", head: "tokens/s", unit: "1/s",  digits: 1 },
    { metric: "read",         head: "GB/s",     unit: "GB/s", digits: 1 },
    { metric: "bandwidth",    head: "of GB/s",  unit: "GB/s", digits: 1 },
    { metric: "share",        head: "share",    unit: "1",    digits: 2 },
    { metric: "hop",          head: "hop ns",   unit: "ns",   digits: 0 },
    { metric: "timer_p99",    head: "timer ms", unit: "ms",   digits: 1 },
  ],
  ratios: [{ metric: "tokens_per_s", baseline: "llama.cpp" }],
  roundsMin: 6,
  prepare,
  values,
};

const THREADS = "2";

// Data: what is measured of each shape, and what its cases are called.
// deno-fmt-ignore
const SHAPES: readonly { shape: ShapeName; prefix: string }[] = [
  { shape: "Llama-3.2-1B", prefix: "" },
  { shape: "Qwen3-0.6B",   prefix: "Qwen3-0.6B " },
];

/** A subject, which keeps its model for all cases: loading takes longer than measuring. */
interface Running {
  readonly name: string;
  readonly server: Server | Missing;
}

async function prepare(): Promise<Prepared> {
  await buildLibrary({ directory: BUILD_FOLDER.pathname.replace(/\/$/, "") });
  const probe = await cPeer("memory_probe", "-pthread", "-O3");
  if (probe instanceof Missing) throw new Error(probe.reason);
  const running: Running[] = [];
  const cases = [];
  for (const { shape, prefix } of SHAPES) {
    const path = await randomModelFile(shape);
    const subjects = [
      await start("photon", denoPeer("infer_ours.ts", path, THREADS)),
      await start("llama.cpp", await llamaCppPeer(path)),
    ];
    running.push(...subjects);
    for (const name of Object.keys(INFER_CASES)) {
      const asked = subjects.map((one) => subject(one, probe, path, name));
      cases.push({ name: `${prefix}${name}`, subjects: asked });
    }
  }
  return {
    cases,
    notes: [
      `Llama-3.2-1B where no shape is named; llama.cpp of node-llama-cpp ${VERSION}`,
      "its sequences go in lock-step; the file is Q8_0, which llama.cpp does not repack on x86",
      "GB/s: weights gone through; of GB/s: what two threads read directly before",
      "hop: from core to core; timer: p99 lateness of a 1 ms timer",
    ],
    async end() {
      for (const { server } of running) if (!(server instanceof Missing)) await server.stop();
    },
  };
}

async function start(name: string, command: CommandLine | Missing): Promise<Running> {
  return { name, server: command instanceof Missing ? command : await Server.start(command) };
}

async function llamaCppPeer(path: string): Promise<CommandLine | Missing> {
  const folder = await llamaCppPackage();
  if (folder instanceof Missing) return folder;
  const peer = await nodePeer("infer_llama_cpp.mjs");
  return peer instanceof Missing ? peer : withArguments(peer, folder, path, THREADS);
}

function subject(
  { name, server }: Running,
  probe: CommandLine,
  path: string,
  one: string,
): Subject {
  if (server instanceof Missing) return { name, server, load: () => denoPeer("") };
  const ask = denoPeer("infer_ask.ts", String(server.port), probe.program, path, one);
  return { name, everyCpu: true, load: () => ask };
}

function values({ report }: Outcome): Record<string, number> {
  const { tokens, seconds, steps, bandwidth, hop, fileBytes, timerP99Ms } = report;
  // A file of Q8_0 is its weights, but for a few MB of names of tokens.
  const read = (steps! * fileBytes!) / seconds! / 1e9;
  return {
    tokens_per_s: tokens! / seconds!,
    read,
    bandwidth: bandwidth! / 1e9,
    share: read / (bandwidth! / 1e9),
    hop: hop! * 1e9,
    ...timerP99Ms !== undefined && { timer_p99: timerP99Ms },
  };
}
