// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { decodeFloats, isFloatType } from "./float_format.ts";
import { groupsOf, type Matrix } from "./matrix.ts";
import { type ModelSource, SCALE_SUFFIX } from "./model_source.ts";
import { decodeQ4, decodeQ8 } from "./quantized_block.ts";
import { TENSOR_TYPES, type TensorInfo } from "./tensor.ts";
import type { PlannedWeight } from "./weight_plan.ts";

/**
 * A norm or a bias, as plain numbers.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function readVector(source: ModelSource, weight: PlannedWeight): Float32Array {
  const tensor = source.tensors.get(weight.name)!;
  if (!isFloatType(tensor.type)) return refuse(tensor);
  return decodeFloats(tensor.type, readInHalves(source, weight, tensor, 0, weight.shape[0]!));
}

/**
 * Some rows of a matrix, as they are stored: floating point as F32, quantised as INT8 in groups.
 * Queries and keys must be read by whole heads.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function readRows(
  source: ModelSource,
  weight: PlannedWeight,
  begin: number,
  rows: number,
): Matrix {
  const tensor = source.tensors.get(weight.name)!;
  const columns = weight.shape[1]!;
  const bytes = readInHalves(source, weight, tensor, begin, rows);
  if (isFloatType(tensor.type)) {
    return { kind: "float32", rows, columns, values: decodeFloats(tensor.type, bytes) };
  }
  switch (tensor.type) {
    case "I8": {
      const { groupSize } = source.config.quantization!;
      const stored = source.tensors.get(tensor.name + SCALE_SUFFIX)!;
      const groups = groupsOf(columns, groupSize);
      const scaleBytes = TENSOR_TYPES.F16.blockBytes * groups;
      const part = source.files.readTensor(stored, begin * scaleBytes, rows * scaleBytes);
      const levels = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      const scales = decodeFloats("F16", part);
      return { kind: "int8", rows, columns, groupSize, levels, scales };
    }
    case "Q8_0":
    case "Q4_0": {
      const { levels, scales } = tensor.type === "Q8_0" ? decodeQ8(bytes) : decodeQ4(bytes);
      const groupSize = TENSOR_TYPES[tensor.type].blockSize;
      return { kind: "int8", rows, columns, groupSize, levels, scales };
    }
    case "I32":
      return refuse(tensor);
  }
}

/** Rows at a time so that a piece has about so many numbers. */
const PIECE_NUMBERS = 4 * 1024 * 1024;

/** A matrix in pieces of whole heads, so that little of it is in memory at a time. */
export function* readPieces(
  source: ModelSource,
  weight: PlannedWeight,
): Iterable<{ readonly begin: number; readonly piece: Matrix }> {
  const [rows, columns] = weight.shape as [number, number];
  const { headSize } = source.config;
  const step = Math.max(Math.floor(PIECE_NUMBERS / columns / headSize), 1) * headSize;
  for (let begin = 0; begin < rows; begin += step) {
    yield { begin, piece: readRows(source, weight, begin, Math.min(step, rows - begin)) };
  }
}

/** Whether a weight's rows belong to heads that are rotated. */
export function isRotated({ role }: PlannedWeight): boolean {
  return role === "query" || role === "key" || role === "queryBias" || role === "keyBias";
}

/** The bytes of some rows, those of each head in the order of Hugging Face's files. */
function readInHalves(
  { config, files, rotaryRows }: ModelSource,
  weight: PlannedWeight,
  tensor: TensorInfo,
  begin: number,
  rows: number,
): Uint8Array {
  const rowBytes = tensor.byteLength / tensor.shape[0]!;
  const bytes = files.readTensor(tensor, begin * rowBytes, rows * rowBytes);
  if (rotaryRows === "halves" || !isRotated(weight)) return bytes;
  return reorderRows(bytes, rowBytes, config.headSize, "halves");
}

/**
 * Puts the rows of each head from pairs `(2 i, 2 i + 1)` into halves `(i, i + headSize / 2)`, or
 * back.
 *
 * @param rowBytes Bytes of a row
 * @param order The order wanted
 */
export function reorderRows(
  bytes: Uint8Array,
  rowBytes: number,
  headSize: number,
  order: "halves" | "pairs",
): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(bytes.length);
  const rows = bytes.length / rowBytes;
  for (let row = 0; row < rows; row++) {
    const pair = row % headSize;
    const half = row - pair + (pair >> 1) + (pair & 1) * (headSize / 2);
    const [from, to] = order === "halves" ? [row, half] : [half, row];
    out.set(bytes.subarray(from * rowBytes, (from + 1) * rowBytes), to * rowBytes);
  }
  return out;
}

/**
 * What `compute` gives for numbers of a tensor; its `RangeError` becomes one that names the tensor.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function namingTensor<T>({ file, name }: TensorInfo, compute: () => T): T {
  try {
    return compute();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ModelFileError(file, name, cause.message, { cause });
  }
}

/** Lets timers and signals through: reading and rounding block. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

function refuse({ file, name, type }: TensorInfo): never {
  throw new ModelFileError(file, name, `has the type ${type}`);
}
