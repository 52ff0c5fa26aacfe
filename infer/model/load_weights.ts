// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isFloatType } from "./float_format.ts";
import { checkGroupSize, quantizeRows } from "./group_quantize.ts";
import { type FloatMatrix, groupsOf, type Matrix, toFloatMatrix } from "./matrix.ts";
import { checkedPlan, type ModelSource } from "./model_source.ts";
import type { LayerWeights, Linear, ModelWeights } from "./model_weights.ts";
import { namingTensor, nextTurn, readPieces, readRows, readVector } from "./weight_reader.ts";
import type { PlannedWeight, WeightRole } from "./weight_plan.ts";

/** Options of {@linkcode loadWeights}. */
export interface LoadWeightsOptions {
  /**
   * What matrices become in memory: as they are stored (floating point as F32), all F32, or all
   * that is floating point quantised to INT8 in groups of 32, 64 or 128.
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
 * @throws {RangeError} when the group size is another
 * @throws the reason of the signal
 */
export async function loadWeights(
  source: ModelSource,
  options: LoadWeightsOptions = {},
): Promise<ModelWeights> {
  if (typeof options.weights === "object") checkGroupSize(options.weights.groupSize);
  const plan = checkedPlan(source);
  const totalBytes = plan.reduce((sum, { name }) => sum + source.tensors.get(name)!.byteLength, 0);
  const loaded = new Map<string, Matrix | Float32Array>();
  let readBytes = 0;
  for (const weight of plan) {
    options.signal?.throwIfAborted();
    const key = keyOf(weight.role, weight.layer);
    loaded.set(key, await loadWeight(source, weight, options));
    readBytes += source.tensors.get(weight.name)!.byteLength;
    options.onProgress?.(readBytes, totalBytes);
    await nextTurn();
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

async function loadWeight(
  source: ModelSource,
  weight: PlannedWeight,
  { weights = "stored" }: LoadWeightsOptions,
): Promise<Matrix | Float32Array> {
  if (weight.shape.length === 1) return readVector(source, weight);
  const [rows, columns] = weight.shape as [number, number];
  const { type } = source.tensors.get(weight.name)!;
  if (weights === "stored" || !isFloatType(type)) {
    const matrix = readRows(source, weight, 0, rows);
    return weights === "float32" ? toFloatMatrix(matrix) : matrix;
  }
  if (weights === "float32") return readRows(source, weight, 0, rows);
  const { groupSize } = weights;
  const levels = new Int8Array(rows * columns);
  const groups = groupsOf(columns, groupSize);
  const scales = new Float32Array(rows * groups);
  for (const { begin, piece } of readPieces(source, weight)) {
    const { values } = piece as FloatMatrix;
    const quantized = namingTensor(
      source.tensors.get(weight.name)!,
      () => quantizeRows(values, columns, groupSize),
    );
    levels.set(quantized.levels, begin * columns);
    scales.set(quantized.scales, begin * groups);
    await nextTurn();
  }
  return { kind: "int8", rows, columns, groupSize, levels, scales };
}
