// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { openLibrary } from "../ffi/load.ts";
import { addressOf } from "../ffi/memory.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { checkStatus } from "../infer/backend/native_library.ts";
import { logSumExp } from "../infer/sampling/log_probabilities.ts";
import { LogitRules } from "../infer/sampling/logit_rules.ts";
import { checkSamplingParams, type SamplingParams } from "../infer/sampling/sampling_params.ts";
import { cudaTest, LIBRARY, openCuda } from "./infer_cuda.ts";

// Masks, biases and penalties on the device beside those of the engine's sampler.

const VOCABULARY = 700;
const RULE_BYTES = 56;

/** A row, and what is done to it. */
interface Row {
  readonly params: SamplingParams;
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
}

cudaTest("CUDA emulation: masks, biases and penalties are the sampler's, bit by bit", () => {
  using device = openCuda();
  const token = fc.nat(VOCABULARY - 1);
  const tokens = fc.uniqueArray(token, { maxLength: 40 });
  const params: fc.Arbitrary<SamplingParams> = fc.record({
    repetitionPenalty: fc.constantFrom(1, 1.3, 0.7),
    frequencyPenalty: fc.constantFrom(0, 0.3, -0.7),
    presencePenalty: fc.constantFrom(0, 1.1),
    bannedTokenIds: tokens,
    logitBias: fc.dictionary(token.map(String), fc.constantFrom(-100, -0.1, 3.7)),
  }).chain((some) =>
    fc.option(fc.uniqueArray(token, { minLength: 1 })).map((allowedTokenIds) => {
      return allowedTokenIds ? { ...some, allowedTokenIds } : some;
    })
  );
  const history = fc.array(token, { maxLength: 60 });
  const row = fc.record({ params, prompt: history, answer: history });
  const property = fc.property(
    fc.array(row, { minLength: 1, maxLength: 4 }),
    fc.nat(),
    (rows, seed) => {
      const logits = floats(rows.length * VOCABULARY, seed);
      const expected = logits.slice();
      for (const [i, { params, prompt, answer }] of rows.entries()) {
        const checked = checkSamplingParams(params, VOCABULARY);
        const rules = new LogitRules(checked, VOCABULARY, prompt, []);
        for (const id of answer) rules.accept(id);
        rules.apply(expected.subarray(i * VOCABULARY, (i + 1) * VOCABULARY));
      }
      const sums = rows.map((_, i) =>
        logSumExp(logits.subarray(i * VOCABULARY).subarray(0, VOCABULARY))
      );
      const logSums = edit(device, logits, rows);
      assertEquals(logits, expected);
      for (const [i, sum] of sums.entries()) {
        assert(Math.abs(logSums[i]! - sum) < 1e-5, `${logSums[i]} of row ${i} is not ${sum}`);
      }
    },
  );
  fc.assert(property, { seed: 5, numRuns: 60 });
});

cudaTest("CUDA emulation: rules that name what does not exist are refused", () => {
  using device = openCuda();
  const row = { params: { bannedTokenIds: [3] }, prompt: [], answer: [] };
  const attempt = (change: (rules: Int32Array, lists: Packed) => void) => {
    edit(device, floats(VOCABULARY, 1), [row], change);
  };
  const { message } = assertThrows(
    () => attempt((_, { banned }) => banned[0] = VOCABULARY),
    RangeError,
  );
  assertEquals(message, "Token 700 is outside the vocabulary of 700");
  assertThrows(
    () => attempt((rules) => rules[6] = 2),
    RangeError,
    "There are no masks 2 to 3 of 0",
  );
  assertThrows(
    () => attempt((rules) => rules[8] = 9),
    RangeError,
    "There are no banned 0 to 9 of 1",
  );
});

/** Lists as the library takes them. */
interface Packed {
  readonly masks: Uint32Array<ArrayBuffer>[];
  readonly banned: number[];
  readonly bias: [number, number][];
  readonly seen: [number, number][];
}

/** Edits rows in place; returns the logarithms of their sums before. */
function edit(
  { calls, handle }: NativeDevice,
  logits: Float32Array<ArrayBuffer>,
  rows: readonly Row[],
  change: (rules: Int32Array, lists: Packed) => void = () => {},
): Float32Array {
  const lists: Packed = { masks: [], banned: [], bias: [], seen: [] };
  const rules = new Uint8Array(rows.length * RULE_BYTES);
  for (const [i, row] of rows.entries()) packRow(row, rules.subarray(i * RULE_BYTES), lists);
  change(new Int32Array(rules.buffer), lists);
  const arrays = [
    Uint32Array.from(lists.masks.flatMap((mask) => [...mask])),
    Int32Array.from(lists.banned),
    Int32Array.from(lists.bias, ([token]) => token),
    Float64Array.from(lists.bias, ([, value]) => value),
    Int32Array.from(lists.seen, ([token]) => token),
    Int32Array.from(lists.seen, ([, count]) => count),
  ];
  const packed = new BigUint64Array(8);
  for (const [i, array] of arrays.entries()) {
    packed[i] = addressOf(new Uint8Array(array.buffer));
  }
  const { masks, banned, bias, seen } = lists;
  new Int32Array(packed.buffer, 48).set([masks.length, banned.length, bias.length, seen.length]);
  const logSums = new Float32Array(rows.length);
  const library = openLibrary([LIBRARY], {
    infer_cuda_edit_logits: {
      parameters: ["u64", "buffer", "i32", "i32", "buffer", "buffer", "buffer"],
      result: "i32",
    },
  });
  try {
    const status = library.symbols.infer_cuda_edit_logits(
      ...[handle, logits, rows.length, VOCABULARY, rules, packed, logSums] as const,
    );
    checkStatus(calls, status);
  } finally {
    library.close();
  }
  return logSums;
}

function packRow(
  { params, prompt, answer }: Row,
  into: Uint8Array<ArrayBuffer>,
  lists: Packed,
): void {
  const { repetitionPenalty = 1, frequencyPenalty = 0, presencePenalty = 0 } = params;
  const penalties = new Float64Array(into.buffer, into.byteOffset, 3);
  penalties.set([repetitionPenalty, frequencyPenalty, presencePenalty]);
  const words = new Int32Array(into.buffer, into.byteOffset + 24, 8);
  const hasMask = params.allowedTokenIds !== undefined;
  words[0] = hasMask ? lists.masks.length : -1;
  if (hasMask) {
    const mask = new Uint32Array(Math.ceil(VOCABULARY / 32));
    for (const id of params.allowedTokenIds!) mask[id >>> 5]! |= 1 << (id & 31);
    lists.masks.push(mask);
  }
  const counts = new Map(prompt.map((id) => [id, 0]));
  for (const id of answer) counts.set(id, (counts.get(id) ?? 0) + 1);
  const bias = Object.entries(params.logitBias ?? {}).map(([id, value]) => [Number(id), value]);
  const pushed = [
    [lists.banned, params.bannedTokenIds ?? []],
    [lists.bias, bias],
    [lists.seen, [...counts]],
  ] as [unknown[], unknown[]][];
  for (const [i, [list, more]] of pushed.entries()) {
    words[1 + 2 * i] = list.length;
    list.push(...more);
    words[2 + 2 * i] = list.length;
  }
}

/** Numbers from -8 to 8, the same for the same seed. */
function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 28 - 8;
  });
}
