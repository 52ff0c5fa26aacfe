// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import { attend, kvOffset, type PagedKeysValues } from "../infer/backend/reference_operators.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { assertEachE4m3 } from "./infer_e4m3.ts";
import { relativeError } from "./infer_model.ts";
import { nativeTest, openDevice, PATHS } from "./infer_native.ts";

// Attention over blocks: ragged batches, shuffled tables, every kind of keys and values.

/** Heads of a model. */
interface Shape {
  readonly heads: number;
  readonly kvHeads: number;
  readonly headSize: number;
  readonly blockTokens: number;
}

/** A sequence: tokens before the step, and in it. */
type Sequence = readonly [computedTokens: number, tokens: number];

type KvType = "float32" | "float16" | "int8" | "float8";

// Data: what keeping keys and values so may change.
const ERROR_MAX: Record<KvType, number> = {
  float32: 5e-6,
  float16: 2e-3,
  int8: 3e-2,
  float8: 1e-1,
};

for (const path of PATHS) {
  nativeTest(`${path}: infer_op_attention() of random ragged batches over shuffled blocks`, () => {
    using device = openDevice(path);
    const shapes = fc.record({
      kvHeads: fc.integer({ min: 1, max: 3 }),
      shared: fc.constantFrom(1, 2, 4, 8, 40),
      headSize: fc.constantFrom(2, 30, 64, 80, 128),
      blockTokens: fc.constantFrom(1, 5, 8, 16, 64),
    });
    const sequences = fc.array(fc.tuple(fc.nat(150), fc.integer({ min: 1, max: 40 })), {
      minLength: 1,
      maxLength: 4,
    });
    const types = fc.constantFrom<KvType>("float32", "float16", "int8", "float8");
    fc.assert(
      fc.property(
        shapes,
        sequences,
        types,
        fc.nat(),
        ({ shared, ...sizes }, ragged, type, seed) => {
          const shape = { ...sizes, heads: shared * sizes.kvHeads };
          const error = attentionError(device, shape, ragged, type, seed);
          assert(error <= ERROR_MAX[type], `${type}: the relative error is ${error}`);
        },
      ),
      { seed: 12, numRuns: 25 },
    );
  });

  nativeTest(`${path}: defect 10: attention looks at every position of a long context`, () => {
    using device = openDevice(path);
    const shape = { heads: 4, kvHeads: 2, headSize: 64, blockTokens: 16 };
    for (const type of ["float32", "float16"] as const) {
      const error = attentionError(device, shape, [[9_000, 1], [6_000, 3]], type, 7);
      assert(error <= ERROR_MAX[type], `${type}: the relative error is ${error}`);
    }
  });

  nativeTest(`${path}: attention weighs exactly: what all values share comes out`, () => {
    using device = openDevice(path);
    const { calls, handle } = device;
    const batch = new StepBatch({
      ...{ tokensMax: 3, sequencesMax: 1, blocksPerSequenceMax: 1, blockTokens: 4 },
    });
    batch.add({ tokens: [0, 0, 0], computedTokens: 0, blocks: [0], logits: "none" });
    // Scores that are far apart: their exponentials must not overflow.
    const queries = Float32Array.of(9, 9, -900, 900, 0, 9_000);
    const keys = Float32Array.of(1, 2, 300, 4, -5, 600);
    const values = new Float32Array(6).fill(0.75);
    const output = new Float32Array(6);
    const words = batch.words as Int32Array<ArrayBuffer>;
    const size = BigInt(words.length);
    checkStatus(
      calls,
      calls.opAttention(handle, words, size, 1, 0, 1, 1, 2, queries, keys, values, output),
    );
    assertEquals([...output], new Array(6).fill(0.75));
  });
}

for (const path of PATHS) {
  nativeTest(`${path}: FP8 keys and values are E4M3, rounded to the nearest`, () => {
    using device = openDevice(path);
    assertEachE4m3(device);
  });
}

nativeTest("infer_op_attention() refuses a step that names what does not exist", () => {
  using device = openDevice("portable");
  const { calls, handle } = device;
  const bounds = { tokensMax: 4, sequencesMax: 2, blocksPerSequenceMax: 2, blockTokens: 4 };
  const floats = new Float32Array(64);
  // Data: a word of the step, what it is set to, and what the error says.
  const cases: [number, number, string][] = [
    [0, 2, "Cannot read a step of version 2"],
    [1, -1, "is more than"],
    [2, 3, "do not hold its 3 tokens"],
    [5, 0, "tokens, not 0"],
    [6, 3, "token ids of a step lie outside"],
    [7, 1_000, "starts of a step lie outside"],
    [10, -7, "tables of a step lie outside"],
  ];
  for (const [word, value, message] of cases) {
    const batch = new StepBatch(bounds);
    batch.add({ tokens: [1, 1], computedTokens: 0, blocks: [0], logits: "last" });
    const words = batch.words as Int32Array<ArrayBuffer>;
    words[word] = value;
    const attempt = () => {
      const size = BigInt(words.length);
      const status = calls.opAttention(
        ...[handle, words, size, 2, 0, 1, 1, 2, floats, floats, floats, floats] as const,
      );
      checkStatus(calls, status);
    };
    assertThrows(attempt, RangeError, message);
  }
});

/** How far the library is from the plain attention, at worst. */
function attentionError(
  { calls, handle }: NativeDevice,
  shape: Shape,
  sequences: readonly Sequence[],
  type: KvType,
  seed: number,
): number {
  const { heads, kvHeads, headSize, blockTokens } = shape;
  const random = generator(seed);
  const counts = sequences.map(([computed, tokens]) =>
    Math.ceil((computed + tokens) / blockTokens)
  );
  const blocksMax = Math.max(...counts);
  const blockCount = counts.reduce((a, b) => a + b) + 3;
  const order = Array.from({ length: blockCount }, (_, i) => i)
    .map((block) => ({ block, key: random() })).sort((a, b) => a.key - b.key)
    .map(({ block }) => block);
  const tokensMax = sequences.reduce((sum, [, tokens]) => sum + tokens, 0);
  const batch = new StepBatch({
    ...{ tokensMax, sequencesMax: sequences.length, blocksPerSequenceMax: blocksMax, blockTokens },
  });
  const rows = sequences.reduce((sum, [computed, tokens]) => sum + computed + tokens, 0);
  const floats = (count: number) => Float32Array.from({ length: count }, random);
  const width = kvHeads * headSize;
  const [keys, values] = [floats(rows * width), floats(rows * width)];
  const queries = floats(tokensMax * heads * headSize);
  const tables = sequences.map((_, i) => order.splice(0, counts[i]!));
  for (const [i, [computedTokens, count]] of sequences.entries()) {
    const tokens = new Array(count).fill(0);
    batch.add({ tokens, computedTokens, blocks: tables[i]!, logits: "none" });
  }
  const output = new Float32Array(queries.length);
  const words = batch.words as Int32Array<ArrayBuffer>;
  const status = calls.opAttention(
    ...[handle, words, BigInt(words.length), blockCount, NATIVE_TYPES[type]] as const,
    ...[heads, kvHeads, headSize, queries, keys, values, output] as const,
  );
  checkStatus(calls, status);
  const expected = plainAttention(shape, sequences, tables, blockCount, queries, keys, values);
  return relativeError(output, expected, heads * headSize);
}

function plainAttention(
  { heads, kvHeads, headSize, blockTokens }: Shape,
  sequences: readonly Sequence[],
  tables: readonly number[][],
  blockCount: number,
  queries: Float32Array,
  keys: Float32Array,
  values: Float32Array,
): Float32Array {
  const size = blockCount * kvHeads * blockTokens * headSize;
  const kv: PagedKeysValues = {
    ...{ keys: new Float32Array(size), values: new Float32Array(size) },
    ...{ blockTokens, headSize, kvHeads },
  };
  const expected = new Float32Array(queries.length);
  const width = heads * headSize;
  let [row, token] = [0, 0];
  for (const [i, [computed, count]] of sequences.entries()) {
    const table = Int32Array.from(tables[i]!);
    for (let position = 0; position < computed + count; position++, row++) {
      for (let head = 0; head < kvHeads; head++) {
        const from = (row * kvHeads + head) * headSize;
        const to = kvOffset(kv, table, position, head);
        kv.keys.set(keys.subarray(from, from + headSize), to);
        kv.values.set(values.subarray(from, from + headSize), to);
      }
    }
    for (let position = computed; position < computed + count; position++, token++) {
      const [begin, end] = [token * width, (token + 1) * width];
      const into = expected.subarray(begin, end);
      attend(queries.subarray(begin, end), kv, table, position, into);
    }
  }
  return expected;
}

function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  };
}
