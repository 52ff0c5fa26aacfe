// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import fc from "fast-check";
import { type Backend, runStep } from "../infer/backend/backend.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { BOUNDS } from "./infer_model.ts";

/**
 * Runs random ragged batches over shuffled blocks, and asserts that each sequence is answered as
 * alone, to the bit.
 *
 * @param prompt What all sequences begin with
 * @param whole The logits after every token of it
 */
export function assertRagged(
  backend: Backend,
  prompt: readonly number[],
  whole: Float32Array,
): void {
  const { vocabularySize } = backend.config;
  const lengths = fc.array(fc.tuple(fc.nat(24), fc.integer({ min: 1, max: 8 })), {
    minLength: 1,
    maxLength: 6,
  });
  const orders = fc.shuffledSubarray(Array.from({ length: 128 }, (_, i) => i), { minLength: 128 });
  fc.assert(
    fc.property(lengths, orders, (sequences, order) => {
      const batch = new StepBatch(BOUNDS);
      const blocks = (i: number) => order.slice(4 * i, 4 * i + 4);
      // First what came before, each in a step of its own; then all together.
      for (const [i, [computed]] of sequences.entries()) {
        if (computed > 0) stepLogits(backend, prompt.slice(0, computed), 0, blocks(i));
      }
      for (const [i, [computedTokens, count]] of sequences.entries()) {
        const tokens = prompt.slice(computedTokens, computedTokens + count);
        batch.add({ tokens, computedTokens, blocks: blocks(i), logits: "all" });
      }
      const { logits } = runStep(backend, batch);
      const expected = sequences.map(([computed, count]) =>
        whole.subarray(computed * vocabularySize, (computed + count) * vocabularySize)
      );
      assert(isSame(logits, concatenated(expected)), "the logits differ");
    }),
    { seed: 11, numRuns: 25 },
  );
}

/** Asserts that prompts of one step have the logits that each has alone, to the bit. */
export function assertBatched(
  backend: Backend,
  prompt: readonly number[],
  whole: Float32Array,
): void {
  const { vocabularySize } = backend.config;
  const batch = new StepBatch(BOUNDS);
  const lengths = [prompt.length, 1, 9, 3];
  for (const [i, length] of lengths.entries()) {
    const blocks = Array.from({ length: 6 }, (_, j) => 20 + 6 * i + j);
    batch.add({ tokens: prompt.slice(0, length), computedTokens: 0, blocks, logits: "last" });
  }
  const { logits } = runStep(backend, batch);
  for (const [i, length] of lengths.entries()) {
    const row = logits.subarray(i * vocabularySize, (i + 1) * vocabularySize);
    const alone = whole.subarray((length - 1) * vocabularySize, length * vocabularySize);
    assert(isSame(row, alone), `a prompt of ${length}`);
  }
}

/** Asserts that a prompt in chunks has the logits that it has as a whole, to the bit. */
export function assertChunked(
  backend: Backend,
  prompt: readonly number[],
  whole: Float32Array,
  chunkTokens: number,
): void {
  const parts: Float32Array[] = [];
  for (let begin = 0; begin < prompt.length; begin += chunkTokens) {
    const tokens = prompt.slice(begin, begin + chunkTokens);
    parts.push(stepLogits(backend, tokens, begin, [9, 4, 7, 2, 5, 8]));
  }
  assert(isSame(concatenated(parts), whole), `in chunks of ${chunkTokens}`);
}

/** Logits after all tokens of a step of one sequence; a copy. */
export function stepLogits(
  backend: Backend,
  tokens: readonly number[],
  computedTokens: number,
  blocks: readonly number[],
): Float32Array {
  const batch = new StepBatch(BOUNDS);
  batch.add({ tokens, computedTokens, blocks, logits: "all" });
  return runStep(backend, batch).logits.slice();
}

/** Whether all bits are the same; a comparison that prints thousands of numbers helps nobody. */
export function isSame(actual: Float32Array, expected: Float32Array): boolean {
  return actual.length === expected.length && actual.every((value, i) => value === expected[i]);
}

/** All of the parts, one behind the other. */
export function concatenated(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}
