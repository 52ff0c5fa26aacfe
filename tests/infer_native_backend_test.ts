// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { runStep } from "../infer/backend/backend.ts";
import type { NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { NativeDevice } from "../infer/backend/native_device.ts";
import type { InstructionPath } from "../infer/backend/native_device.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import {
  allLogits,
  BOUNDS,
  loadBackend,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";
import { assertRagged, concatenated, isSame, stepLogits } from "./infer_ragged_batches.ts";
import { loadNative, nativeTest, PATHS } from "./infer_native.ts";

// The steps of the native backend: what is beside a sequence must not change its answer, not by a
// bit. The numbers are regressions of PhotonInfer's defects, section 1.6 of reference/infer.md.

const QWEN = `${MODELS}qwen3-untied-yarn`;
const LLAMA = `${MODELS}llama-tied-default`;
const PROMPT = [...readGolden("llama-tied-default").inputIds];

// Data: what keeping keys and values so may change.
const KV_ERROR_MAX = [["float16", 2e-3], ["int8", 5e-2], ["float8", 1.5e-1]] as const;

/** How the weights, and keys and values, of a test are kept. */
const KEPT = [
  { weights: { groupSize: 32 }, kvType: "float16" },
  { weights: "stored", kvType: "int8" },
] as const;

for (const path of PATHS) {
  nativeTest(
    `${path}: random ragged batches over shuffled blocks answer as each alone`,
    async () => {
      for (const kept of KEPT) {
        using backend = await loadNative(QWEN, { path, ...kept });
        assertRagged(backend, PROMPT, allLogits(backend, PROMPT).slice());
      }
    },
  );

  nativeTest(
    `${path}: defects 1 and 2: prompts in chunks give the logits of the whole`,
    async () => {
      for (const kept of KEPT) {
        using backend = await loadNative(LLAMA, { path, ...kept });
        const whole = allLogits(backend, PROMPT).slice();
        for (const size of [1, 2, 5, 8, 31]) {
          const parts: Float32Array[] = [];
          for (let begin = 0; begin < PROMPT.length; begin += size) {
            const tokens = PROMPT.slice(begin, begin + size);
            parts.push(stepLogits(backend, tokens, begin, [9, 4, 7, 2, 5]));
          }
          assert(isSame(concatenated(parts), whole), `in chunks of ${size}`);
        }
      }
    },
  );
}

nativeTest("keys and values in float16, INT8 and FP8 change little", async () => {
  using exact = await loadBackend(QWEN);
  const { vocabularySize } = exact.config;
  const expected = allLogits(exact, PROMPT);
  for (const [kvType, bound] of KV_ERROR_MAX) {
    using backend = await loadNative(QWEN, { kvType });
    const error = relativeError(allLogits(backend, PROMPT), expected, vocabularySize);
    assert(error <= bound, `${kvType}: the relative error is ${error}`);
  }
});

nativeTest("any number of threads gives the same logits", async () => {
  const logits: Float32Array[] = [];
  for (const threads of [1, 2, 3, 7]) {
    using backend = await loadNative(QWEN, { threads, weights: { groupSize: 64 } });
    assertEquals(backend.device.threads, threads);
    logits.push(allLogits(backend, PROMPT).slice());
  }
  for (const other of logits) assertEquals(other, logits[0]);
});

nativeTest("copyBlocks() of the native backend lets a sequence part from another", async () => {
  for (const { kvType } of KEPT) {
    using backend = await loadNative(LLAMA, { kvType });
    const expected = allLogits(backend, PROMPT.slice(0, 12)).slice(-backend.config.vocabularySize);
    stepLogits(backend, PROMPT.slice(0, 11), 0, [20, 21]);
    backend.copyBlocks([21, 30]);
    stepLogits(backend, [7], 11, [20, 30]);
    assertEquals(stepLogits(backend, [PROMPT[11]!], 11, [20, 21]), expected);
    assertThrows(() => backend.copyBlocks([0, 128]), RangeError, "Cannot copy blocks");
    assertThrows(() => backend.copyBlocks([0]), RangeError, "Cannot copy blocks");
    backend.copyBlocks([]);
  }
});

nativeTest("a native step that names what does not exist is refused", async () => {
  using backend = await loadNative(LLAMA);
  const cases: [number[], number, number[], string][] = [
    [[backend.config.vocabularySize], 0, [0], "is outside the vocabulary"],
    [[-1], 0, [0], "Token -1 is outside the vocabulary"],
    [[1], 0, [128], "Block 128 is outside the 128"],
    [[1], 0, [-1], "Block -1 is outside the 128"],
  ];
  for (const [tokens, computedTokens, blocks, message] of cases) {
    const batch = new StepBatch(BOUNDS);
    batch.add({ tokens, computedTokens, blocks, logits: "last" });
    assertThrows(() => backend.submit(batch), RangeError, message);
  }
  // A word that the TypeScript check does not look at: the library looks as well.
  const batch = new StepBatch(BOUNDS);
  batch.add({ tokens: [1], computedTokens: 0, blocks: [0], logits: "last" });
  batch.logitTokens[0] = 9;
  assertThrows(() => backend.submit(batch), RangeError, "There is no token 9");
  batch.logitTokens[0] = 0;
  assertEquals(runStep(backend, batch).rows, 1);
});

nativeTest("submit(), done() and wait() take turns, and end with close()", async () => {
  const backend = await loadNative(LLAMA);
  const batch = new StepBatch(BOUNDS);
  batch.add({ tokens: [1], computedTokens: 0, blocks: [0], logits: "none" });
  await backend.done();
  assertThrows(() => backend.wait(), Deno.errors.BadResource);
  backend.submit(batch);
  assertThrows(() => backend.submit(batch), Deno.errors.Busy);
  await Promise.all([backend.done(), backend.done()]);
  assertEquals(backend.wait().logits.length, 0);
  assert(backend.weightBytes > 0);
  backend.submit(batch);
  const waiting = backend.done();
  backend.close();
  backend.close();
  await waiting;
  assertThrows(() => backend.submit(batch), Deno.errors.BadResource);
  assertThrows(() => backend.device, Deno.errors.BadResource);
});

nativeTest("a step without tokens, and many steps in a row, come to an end", async () => {
  using backend = await loadNative(LLAMA);
  const batch = new StepBatch(BOUNDS);
  assertEquals(runStep(backend, batch).rows, 0);
  batch.add({ tokens: [5], computedTokens: 0, blocks: [0], logits: "last" });
  for (let i = 0; i < 500; i++) {
    backend.submit(batch);
    if (i % 3 === 0) await backend.done();
    assertEquals(backend.wait().rows, 1);
  }
});

nativeTest("bounds, threads and paths that cannot be are refused", async () => {
  const wrong = [
    ...[{ blockCount: 0 }, { bounds: { ...BOUNDS, tokensMax: 0 } }, { threads: 1_000 }],
    { bounds: { ...BOUNDS, sequencesMax: 2 ** 12, blocksPerSequenceMax: 2 ** 20 } },
    { bounds: { ...BOUNDS, blocksPerSequenceMax: 2 ** 18, blockTokens: 2 ** 13 } },
  ];
  for (const options of wrong) {
    const error = await loadNative(LLAMA, options).catch((error) => error);
    assert(error instanceof RangeError, String(error));
  }
  const kvType = "fp8" as NonNullable<NativeBackendOptions["kvType"]>;
  await assertRejects(
    () => loadNative(LLAMA, { kvType }),
    RangeError,
    'Cannot keep keys and values as "fp8"',
  );
  const path = "mmx" as InstructionPath;
  assertThrows(() => new NativeDevice({ path }), RangeError, 'the instruction path "mmx"');
});
