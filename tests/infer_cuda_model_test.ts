// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { runStep } from "../infer/backend/backend.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { cudaTest, loadCuda, ROUNDING } from "./infer_cuda.ts";
import {
  allLogits,
  BOUNDS,
  greedyTokens,
  MODEL_NAMES,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";
import { loadNative } from "./infer_native.ts";
import { assertBatched, assertChunked, stepLogits } from "./infer_ragged_batches.ts";

// Whole models on the emulation of a GPU: every kernel of a step, graphs among them.

/** Rounding of sums in another order, and of what tensor cores take. */
const STORED_ERROR_MAX = 1e-4;

const LLAMA = `${MODELS}llama-tied-default`;
const QWEN = `${MODELS}qwen3-untied-yarn`;
const PROMPT = [...readGolden("llama-tied-default").inputIds];

for (const name of MODEL_NAMES) {
  cudaTest(`CUDA emulation: ${name}: logits as transformers has them`, async () => {
    const golden = readGolden(name);
    using backend = await loadCuda(MODELS + name);
    assertEquals(backend.device.kind, "cuda");
    const { vocabularySize } = backend.config;
    const error = relativeError(
      allLogits(backend, golden.inputIds),
      golden.logits,
      vocabularySize,
    );
    assert(error <= STORED_ERROR_MAX * ROUNDING, `the relative error is ${error}`);
    const tokens = greedyTokens(backend, golden.inputIds, golden.greedy.length);
    assertEquals(tokens, [...golden.greedy]);
  });
}

// An input half-way between two levels rounds to either of them, and all that follows from it has
// another rounding error: as large as that of the processor, and no larger.
cudaTest("CUDA emulation: INT8 weights change no more than on the processor", async () => {
  using stored = await loadNative(QWEN);
  const { vocabularySize } = stored.config;
  const exact = allLogits(stored, PROMPT).slice();
  for (const kvType of ["float32", "float16", "int8", "float8"] as const) {
    for (const groupSize of [32, 64, 128]) {
      const options = { kvType, weights: { groupSize } };
      using cuda = await loadCuda(QWEN, options);
      using cpu = await loadNative(QWEN, options);
      const expected = allLogits(cpu, PROMPT);
      const rounding = relativeError(expected, exact, vocabularySize);
      const error = relativeError(allLogits(cuda, PROMPT), expected, vocabularySize);
      assert(error <= rounding, `${kvType}, groups of ${groupSize}: off by ${error}`);
    }
  }
});

cudaTest("CUDA emulation: deterministic: alone, in a batch and in chunks, bit by bit", async () => {
  const kept = [{ weights: { groupSize: 32 }, kvType: "float16" }, { kvType: "int8" }] as const;
  for (const options of kept) {
    using backend = await loadCuda(QWEN, { path: "deterministic", ...options });
    const whole = allLogits(backend, PROMPT).slice();
    for (const size of [1, 5, 31]) assertChunked(backend, PROMPT, whole, size);
    assertBatched(backend, PROMPT, whole);
  }
});

cudaTest("CUDA emulation: copied blocks let a sequence part from another", async () => {
  for (const kvType of ["float16", "int8", "float8"] as const) {
    using backend = await loadCuda(LLAMA, { kvType, path: "deterministic" });
    const expected = allLogits(backend, PROMPT.slice(0, 12)).slice(-backend.config.vocabularySize);
    stepLogits(backend, PROMPT.slice(0, 11), 0, [20, 21]);
    backend.copyBlocks([21, 30]);
    stepLogits(backend, [7], 11, [20, 30]);
    assertEquals(stepLogits(backend, [PROMPT[11]!], 11, [20, 21]), expected);
    // One after the other: what is copied may be overwritten then.
    backend.copyBlocks([21, 31, 30, 21, 31, 30]);
    assertEquals(stepLogits(backend, [PROMPT[11]!], 11, [20, 30]), expected);
  }
});

cudaTest("CUDA emulation: many steps in a row, and steps that cannot be", async () => {
  using backend = await loadCuda(LLAMA, { kvType: "float16" });
  const batch = new StepBatch(BOUNDS);
  assertEquals(runStep(backend, batch).rows, 0);
  const first = allLogits(backend, PROMPT).slice();
  for (let i = 0; i < 30; i++) {
    batch.clear();
    for (let sequence = 0; sequence <= i % 5; sequence++) {
      const blocks = [40 + 2 * sequence, 41 + 2 * sequence];
      batch.add({ tokens: [5 + i], computedTokens: i % 16, blocks, logits: "last" });
    }
    backend.submit(batch);
    assertThrows(() => backend.submit(batch), Deno.errors.Busy);
    if (i % 3 === 0) await backend.done();
    assertEquals(backend.wait().rows, 1 + i % 5);
  }
  assertEquals(allLogits(backend, PROMPT), first);
  batch.clear();
  batch.add({ tokens: [1], computedTokens: 0, blocks: [0], logits: "last" });
  batch.logitTokens[0] = 9;
  assertThrows(() => backend.submit(batch), RangeError, "There is no token 9");
  assertThrows(() => backend.copyBlocks([0, 128]), RangeError, "Cannot copy blocks");
});
