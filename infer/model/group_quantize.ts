// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { groupsOf } from "./matrix.ts";

/** Largest level; -128 is not used, so that levels can be negated. */
export const LEVEL_MAX = 127;

/** Groups that weights are quantised in. */
export const GROUP_SIZES: readonly number[] = [32, 64, 128];

/**
 * Refuses what is no size of a group.
 *
 * @throws {RangeError} when weights are not quantised in groups of so many
 */
export function checkGroupSize(groupSize: number): void {
  if (GROUP_SIZES.includes(groupSize)) return;
  throw new RangeError(`Cannot quantise in groups of ${groupSize}, not ${GROUP_SIZES.join(", ")}`);
}

/** Rows quantised to INT8 in groups. */
export interface QuantizedRows {
  readonly levels: Int8Array<ArrayBuffer>;
  /** One float16 a group. */
  readonly scales: Float16Array<ArrayBuffer>;
}

// 1.5 * 2^52: no double of this size has a fraction, and adding rounds halves to even.
const ROUNDER = 6_755_399_441_055_744;

/** The nearest whole number, of two the even one; below 2^51. */
export function roundHalfToEven(value: number): number {
  return value + ROUNDER - ROUNDER;
}

/**
 * Quantises rows to INT8 in groups: `scale = max|w| / 127`, `level = round(w / scale)`.
 *
 * The levels are those of the scale as it is stored, a float16, which takes back most of its
 * rounding; halves go to even. Both are what every backend does, bit by bit. A group of zeros, or
 * of numbers too small for a float16, has scale and levels 0.
 *
 * @throws {RangeError} when a number is not finite, or too large for a scale in float16
 */
export function quantizeRows(
  values: Float32Array,
  columns: number,
  groupSize: number,
): QuantizedRows {
  const rows = values.length / columns;
  const groups = groupsOf(columns, groupSize);
  const levels = new Int8Array(values.length);
  const scales = new Float16Array(rows * groups);
  for (let row = 0; row < rows; row++) {
    for (let group = 0; group < groups; group++) {
      const begin = row * columns + group * groupSize;
      const end = Math.min(begin + groupSize, (row + 1) * columns);
      scales[row * groups + group] = quantizeGroup(values, levels, begin, end);
    }
  }
  return { levels, scales };
}

function quantizeGroup(
  values: Float32Array,
  levels: Int8Array,
  begin: number,
  end: number,
): number {
  let largest = 0;
  for (let i = begin; i < end; i++) {
    const size = Math.abs(values[i]!);
    // A NaN is neither more nor less.
    if (size <= largest) continue;
    largest = size;
    if (Number.isNaN(size)) break;
  }
  const scale = Math.f16round(Math.fround(largest / LEVEL_MAX));
  if (!Number.isFinite(scale)) {
    const what = Number.isFinite(largest) ? "too large for a float16 scale" : "not a finite number";
    throw new RangeError(`Holds ${largest} at number ${begin} to ${end}, which is ${what}`);
  }
  if (scale === 0) return 0;
  for (let i = begin; i < end; i++) {
    const level = roundHalfToEven(Math.fround(values[i]! / scale));
    levels[i] = Math.max(-LEVEL_MAX, Math.min(LEVEL_MAX, level));
  }
  return scale;
}
