// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { LEVEL_MAX, roundHalfToEven } from "../model/group_quantize.ts";
import { type GroupMatrix, groupsOf, type Matrix } from "../model/matrix.ts";
import type { RopeTable } from "../model/rope.ts";

// The operators of a transformer layer as plainly as they can be written: native libraries are
// tested against these. Sums are taken in F64 and stored in F32. Arrays hold rows one after the
// other; `into` may not be an input unless it is said.

/**
 * RMSNorm of rows: `x / sqrt(mean(x^2) + epsilon) * weight`; `into` may be `input`.
 */
export function rmsNorm(
  input: Float32Array,
  weight: Float32Array,
  epsilon: number,
  into: Float32Array,
): void {
  const size = weight.length;
  for (let begin = 0; begin < input.length; begin += size) {
    let sum = 0;
    for (let i = begin; i < begin + size; i++) sum += input[i]! * input[i]!;
    const scale = 1 / Math.sqrt(sum / size + epsilon);
    for (let i = 0; i < size; i++) {
      into[begin + i] = Math.fround(input[begin + i]! * scale) * weight[i]!;
    }
  }
}

/**
 * Rotates the heads of rows in place, each row by its position: pairs `(i, i + headSize / 2)` turn
 * by `position * frequencies[i]`.
 */
export function rotate(
  heads: Float32Array,
  positions: ArrayLike<number>,
  headSize: number,
  table: RopeTable,
): void {
  const half = headSize / 2;
  const width = heads.length / positions.length;
  for (let row = 0; row < positions.length; row++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(positions[row]! * table.frequencies[i]!);
      const cosine = Math.fround(Math.cos(angle) * table.scale);
      const sine = Math.fround(Math.sin(angle) * table.scale);
      for (let at = row * width + i; at < (row + 1) * width; at += headSize) {
        const [a, b] = [heads[at]!, heads[at + half]!];
        heads[at] = a * cosine - b * sine;
        heads[at + half] = b * cosine + a * sine;
      }
    }
  }
}

/** Adds a bias to rows. */
export function addBias(rows: Float32Array, bias: Float32Array): void {
  for (let i = 0; i < rows.length; i++) rows[i]! += bias[i % bias.length]!;
}

/** `input * matrix^T`: rows of `columns` numbers become rows of `rows` numbers. */
export function multiply(input: Float32Array, matrix: Matrix, into: Float32Array): void {
  const { rows, columns } = matrix;
  const tokens = input.length / columns;
  for (let row = 0; row < rows; row++) {
    for (let token = 0; token < tokens; token++) {
      into[token * rows + row] = matrix.kind === "float32"
        ? dot(input, token * columns, matrix.values, row * columns, columns)
        : groupedDot(input, token * columns, matrix, row);
    }
  }
}

/**
 * `input * matrix^T` with the input rounded to INT8 as well, a scale for each token and group: what
 * the integer instructions of CPUs and GPUs compute. The sum of a group is exact.
 */
export function multiplyInt8(input: Float32Array, matrix: GroupMatrix, into: Float32Array): void {
  const { rows, columns, groupSize, levels, scales } = matrix;
  const groups = groupsOf(columns, groupSize);
  const tokens = input.length / columns;
  const inputs = quantizeActivations(input, columns, groupSize);
  for (let row = 0; row < rows; row++) {
    for (let token = 0; token < tokens; token++) {
      let sum = 0;
      for (let group = 0; group < groups; group++) {
        const end = Math.min((group + 1) * groupSize, columns);
        let whole = 0;
        for (let i = group * groupSize; i < end; i++) {
          whole += inputs.levels[token * columns + i]! * levels[row * columns + i]!;
        }
        sum += whole * inputs.scales[token * groups + group]! * scales[row * groups + group]!;
      }
      into[token * rows + row] = sum;
    }
  }
}

/**
 * Rows rounded to INT8 in groups with scales in F32: `scale = max|x| / 127`, and
 * `level = round(x * (127 / max|x|))`, halves to even.
 */
export function quantizeActivations(
  input: Float32Array,
  columns: number,
  groupSize: number,
): { levels: Int8Array; scales: Float32Array } {
  const groups = groupsOf(columns, groupSize);
  const levels = new Int8Array(input.length);
  const scales = new Float32Array((input.length / columns) * groups);
  for (let at = 0; at < scales.length; at++) {
    const rowEnd = (Math.floor(at / groups) + 1) * columns;
    const begin = rowEnd - columns + (at % groups) * groupSize;
    const end = Math.min(begin + groupSize, rowEnd);
    let largest = 0;
    for (let i = begin; i < end; i++) largest = Math.max(largest, Math.abs(input[i]!));
    scales[at] = largest / LEVEL_MAX;
    if (largest === 0) continue;
    const inverse = Math.fround(LEVEL_MAX / largest);
    for (let i = begin; i < end; i++) levels[i] = roundHalfToEven(Math.fround(input[i]! * inverse));
  }
  return { levels, scales };
}

/** SwiGLU: `silu(gate) * up`; `into` may be either input. */
export function swiglu(gate: Float32Array, up: Float32Array, into: Float32Array): void {
  for (let i = 0; i < gate.length; i++) {
    into[i] = (gate[i]! / (1 + Math.exp(-gate[i]!))) * up[i]!;
  }
}

/** Keys and values of one layer; see KvBlocks. */
export interface PagedKeysValues {
  /** `[blocks][kvHeads][blockTokens][headSize]` */
  readonly keys: Float32Array;
  /** As the keys. */
  readonly values: Float32Array;
  readonly blockTokens: number;
  readonly headSize: number;
  readonly kvHeads: number;
}

/** First number of a position's key or value in a head. */
export function kvOffset(
  { blockTokens, headSize, kvHeads }: PagedKeysValues,
  blockTable: Int32Array,
  position: number,
  head: number,
): number {
  const block = blockTable[Math.floor(position / blockTokens)]!;
  const slot = position % blockTokens;
  return ((block * kvHeads + head) * blockTokens + slot) * headSize;
}

/**
 * Attention of one token: each query head looks at positions 0 to `position` of its key-value head
 * through the block table. `softmax(q * K^T / sqrt(headSize)) * V`, any context length.
 */
export function attend(
  queries: Float32Array,
  kv: PagedKeysValues,
  blockTable: Int32Array,
  position: number,
  into: Float32Array,
): void {
  const { headSize, kvHeads } = kv;
  const heads = queries.length / headSize;
  const scale = 1 / Math.sqrt(headSize);
  const weights = new Float64Array(position + 1);
  const sums = new Float64Array(headSize);
  for (let head = 0; head < heads; head++) {
    const kvHead = Math.floor((head * kvHeads) / heads);
    let largest = -Infinity;
    for (let p = 0; p <= position; p++) {
      const key = kvOffset(kv, blockTable, p, kvHead);
      weights[p] = dot(queries, head * headSize, kv.keys, key, headSize) * scale;
      largest = Math.max(largest, weights[p]!);
    }
    let total = 0;
    sums.fill(0);
    for (let p = 0; p <= position; p++) {
      const weight = Math.exp(weights[p]! - largest);
      const value = kvOffset(kv, blockTable, p, kvHead);
      total += weight;
      for (let i = 0; i < headSize; i++) sums[i]! += weight * kv.values[value + i]!;
    }
    for (let i = 0; i < headSize; i++) into[head * headSize + i] = sums[i]! / total;
  }
}

/** Sum of products; four sums, so that no addition waits for the one before. */
function dot(
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  count: number,
): number {
  let [s0, s1, s2, s3] = [0, 0, 0, 0];
  const whole = count - (count % 4);
  for (let i = 0; i < whole; i += 4) {
    s0 += a[atA + i]! * b[atB + i]!;
    s1 += a[atA + i + 1]! * b[atB + i + 1]!;
    s2 += a[atA + i + 2]! * b[atB + i + 2]!;
    s3 += a[atA + i + 3]! * b[atB + i + 3]!;
  }
  for (let i = whole; i < count; i++) s0 += a[atA + i]! * b[atB + i]!;
  return s0 + s1 + (s2 + s3);
}

function groupedDot(
  input: Float32Array,
  begin: number,
  { columns, groupSize, levels, scales }: GroupMatrix,
  row: number,
): number {
  const first = row * columns;
  let scale = row * groupsOf(columns, groupSize);
  let sum = 0;
  for (let group = 0; group < columns; group += groupSize) {
    const end = Math.min(group + groupSize, columns);
    let [s0, s1] = [0, 0];
    for (let i = group; i + 1 < end; i += 2) {
      s0 += input[begin + i]! * levels[first + i]!;
      s1 += input[begin + i + 1]! * levels[first + i + 1]!;
    }
    if ((end - group) % 2 === 1) s0 += input[begin + end - 1]! * levels[first + end - 1]!;
    sum += (s0 + s1) * scales[scale++]!;
  }
  return sum;
}
