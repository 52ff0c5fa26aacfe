// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";

// FP8 as a device keeps it, beside its definition (Micikevicius et al. 2022, arXiv 2209.05433):
// E4M3 has 4 bits of exponent with a bias of 7, 3 of fraction, and 448 as its largest number.

const HEAD_SIZE = 128;
const LARGEST = 448;

/** What the codes from 0 on mean; the others are their negatives, and NaN. */
const NUMBERS = Float64Array.from({ length: 127 }, (_, code) => {
  const [exponent, fraction] = [code >> 3, code & 7];
  return exponent === 0 ? fraction * 2 ** -9 : (8 + fraction) * 2 ** (exponent - 10);
});

/** Every number of E4M3 and what lies between two, kept by a device and read back. */
export function assertEachE4m3({ calls, handle }: NativeDevice): void {
  const rows = hardCases();
  const count = rows.length / HEAD_SIZE;
  const bounds = { tokensMax: count, sequencesMax: count, blocksPerSequenceMax: 1, blockTokens: 1 };
  const batch = new StepBatch(bounds);
  // A sequence of one token: what it attends to is its own value.
  for (let i = 0; i < count; i++) {
    batch.add({ tokens: [0], computedTokens: 0, blocks: [i], logits: "none" });
  }
  const words = batch.words as Int32Array<ArrayBuffer>;
  const [nothing, output] = [new Float32Array(rows.length), new Float32Array(rows.length)];
  const status = calls.opAttention(
    ...[handle, words, BigInt(words.length), count, NATIVE_TYPES.float8, 1, 1, HEAD_SIZE] as const,
    ...[nothing, nothing, rows, output] as const,
  );
  checkStatus(calls, status);
  // Zeros of both signs are one.
  assertEquals(output.map((x) => x + 0), rows.map((x) => roundToE4m3(x) + 0));
}

/** Rows that each begin with the largest number, so that their scale is 1. */
function hardCases(): Float32Array<ArrayBuffer> {
  const numbers: number[] = [];
  for (let i = 0; i < NUMBERS.length; i++) {
    const middle = (NUMBERS[i]! + (NUMBERS[i + 1] ?? LARGEST)) / 2;
    const near = [NUMBERS[i]!, middle, middle * (1 + 2 ** -22), middle * (1 - 2 ** -22)];
    numbers.push(...near, ...near.map((x) => -x));
  }
  const rows = new Float32Array(Math.ceil(numbers.length / (HEAD_SIZE - 1)) * HEAD_SIZE);
  for (let row = 0; row < rows.length / HEAD_SIZE; row++) {
    rows[row * HEAD_SIZE] = LARGEST;
    const part = numbers.slice(row * (HEAD_SIZE - 1), (row + 1) * (HEAD_SIZE - 1));
    rows.set(part.map((x) => Math.min(Math.max(x, -LARGEST), LARGEST)), row * HEAD_SIZE + 1);
  }
  return rows;
}

/** The nearest number, of two the one whose code is even. */
function roundToE4m3(x: number): number {
  let best = 0;
  for (let code = 1; code < NUMBERS.length; code++) {
    const [now, before] = [code, best].map((at) => Math.abs(Math.abs(x) - NUMBERS[at]!));
    if (now! < before! || (now === before && code % 2 === 0)) best = code;
  }
  return Math.sign(x) * NUMBERS[best]!;
}
