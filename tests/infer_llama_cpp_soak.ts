// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { type GreedyJob, llamaCppGreedy, llamaCppPackage } from "../bench/llama_cpp.ts";
import { Missing } from "../bench/suite.ts";
import { openModel } from "../infer/model/open_model.ts";
import { type GgufWeightType, writeGguf } from "../infer/model/write_gguf.ts";
import {
  allLogits,
  GGUF_NAMES,
  greedyTokens,
  loadBackend,
  MODELS,
  readGolden,
} from "./infer_model.ts";

// llama.cpp loads what writeGguf wrote. It is not quick to install, so this is a soak.

const COUNT = 32;

/**
 * How far below the likeliest token llama.cpp's may lie, in logits of -5 to 5, where it rounds what
 * we do not: activations to bfloat16, or the scales of INT8 ones to float16. Seen are 0.007 and
 * 0.08.
 */
// Data: by the type of the weights.
// deno-fmt-ignore
const MARGIN_MAX: Record<GgufWeightType, number> = { F32: 0, F16: 0, BF16: 0.02, Q8_0: 0.15, Q4_0: 0.15 };

Deno.test("llama.cpp continues prompts as the reference backend, from our GGUF files", async () => {
  const folder = await llamaCppPackage();
  assert(!(folder instanceof Missing), String(folder));
  const files = await Deno.makeTempDir();
  try {
    const subjects = await writeSubjects(files);
    const answers = await llamaCppGreedy(folder, subjects.map(({ job }) => job));
    let [same, tokens] = [0, 0];
    for (const [i, { type, job }] of subjects.entries()) {
      const margin = await worstMargin(type, job, answers[i]!);
      assert(margin <= MARGIN_MAX[type], `${job.path}: a token lies ${margin} below the likeliest`);
      const own = await ownTokens(type, job);
      if (MARGIN_MAX[type] === 0) assertEquals(answers[i], own, job.path);
      if (String(answers[i]) === String(own)) same++;
      tokens += job.count;
    }
    console.log(`${same} of ${subjects.length} continuations are equal, ${tokens} tokens in all`);
  } finally {
    await Deno.remove(files, { recursive: true });
  }
});

interface Subject {
  readonly type: GgufWeightType;
  readonly job: GreedyJob;
}

async function writeSubjects(folder: string): Promise<Subject[]> {
  const subjects: Subject[] = [];
  for (const name of GGUF_NAMES) {
    using source = await openModel(MODELS + name);
    for (const type of Object.keys(MARGIN_MAX) as GgufWeightType[]) {
      const path = `${folder}/${name}.${type}.gguf`;
      await writeGguf(source, path, { type });
      subjects.push({ type, job: { path, prompt: [...readGolden(name).inputIds], count: COUNT } });
    }
  }
  subjects.push(await scaledYarn(folder));
  return subjects;
}

/** YaRN with an attention factor of its own, which GGUF says in relation to the usual one. */
async function scaledYarn(folder: string): Promise<Subject> {
  const from = `${MODELS}llama-yarn`;
  const copy = `${folder}/scaled`;
  await Deno.mkdir(copy);
  for await (const { name } of Deno.readDir(from)) {
    await Deno.copyFile(`${from}/${name}`, `${copy}/${name}`);
  }
  const config = JSON.parse(await Deno.readTextFile(`${copy}/config.json`));
  config.rope_parameters.attention_factor = 1.4;
  await Deno.writeTextFile(`${copy}/config.json`, JSON.stringify(config));
  using source = await openModel(copy);
  const path = `${folder}/scaled.gguf`;
  await writeGguf(source, path, { type: "F32" });
  const prompt = [...readGolden("llama-yarn").inputIds];
  return { type: "F32", job: { path, prompt, count: COUNT } };
}

/** llama.cpp rounds the activations of quantised weights to INT8; so does the backend then. */
function backendFor(type: GgufWeightType, path: string): ReturnType<typeof loadBackend> {
  return loadBackend(path, { activations: type.startsWith("Q") ? "int8" : "float32" });
}

async function ownTokens(
  type: GgufWeightType,
  { path, prompt, count }: GreedyJob,
): Promise<number[]> {
  using backend = await backendFor(type, path);
  return greedyTokens(backend, prompt, count);
}

/** How far a token of an answer lies below the likeliest one after what came before, at most. */
async function worstMargin(
  type: GgufWeightType,
  { path, prompt }: GreedyJob,
  answer: readonly number[],
): Promise<number> {
  using backend = await backendFor(type, path);
  const { vocabularySize } = backend.config;
  const logits = allLogits(backend, [...prompt, ...answer]);
  return Math.max(...answer.map((token, i) => {
    const row = prompt.length + i - 1;
    const own = logits.subarray(row * vocabularySize, (row + 1) * vocabularySize);
    return Math.max(...own) - own[token]!;
  }));
}
