// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { encodeFloats } from "./float_format.ts";
import { type GgufPair, planGguf } from "./gguf_plan.ts";
import { tokenizerPairs } from "./gguf_tokenizer.ts";
import { type Matrix, toFloatMatrix } from "./matrix.ts";
import type { ModelConfig } from "./model_config.ts";
import { checkedPlan, type ModelSource } from "./model_source.ts";
import { encodeQ4, encodeQ8, packQ8 } from "./quantized_block.ts";
import { ropeTable, yarnAttentionFactor } from "./rope.ts";
import type { FilePlan, PlannedTensor } from "./safetensors.ts";
import { TENSOR_TYPES } from "./tensor.ts";
import {
  isRotated,
  namingTensor,
  nextTurn,
  readPieces,
  readVector,
  reorderRows,
} from "./weight_reader.ts";
import type { PlannedWeight } from "./weight_plan.ts";
import { writeAt } from "./write_at.ts";

/** Types that a GGUF file is written in; norms and biases are always F32. */
export type GgufWeightType = "F32" | "F16" | "BF16" | "Q8_0" | "Q4_0";

/** Options of {@linkcode writeGguf}. */
export interface WriteGgufOptions {
  /** Type of all matrices. */
  readonly type: GgufWeightType;
  /** Told after each piece how many bytes are written, and of how many. */
  readonly onProgress?: (writtenBytes: number, totalBytes: number) => void;
  /** Gives up; what was written is removed. */
  readonly signal?: AbortSignal;
}

/** File type in the metadata, for people to read (`general.file_type`). */
// deno-fmt-ignore
const FILE_TYPES: Record<GgufWeightType, number> = { F32: 0, F16: 1, BF16: 32, Q8_0: 7, Q4_0: 2 };

/** All types that a GGUF file is written in. */
export const GGUF_WEIGHT_TYPES = Object.keys(FILE_TYPES) as readonly GgufWeightType[];

/** Whether a text names a type that a GGUF file is written in. */
export function isGgufWeightType(text: string): text is GgufWeightType {
  return Object.hasOwn(FILE_TYPES, text);
}

/** What readers take for YaRN's range of rotations. */
const [BETA_FAST, BETA_SLOW] = [32, 1];
/** Name of the divisors of RoPE's frequencies. */
const ROPE_FACTORS = "rope_freqs.weight";

/**
 * Writes a model as a GGUF file that llama.cpp and its kin load, tokenizer included. When it fails
 * there is no file, or the one that was there before.
 *
 * @example A model for llama.cpp
 * ```ts
 * import { openModel, writeGguf } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
 * const path = await Deno.makeTempFile({ suffix: ".gguf" });
 * await writeGguf(source, path, { type: "Q8_0" });
 * using copy = await openModel(path);
 * assertEquals(copy.config.headSize, source.config.headSize);
 * await Deno.remove(path);
 * ```
 * @throws {ModelFileError} when the model cannot be told in GGUF: rows that are not whole blocks,
 * a tokenizer of another kind, more than three tokens that end an answer
 * @throws the reason of the signal
 */
export async function writeGguf(
  source: ModelSource,
  path: string,
  options: WriteGgufOptions,
): Promise<void> {
  const { type, signal } = options;
  signal?.throwIfAborted();
  refuseUnspeakable(source);
  const weights = checkedPlan(source);
  const tensors = weights.map((weight) => ggufTensor(source, weight, type));
  const factors = ropeFactors(source.config);
  if (factors) tensors.push({ name: ROPE_FACTORS, type: "F32", shape: [factors.length] });
  const pairs = [...modelPairs(source, type), ...await tokenizerPairs(source)];
  const partial = `${path}.partial`;
  const plan = planGguf(partial, pairs, tensors);
  try {
    await writeTensors(source, weights, plan, partial, options);
    await Deno.rename(partial, path);
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
}

async function writeTensors(
  source: ModelSource,
  weights: readonly PlannedWeight[],
  plan: FilePlan,
  path: string,
  { type, onProgress, signal }: WriteGgufOptions,
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  // Holes between tensors read as zeros.
  await file.truncate(plan.fileBytes);
  writeAt(file, 0, plan.head);
  let written = plan.head.length;
  const put = (name: string, begin: number, bytes: Uint8Array) => {
    writeAt(file, plan.tensors.get(name)!.offset + begin, bytes);
    written += bytes.length;
    onProgress?.(written, plan.fileBytes);
  };
  const factors = ropeFactors(source.config);
  if (factors) put(ROPE_FACTORS, 0, encodeFloats("F32", factors));
  for (const weight of weights) {
    for (const { begin, bytes } of encodedPieces(source, weight, type)) {
      signal?.throwIfAborted();
      put(weight.ggufName, begin, bytes);
      await nextTurn();
    }
  }
  onProgress?.(plan.fileBytes, plan.fileBytes);
}

/** What GGUF's readers would not understand, and compute something else. */
function refuseUnspeakable({ path, config }: ModelSource): void {
  const { family, rope, attentionBias } = config;
  const refuse = (part: string, reason: string) => {
    throw new ModelFileError(path, part, `${reason}, which readers of GGUF do not know`);
  };
  if (family === "qwen3" && attentionBias) refuse("attention_bias", "is true for Qwen3");
  if (family === "qwen3" && (rope.type === "llama3" || rope.type === "factors")) {
    refuse("rope_type", `is ${rope.type} for Qwen3`);
  }
  if (rope.type !== "yarn") return;
  if (!rope.truncate) refuse("truncate", "is false");
  if (rope.betaFast !== BETA_FAST) refuse("beta_fast", `is not ${BETA_FAST}`);
  if (rope.betaSlow !== BETA_SLOW) refuse("beta_slow", `is not ${BETA_SLOW}`);
}

function ggufTensor(
  source: ModelSource,
  { name, ggufName, shape }: PlannedWeight,
  type: GgufWeightType,
): PlannedTensor {
  if (shape.length === 1) return { name: ggufName, type: "F32", shape };
  const { blockSize } = TENSOR_TYPES[type];
  if (shape[1]! % blockSize !== 0) {
    const reason = `has rows of ${shape[1]}, not whole blocks of ${blockSize} for ${type}`;
    throw new ModelFileError(source.path, name, reason);
  }
  return { name: ggufName, type, shape };
}

function* encodedPieces(
  source: ModelSource,
  weight: PlannedWeight,
  type: GgufWeightType,
): Iterable<{ begin: number; bytes: Uint8Array }> {
  const { family, headSize } = source.config;
  // llama.cpp turns neighbours in Llama, and halves in Qwen3.
  const inOrder = (bytes: Uint8Array, rows: number) =>
    family === "llama" && isRotated(weight)
      ? reorderRows(bytes, bytes.length / rows, headSize, "pairs")
      : bytes;
  if (weight.shape.length === 1) {
    const bytes = encodeFloats("F32", readVector(source, weight));
    yield { begin: 0, bytes: inOrder(bytes, weight.shape[0]!) };
    return;
  }
  for (const { begin, piece } of readPieces(source, weight)) {
    const bytes = encodeMatrix(source, weight, piece, type);
    const rowBytes = bytes.length / piece.rows;
    yield { begin: begin * rowBytes, bytes: inOrder(bytes, piece.rows) };
  }
}

function encodeMatrix(
  source: ModelSource,
  weight: PlannedWeight,
  matrix: Matrix,
  type: GgufWeightType,
): Uint8Array {
  // Groups of 32 are Q8_0's blocks: nothing is rounded twice.
  const isSame = matrix.kind === "int8" && matrix.groupSize === TENSOR_TYPES.Q8_0.blockSize;
  if (type === "Q8_0" && isSame) return packQ8(matrix.levels, matrix.scales);
  const { values } = toFloatMatrix(matrix);
  return namingTensor(source.tensors.get(weight.name)!, () => {
    if (type === "Q8_0") return encodeQ8(values);
    return type === "Q4_0" ? encodeQ4(values) : encodeFloats(type, values);
  });
}

/** Divisors of the frequencies, where GGUF has no other way to say them. */
function ropeFactors({ rope, headSize }: ModelConfig): Float32Array | null {
  if (rope.type === "factors") return rope.factors;
  if (rope.type !== "llama3") return null;
  const plain = ropeTable({ type: "default", theta: rope.theta }, headSize).frequencies;
  const scaled = ropeTable(rope, headSize).frequencies;
  return plain.map((frequency, i) => frequency / scaled[i]!);
}

function modelPairs({ config, path }: ModelSource, type: GgufWeightType): GgufPair[] {
  const { family } = config;
  const key = (name: string) => `${family}.${name}`;
  return [
    { key: "general.architecture", type: "string", value: family },
    { key: "general.name", type: "string", value: path.split("/").at(-1)! },
    { key: "general.file_type", type: "uint32", value: FILE_TYPES[type] },
    { key: key("vocab_size"), type: "uint32", value: config.vocabularySize },
    { key: key("context_length"), type: "uint32", value: config.contextTokensMax },
    { key: key("embedding_length"), type: "uint32", value: config.hiddenSize },
    { key: key("block_count"), type: "uint32", value: config.layerCount },
    { key: key("feed_forward_length"), type: "uint32", value: config.intermediateSize },
    { key: key("attention.head_count"), type: "uint32", value: config.headCount },
    { key: key("attention.head_count_kv"), type: "uint32", value: config.kvHeadCount },
    { key: key("attention.key_length"), type: "uint32", value: config.headSize },
    { key: key("attention.value_length"), type: "uint32", value: config.headSize },
    { key: key("attention.layer_norm_rms_epsilon"), type: "float32", value: config.normEpsilon },
    { key: key("rope.dimension_count"), type: "uint32", value: config.headSize },
    { key: key("rope.freq_base"), type: "float32", value: config.rope.theta },
    ...scalingPairs(config),
  ];
}

function scalingPairs({ family, rope }: ModelConfig): GgufPair[] {
  const key = (name: string) => `${family}.rope.scaling.${name}`;
  if (rope.type !== "linear" && rope.type !== "yarn") return [];
  const pairs: GgufPair[] = [
    { key: key("type"), type: "string", value: rope.type },
    { key: key("factor"), type: "float32", value: rope.factor },
  ];
  if (rope.type === "linear") return pairs;
  // Readers multiply by YaRN's own factor.
  const attentionFactor = rope.attentionFactor / yarnAttentionFactor(rope.factor);
  return [
    ...pairs,
    { key: key("original_context_length"), type: "uint32", value: rope.originalContext },
    { key: key("attn_factor"), type: "float32", value: attentionFactor },
  ];
}
