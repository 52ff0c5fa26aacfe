// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { buildLibrary } from "../infer/native/build_library.ts";
import { BUILD_FOLDER } from "../infer/native/native_sources.ts";
import { randomModelDirectory } from "./infer_model_file.ts";
import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** Reading a model into the native library in INT8, beside reading its file. */
export const suite: Suite = {
  title: "loading Llama-3.2-1B in BF16 as INT8 in groups of 64, two threads",
  // deno-fmt-ignore
  columns: [
    { metric: "seconds", head: "s",            unit: "s", digits: 2 },
    { metric: "peak",    head: "peak MB",      unit: "MB", digits: 0 },
    { metric: "factor",  head: "peak/weights", unit: "1", digits: 3 },
  ],
  ratios: [{ metric: "seconds", baseline: "read" }],
  prepare,
  values,
};

async function prepare({ quick }: Plan): Promise<Prepared> {
  await buildLibrary({ directory: BUILD_FOLDER.pathname.replace(/\/$/, "") });
  const directory = await randomModelDirectory("Llama-3.2-1B");
  const peer = (mode: string, cache: string) => denoPeer("infer_load.ts", directory, mode, cache);
  const cases = (quick ? ["warm"] : ["warm", "cold"]).map((cache) => ({
    name: `page cache ${cache}`,
    subjects: [
      { name: "photon", everyCpu: true, load: () => peer("quantize", cache) },
      { name: "read", everyCpu: true, load: () => peer("read", cache) },
      { name: "skim", everyCpu: true, load: () => peer("skim", cache) },
    ],
  }));
  return {
    cases,
    notes: [
      "read: the same file into memory, by one thread; skim: into the same MiB again and again",
      "peak: resident memory, less what it was before",
    ],
  };
}

function values({ report }: Outcome): Record<string, number> {
  const { seconds, peak, before, weightBytes } = report;
  const grown = peak! - before!;
  return {
    seconds: seconds!,
    peak: grown / 1e6,
    ...weightBytes! > 0 && { factor: grown / weightBytes! },
  };
}
