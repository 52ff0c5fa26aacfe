// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend } from "../infer/backend/backend.ts";
import { runStep } from "../infer/backend/backend.ts";
import {
  ReferenceBackend,
  type ReferenceBackendOptions,
} from "../infer/backend/reference_backend.ts";
import { StepBatch, type StepBounds } from "../infer/backend/step_batch.ts";
import { decodeFloats } from "../infer/model/float_format.ts";
import { loadWeights, type LoadWeightsOptions } from "../infer/model/load_weights.ts";
import { openModel } from "../infer/model/open_model.ts";
import { readSafetensors } from "../infer/model/safetensors.ts";
import { WeightFiles } from "../infer/model/weight_files.ts";

/** Where the golden models are. */
export const MODELS = new URL("fixtures/infer/models/", import.meta.url).pathname;

/** The golden models: both families, tied and untied, every RoPE, heads of 64 and 128. */
export const MODEL_NAMES: readonly string[] = [...Deno.readDirSync(MODELS)]
  .map(({ name }) => name).sort();

/** Those that GGUF's readers understand; `writeGguf` refuses the others. */
export const GGUF_NAMES: readonly string[] = MODEL_NAMES.filter((name) =>
  !["qwen3-linear", "qwen3-llama3", "qwen3-untied-yarn"].includes(name)
);

/** What transformers answers; see golden_models.py. */
export interface Golden {
  readonly inputIds: Int32Array;
  /** `[layer + 1][token][hidden]`; the last one is after the final norm. */
  readonly hiddenStates: Float32Array;
  /** `[token][vocabulary]` */
  readonly logits: Float32Array;
  readonly greedy: Int32Array;
  /** Logits of weights rounded to INT8 in groups of so many, where the model has them. */
  readonly rounded: ReadonlyMap<number, Float32Array>;
}

/** Reads a model's golden file. */
export function readGolden(name: string): Golden {
  using files = new WeightFiles();
  const { tensors } = readSafetensors(files, `${MODELS}${name}/golden.safetensors`);
  const bytes = (tensor: string) => files.readTensor(tensors.get(tensor)!);
  const floats = (tensor: string) => decodeFloats("F32", bytes(tensor));
  const rounded = [32, 64, 128].filter((group) => tensors.has(`logits_g${group}`));
  return {
    inputIds: new Int32Array(bytes("input_ids").buffer),
    hiddenStates: floats("hidden_states"),
    logits: floats("logits"),
    greedy: new Int32Array(bytes("greedy").buffer),
    rounded: new Map(rounded.map((group) => [group, floats(`logits_g${group}`)])),
  };
}

/** Bounds of the tests' backends: blocks of 8 tokens, so that every prompt needs several. */
export const BOUNDS: StepBounds = {
  tokensMax: 96,
  sequencesMax: 8,
  blocksPerSequenceMax: 16,
  blockTokens: 8,
};

/** Loads a model into the reference backend. */
export async function loadBackend(
  path: string,
  options: LoadWeightsOptions & Pick<ReferenceBackendOptions, "activations" | "onLayer"> = {},
): Promise<ReferenceBackend> {
  using source = await openModel(path);
  const weights = await loadWeights(source, options);
  return new ReferenceBackend(weights, { ...options, bounds: BOUNDS, blockCount: 128 });
}

/** Logits after every token of a prompt, in one step. */
export function allLogits(backend: Backend, tokens: ArrayLike<number>): Float32Array {
  const batch = new StepBatch(backend.bounds);
  batch.add({ tokens, computedTokens: 0, blocks: firstBlocks(backend.bounds), logits: "all" });
  return runStep(backend, batch).logits;
}

/** A table of the first blocks, in order. */
export function firstBlocks({ blocksPerSequenceMax }: StepBounds): number[] {
  return Array.from({ length: blocksPerSequenceMax }, (_, i) => i);
}

/** The most likely tokens after a prompt, one step each. */
export function greedyTokens(
  backend: Backend,
  prompt: ArrayLike<number>,
  count: number,
): number[] {
  const batch = new StepBatch(backend.bounds);
  const blocks = firstBlocks(backend.bounds);
  const answer: number[] = [];
  let [tokens, computedTokens] = [prompt, 0];
  while (answer.length < count) {
    batch.clear();
    batch.add({ tokens, computedTokens, blocks, logits: "last" });
    answer.push(argmax(runStep(backend, batch).logits));
    computedTokens += tokens.length;
    tokens = answer.slice(-1);
  }
  return answer;
}

/** Index of the largest number, the first of equals. */
export function argmax(values: Float32Array): number {
  return values.reduce((best, value, i) => value > values[best]! ? i : best, 0);
}

/** Largest relative error of a row: the length of the difference by the length of the row. */
export function relativeError(actual: Float32Array, expected: Float32Array, width: number): number {
  let worst = actual.length === expected.length ? 0 : Infinity;
  for (let begin = 0; begin < expected.length; begin += width) {
    let [difference, size] = [0, 0];
    for (let i = begin; i < begin + width; i++) {
      difference += (actual[i]! - expected[i]!) ** 2;
      size += expected[i]! ** 2;
    }
    const error = Math.sqrt(difference / size);
    // A NaN is the worst.
    if (!(error <= worst)) worst = error;
  }
  return worst;
}
