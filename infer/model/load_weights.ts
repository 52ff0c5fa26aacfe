// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { decodeFloats, isFloatType } from "./float_format.ts";
import { quantizeRows } from "./group_quantize.ts";
import { type FloatMatrix, type GroupMatrix, type Matrix, toFloatMatrix } from "./matrix.ts";
import { checkedPlan, type ModelSource, SCALE_SUFFIX } from "./model_source.ts";
import type { LayerWeights, Linear, ModelWeights } from "./model_weights.ts";
import { decodeQ4, decodeQ8 } from "./quantized_block.ts";
import { TENSOR_TYPES, type TensorInfo } from "./tensor.ts";
import type { PlannedWeight, WeightRole } from "./weight_plan.ts";

/** Options of {@linkcode loadWeights}. */
export interface LoadWeightsOptions {
  /**
   * What matrices become in memory: as they are stored (floating point as F32), all F32, or all
   * that is floating point quantised to INT8 in groups of so many.
   *
   * @default {"stored"}
   */
  readonly weights?: "stored" | "float32" | { readonly groupSize: number };
  /** Told after each tensor how many bytes of the files are read, and of how many. */
  readonly onProgress?: (readBytes: number, totalBytes: number) => void;
  /** Ends the loading between two tensors. */
  readonly signal?: AbortSignal;
}

/**
 * Reads the weights of a model into memory, for the reference backend.
 *
 * @example Quantise while loading
 * ```ts
 * import { loadWeights, openModel } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/qwen3-linear");
 * const weights = await loadWeights(source, { weights: { groupSize: 32 } });
 * assertEquals(weights.layers[0]!.gate.matrix.kind, "int8");
 * ```
 * @throws {ModelFileError} that names file, tensor and reason
 * @throws the reason of the signal
 */
export async function loadWeights(
  source: ModelSource,
  options: LoadWeightsOptions = {},
): Promise<ModelWeights> {
  const plan = checkedPlan(source);
  const totalBytes = plan.reduce((sum, { name }) => sum + source.tensors.get(name)!.byteLength, 0);
  const loaded = new Map<string, Matrix | Float32Array>();
  let readBytes = 0;
  for (const weight of plan) {
    options.signal?.throwIfAborted();
    loaded.set(keyOf(weight.role, weight.layer), loadWeight(source, weight, options));
    readBytes += source.tensors.get(weight.name)!.byteLength;
    options.onProgress?.(readBytes, totalBytes);
    // Lets timers and signals through: reading and quantising block.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  return assemble(source, loaded);
}

function keyOf(role: WeightRole, layer: number): string {
  return `${layer}.${role}`;
}

function assemble(
  { config }: ModelSource,
  loaded: Map<string, Matrix | Float32Array>,
): ModelWeights {
  const matrix = (role: WeightRole, layer = -1) => loaded.get(keyOf(role, layer)) as Matrix;
  const vector = (role: WeightRole, layer = -1) =>
    (loaded.get(keyOf(role, layer)) ?? null) as Float32Array | null;
  const linear = (role: WeightRole, bias: WeightRole, layer: number): Linear => {
    return { matrix: matrix(role, layer), bias: vector(bias, layer) };
  };
  const layers = Array.from({ length: config.layerCount }, (_, layer): LayerWeights => ({
    attentionNorm: vector("attentionNorm", layer)!,
    query: linear("query", "queryBias", layer),
    key: linear("key", "keyBias", layer),
    value: linear("value", "valueBias", layer),
    queryNorm: vector("queryNorm", layer),
    keyNorm: vector("keyNorm", layer),
    output: linear("output", "outputBias", layer),
    mlpNorm: vector("mlpNorm", layer)!,
    gate: linear("gate", "gateBias", layer),
    up: linear("up", "upBias", layer),
    down: linear("down", "downBias", layer),
  }));
  const embedding = matrix("embedding");
  const head = config.tiedEmbeddings ? embedding : matrix("head");
  return { config, embedding, layers, finalNorm: vector("finalNorm")!, head };
}

function loadWeight(
  source: ModelSource,
  weight: PlannedWeight,
  { weights = "stored" }: LoadWeightsOptions,
): Matrix | Float32Array {
  const tensor = source.tensors.get(weight.name)!;
  const bytes = readInHalves(source, weight, tensor);
  if (weight.shape.length === 1) {
    return isFloatType(tensor.type) ? decodeFloats(tensor.type, bytes) : fail(tensor);
  }
  const matrix = decodeMatrix(source, tensor, bytes);
  if (weights === "stored") return matrix;
  if (weights === "float32") return toFloatMatrix(matrix);
  return matrix.kind === "int8" ? matrix : quantizeMatrix(tensor, matrix, weights.groupSize);
}

/** The bytes of a weight with the rows of each head in the order of Hugging Face's files. */
function readInHalves(
  { config, files, rotaryRows }: ModelSource,
  { role }: PlannedWeight,
  tensor: TensorInfo,
): Uint8Array {
  const bytes = files.readTensor(tensor);
  const isRotated = /^(?:query|key)(?:Bias)?$/.test(role);
  if (rotaryRows === "halves" || !isRotated) return bytes;
  return pairsToHalves(bytes, bytes.length / tensor.shape[0]!, config.headSize);
}

/**
 * Puts the rows of each head from pairs `(2 i, 2 i + 1)` into halves `(i, i + headSize / 2)`.
 *
 * @param rowBytes Bytes of a row
 */
export function pairsToHalves(bytes: Uint8Array, rowBytes: number, headSize: number): Uint8Array {
  const out = new Uint8Array(bytes.length);
  const rows = bytes.length / rowBytes;
  for (let row = 0; row < rows; row++) {
    const inHead = row % headSize;
    const target = row - inHead + (inHead >> 1) + (inHead & 1) * (headSize / 2);
    out.set(bytes.subarray(row * rowBytes, (row + 1) * rowBytes), target * rowBytes);
  }
  return out;
}

/** Whole rows of a tensor as a matrix. */
function decodeMatrix(source: ModelSource, tensor: TensorInfo, bytes: Uint8Array): Matrix {
  const [rows, columns] = tensor.shape as [number, number];
  if (isFloatType(tensor.type)) {
    return { kind: "float32", rows, columns, values: decodeFloats(tensor.type, bytes) };
  }
  if (tensor.type === "I8") {
    const stored = source.tensors.get(tensor.name + SCALE_SUFFIX)!;
    const scales = decodeFloats("F16", source.files.readTensor(stored));
    const levels = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
    const { groupSize } = source.config.quantization!;
    return { kind: "int8", rows, columns, groupSize, levels, scales };
  }
  if (tensor.type === "I32") return fail(tensor);
  const { levels, scales } = tensor.type === "Q8_0" ? decodeQ8(bytes) : decodeQ4(bytes);
  const groupSize = TENSOR_TYPES[tensor.type].blockSize;
  return { kind: "int8", rows, columns, groupSize, levels, scales };
}

function quantizeMatrix(tensor: TensorInfo, matrix: FloatMatrix, groupSize: number): GroupMatrix {
  const { rows, columns } = matrix;
  try {
    const { levels, scales } = quantizeRows(matrix.values, columns, groupSize);
    return { kind: "int8", rows, columns, groupSize, levels, scales: new Float32Array(scales) };
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ModelFileError(tensor.file, tensor.name, cause.message, { cause });
  }
}

function fail({ file, name, type }: TensorInfo): never {
  throw new ModelFileError(file, name, `has the type ${type}`);
}
