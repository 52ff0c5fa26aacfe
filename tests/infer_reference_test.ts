// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { runStep } from "../infer/backend/backend.ts";
import { ReferenceBackend } from "../infer/backend/reference_backend.ts";
import {
  attend,
  multiply,
  multiplyInt8,
  type PagedKeysValues,
  quantizeActivations,
  rmsNorm,
  rotate,
  swiglu,
} from "../infer/backend/reference_operators.ts";
import { StepBatch, type StepBounds } from "../infer/backend/step_batch.ts";
import { quantizeRows } from "../infer/model/group_quantize.ts";
import { loadWeights } from "../infer/model/load_weights.ts";
import { type GroupMatrix, toFloatMatrix } from "../infer/model/matrix.ts";
import { openModel } from "../infer/model/open_model.ts";
import { allLogits, argmax, BOUNDS, loadBackend, MODELS, readGolden } from "./infer_model.ts";
import { relativeError } from "./infer_model.ts";
import { assertRagged, concatenated, stepLogits } from "./infer_ragged_batches.ts";

// The numbers are regressions of PhotonInfer's defects, section 1.6 of reference/infer.md. Those of
// its scheduler and server (3 to 7, 9, 11 to 13) belong to their modules.

const MODEL = `${MODELS}llama-tied-default`;
const QWEN = `${MODELS}qwen3-untied-yarn`;
const PROMPT = [...readGolden("llama-tied-default").inputIds];

Deno.test("defect 1: tokens of a ragged batch have their own positions", async () => {
  using backend = await loadBackend(MODEL);
  const prompts = [PROMPT.slice(0, 11), PROMPT.slice(3, 4), PROMPT.slice(5, 30)];
  const alone = prompts.map((tokens) => allLogits(backend, tokens));
  const batch = new StepBatch(BOUNDS);
  prompts.forEach((tokens, i) => {
    const blocks = [0, 1, 2, 3].map((block) => 4 * i + block);
    batch.add({ tokens, computedTokens: 0, blocks, logits: "all" });
  });
  const { logits } = runStep(backend, batch);
  assertEquals(logits, concatenated(alone));
});

Deno.test("defect 2: prompts in chunks of every size give the logits of the whole", async () => {
  for (const path of [MODEL, QWEN]) {
    using backend = await loadBackend(path);
    const whole = allLogits(backend, PROMPT);
    for (const size of [1, 2, 5, 8, 9, 31]) {
      const parts: Float32Array[] = [];
      for (let begin = 0; begin < PROMPT.length; begin += size) {
        const tokens = PROMPT.slice(begin, begin + size);
        parts.push(stepLogits(backend, tokens, begin, [9, 4, 7, 2, 5]));
      }
      assertEquals(concatenated(parts), whole, `in chunks of ${size}`);
    }
  }
});

Deno.test("defects 3 and 4: the logits of a prompt's last token begin the answer", async () => {
  const golden = readGolden("llama-tied-default");
  using backend = await loadBackend(MODEL);
  const batch = new StepBatch(BOUNDS);
  const row = batch.add({
    tokens: PROMPT,
    computedTokens: 0,
    blocks: [0, 1, 2, 3],
    logits: "last",
  });
  const { rows, logits } = runStep(backend, batch);
  assertEquals([row, rows, argmax(logits)], [0, 1, golden.greedy[0]]);
  const next = stepLogits(backend, [golden.greedy[0]!], PROMPT.length, [0, 1, 2, 3, 4]);
  assertEquals(argmax(next), golden.greedy[1]);
});

Deno.test("defect 8: blocks of any size give the same logits", async () => {
  using source = await openModel(MODEL);
  const weights = await loadWeights(source);
  const answers = [1, 3, 16, 256].map((blockTokens) => {
    const bounds: StepBounds = { ...BOUNDS, blockTokens, blocksPerSequenceMax: 64 };
    using backend = new ReferenceBackend(weights, { bounds, blockCount: 64 });
    return allLogits(backend, PROMPT);
  });
  for (const answer of answers) assertEquals(answer, answers[0]);
});

Deno.test("defect 10: attend() looks at every position of a context of 6 000 tokens", () => {
  const [headSize, position, blockTokens] = [8, 6_000, 16];
  const blocks = Math.ceil((position + 1) / blockTokens);
  const random = generator(10);
  const kv: PagedKeysValues = {
    keys: Float32Array.from({ length: blocks * blockTokens * headSize }, random),
    values: Float32Array.from({ length: blocks * blockTokens * headSize }, random),
    blockTokens,
    headSize,
    kvHeads: 1,
  };
  const table = Int32Array.from({ length: blocks }, (_, i) => blocks - 1 - i);
  const query = Float32Array.from({ length: headSize }, random);
  const answer = new Float32Array(headSize);
  attend(query, kv, table, position, answer);

  const at = (p: number) => (table[Math.floor(p / blockTokens)]! * blockTokens + p % 16) * headSize;
  const sums = new Float64Array(headSize);
  let total = 0;
  for (let p = 0; p <= position; p++) {
    const scores = query.map((value, i) => value * kv.keys[at(p) + i]!);
    const weight = Math.exp(scores.reduce((a, b) => a + b) / Math.sqrt(headSize));
    total += weight;
    for (let i = 0; i < headSize; i++) sums[i]! += weight * kv.values[at(p) + i]!;
  }
  const expected = Float32Array.from(sums, (sum) => sum / total);
  assert(relativeError(answer, expected, headSize) < 1e-5);
});

Deno.test("attend() weighs exactly: what all values share comes out", () => {
  const kv = { blockTokens: 4, headSize: 2, kvHeads: 1 };
  const keys = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const values = new Float32Array(8).fill(0.75);
  const answer = new Float32Array(4);
  attend(Float32Array.of(9, 9, -9, 90), { ...kv, keys, values }, Int32Array.of(0), 3, answer);
  assertEquals([...answer], [0.75, 0.75, 0.75, 0.75]);
});

Deno.test("random ragged batches over shuffled blocks answer as each sequence alone", async () => {
  using backend = await loadBackend(QWEN);
  const whole = allLogits(backend, PROMPT);
  assertRagged(backend, PROMPT, whole);
});

Deno.test("copyBlocks() lets a sequence part from another", async () => {
  using backend = await loadBackend(MODEL);
  const expected = allLogits(backend, PROMPT.slice(0, 12)).slice(-backend.config.vocabularySize);
  stepLogits(backend, PROMPT.slice(0, 11), 0, [20, 21]);
  backend.copyBlocks([21, 30]);
  stepLogits(backend, [7], 11, [20, 30]);
  assertEquals(stepLogits(backend, [PROMPT[11]!], 11, [20, 21]), expected);
  assertThrows(() => backend.copyBlocks([0, 128]), RangeError, "Cannot copy blocks");
  assertThrows(() => backend.copyBlocks([0]), RangeError, "Cannot copy blocks");
});

Deno.test("a step that names what does not exist is refused before it computes", async () => {
  using backend = await loadBackend(MODEL);
  const { vocabularySize } = backend.config;
  // Data: a sequence, and what its error says.
  const cases: [number[], number, number[], string][] = [
    [[vocabularySize], 0, [0], `Token ${vocabularySize} is outside the vocabulary`],
    [[-1], 0, [0], "Token -1 is outside the vocabulary"],
    [[1], 0, [128], "Block 128 is outside the 128"],
    [[1], 0, [-1], "Block -1 is outside the 128"],
  ];
  for (const [tokens, computedTokens, blocks, message] of cases) {
    const batch = new StepBatch(BOUNDS);
    batch.add({ tokens, computedTokens, blocks, logits: "last" });
    assertThrows(() => backend.submit(batch), RangeError, message);
  }
  const long = new StepBatch({ ...BOUNDS, blocksPerSequenceMax: 40 });
  const blocks = Array.from({ length: 40 }, (_, i) => i);
  long.add({ tokens: [1], computedTokens: 256, blocks, logits: "last" });
  assertThrows(() => backend.submit(long), RangeError, "A context of 257 is more than 256");
  const wide = new StepBatch({ ...BOUNDS, tokensMax: 97 });
  const some = blocks.slice(0, 16);
  wide.add({ tokens: new Array(97).fill(1), computedTokens: 0, blocks: some, logits: "none" });
  assertThrows(() => backend.submit(wide), RangeError, "A step of 97 tokens of 1 sequences is");
  const other = new StepBatch({ ...BOUNDS, blockTokens: 16 });
  assertThrows(() => backend.submit(other), RangeError, "Blocks have 8 tokens, not 16");
});

Deno.test("submit() and wait() take turns, and end with close()", async () => {
  const backend = await loadBackend(MODEL);
  const batch = new StepBatch(BOUNDS);
  batch.add({ tokens: [1], computedTokens: 0, blocks: [0], logits: "none" });
  assertThrows(() => backend.wait(), Deno.errors.BadResource);
  backend.submit(batch);
  assertThrows(() => backend.submit(batch), Deno.errors.Busy);
  assertEquals(backend.wait().logits.length, 0);
  backend.close();
  assertThrows(() => backend.submit(batch), Deno.errors.BadResource);
});

Deno.test("StepBatch.add() refuses what has no room, and adds nothing then", () => {
  const batch = new StepBatch({ ...BOUNDS, tokensMax: 4, sequencesMax: 2 });
  const add = (count: number, blocks: number[], computedTokens = 0) => () =>
    batch.add({ tokens: new Array(count).fill(1), computedTokens, blocks, logits: "all" });
  assertThrows(add(0, [0]), RangeError, "without tokens");
  assertThrows(add(5, [0]), RangeError, "the batch is full");
  assertThrows(add(1, [0], 8), RangeError, "with 1 blocks, not 2 to 16");
  assertThrows(add(1, new Array(17).fill(0)), RangeError, "with 17 blocks");
  assertThrows(add(1, [0], -1), RangeError, "after -1 tokens");
  assertEquals([batch.sequenceCount, batch.tokenCount, batch.logitCount], [0, 0, 0]);
  assertEquals([add(1, [0])(), add(2, [0])()], [0, 1]);
  assertThrows(add(1, [0]), RangeError, "the batch is full");
  batch.clear();
  assertEquals(add(4, [0])(), 0);
  assertThrows(() => new StepBatch({ ...BOUNDS, tokensMax: 0 }), RangeError, "tokensMax 0");
});

Deno.test("rmsNorm(), swiglu() and rotate() are their formulas", () => {
  const norm = new Float32Array(4);
  rmsNorm(Float32Array.of(3, 4, 0, 0), Float32Array.of(1, 2), 0.5, norm);
  close(norm, [3 / Math.sqrt(13), 8 / Math.sqrt(13), 0, 0]);
  const gated = new Float32Array(3);
  swiglu(Float32Array.of(0, 1, -100), Float32Array.of(5, 2, 1), gated);
  close(gated, [0, 2 / (1 + Math.exp(-1)), 0]);
  const heads = Float32Array.of(1, 2, 3, 4, 1, 2, 3, 4);
  rotate(heads, [0, 2], 4, { frequencies: Float32Array.of(1, 0.5), scale: 2 });
  const [c2, s2, c1, s1] = [Math.cos(2), Math.sin(2), Math.cos(1), Math.sin(1)];
  const turned = [c2 - 3 * s2, 2 * c1 - 4 * s1, 3 * c2 + s2, 4 * c1 + 2 * s1];
  close(heads, [2, 4, 6, 8, ...turned.map((value) => 2 * value)]);
});

Deno.test("multiply() takes rows of any length, floating or INT8 with a tail", () => {
  const random = generator(5);
  for (const columns of [1, 3, 31, 33, 64, 96, 130]) {
    for (const groupSize of [32, 64, 128]) {
      const matrix = randomMatrix(5, columns, groupSize, random);
      const input = Float32Array.from({ length: 3 * columns }, random);
      const [whole, grouped] = [new Float32Array(15), new Float32Array(15)];
      multiply(input, toFloatMatrix(matrix), whole);
      multiply(input, matrix, grouped);
      close(grouped, [...whole]);
    }
  }
});

Deno.test("multiplyInt8() is the product of the rounded input", () => {
  const random = generator(6);
  for (const columns of [32, 33, 100, 128]) {
    const matrix = randomMatrix(4, columns, 32, random);
    const input = Float32Array.from({ length: 2 * columns }, random);
    const { levels, scales } = quantizeActivations(input, columns, 32);
    const rounded = toFloatMatrix({ ...matrix, rows: 2, levels, scales }).values;
    const [expected, actual] = [new Float32Array(8), new Float32Array(8)];
    multiply(rounded, matrix, expected);
    multiplyInt8(input, matrix, actual);
    close(actual, [...expected]);
    const worst = Math.max(...input.map((value, i) => Math.abs(value - rounded[i]!)));
    assert(worst <= 1 / 127, `rounding moved an input by ${worst}`);
  }
});

function randomMatrix(
  rows: number,
  columns: number,
  groupSize: number,
  random: () => number,
): GroupMatrix {
  const values = Float32Array.from({ length: rows * columns }, random);
  const { levels, scales } = quantizeRows(values, columns, groupSize);
  return { kind: "int8", rows, columns, groupSize, levels, scales: new Float32Array(scales) };
}

function close(actual: Float32Array, expected: number[]): void {
  assertEquals(actual.length, expected.length);
  for (const [i, value] of expected.entries()) {
    const error = Math.abs(actual[i]! - value);
    assert(error <= 1e-5 * Math.max(1, Math.abs(value)), `${actual[i]} is not ${value}, at ${i}`);
  }
}

/** Numbers from -1 to 1, the same ones for a seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
}
