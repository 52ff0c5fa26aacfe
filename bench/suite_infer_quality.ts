// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { openModel, quantizeDirectory } from "../infer/mod.ts";
import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Subject, Suite } from "./suite.ts";

/** What INT8 costs in quality: perplexity of the demo model on text that it never saw. */
export const suite: Suite = {
  title: "perplexity of the demo model on held-out text, INT8 beside F32",
  // deno-fmt-ignore
  columns: [
    { metric: "perplexity", head: "perplexity", unit: "1",        digits: 4 },
    { metric: "tokens",     head: "tokens",     unit: "1",        digits: 0 },
    { metric: "rate",       head: "tokens/s",   unit: "tokens/s", digits: 0 },
  ],
  ratios: [{ metric: "perplexity", baseline: "f32" }],
  prepare,
  values: ({ report }: Outcome) => report,
};

const FIXTURES = new URL("../tests/fixtures/infer/", import.meta.url).pathname;

/** The weights that the INT8 ones were made of, F16; they are computed with in F32. */
const MODEL = `${FIXTURES}demo_f16`;

const HELD_OUT = `${FIXTURES}demo_held_out.jsonl`;

const FOLDER = new URL(".build/infer_quality/", import.meta.url).pathname;

const GROUP_SIZES = [32, 64, 128];

const DOCUMENTS = 120;
const QUICK_DOCUMENTS = 24;

async function prepare({ quick }: Plan): Promise<Prepared> {
  const documents = quick ? QUICK_DOCUMENTS : DOCUMENTS;
  const groups = await Promise.all(GROUP_SIZES.map(async (groupSize) => ({
    groupSize,
    directory: await quantized(groupSize),
  })));
  const subject = (name: string, directory: string, activations: string): Subject => {
    const peer = denoPeer("perplexity_ours.ts", directory, HELD_OUT, `${documents}`, activations);
    return { name, load: () => peer };
  };
  const all = (activations: string) => [
    subject("f32", MODEL, "float32"),
    ...groups.map(({ groupSize, directory }) =>
      subject(`int8, group ${groupSize}`, directory, activations)
    ),
  ];
  return {
    cases: [
      { name: "INT8 weights", subjects: all("float32") },
      { name: "INT8 weights and activations", subjects: all("int8") },
    ],
    notes: [`${documents} conversations and stories from a seed of their own; TypeScript backend`],
  };
}

/** A directory with the model in groups of that size. */
async function quantized(groupSize: number): Promise<string> {
  const directory = `${FOLDER}${groupSize}`;
  await Deno.remove(directory, { recursive: true }).catch(() => {});
  using source = await openModel(MODEL);
  await quantizeDirectory(source, directory, { groupSize, workers: 1 });
  return directory;
}
