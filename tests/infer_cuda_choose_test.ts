// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { openLibrary } from "../ffi/load.ts";
import { DrawBatch, DRAWN_BYTES, readDrawn } from "../infer/backend/draw_batch.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { TokenMatcher } from "../infer/grammar/token_matcher.ts";
import { applyEdits } from "../infer/sampling/logit_rules.ts";
import { createSampler, type SampledToken, type Sampler } from "../infer/sampling/sampler.ts";
import type { SamplingParams } from "../infer/sampling/sampling_params.ts";
import { cudaTest, LIBRARY, openCuda, ROUNDING } from "./infer_cuda.ts";

// What the device chooses from rows of logits beside the engine's sampler.

const VOCABULARY = 700;

/** A row, and how its token is chosen. */
interface Row {
  readonly params: SamplingParams;
  readonly prompt: readonly number[];
  readonly answer: readonly number[];
  readonly grammar: readonly number[] | null;
  readonly mayEnd: boolean;
  readonly fork: number;
  readonly position: number;
}

const token = fc.nat(VOCABULARY - 1);
const tokens = fc.uniqueArray(token, { maxLength: 40 });
const maskOf = fc.option(fc.uniqueArray(token, { minLength: 1, maxLength: 300 }));
const paramsOf: fc.Arbitrary<SamplingParams> = fc.record({
  ...{ temperature: fc.constantFrom(0, 0.3, 0.7, 1, 1, 2.5, 100), seed: fc.maxSafeNat() },
  topK: fc.constantFrom(0, 0, 1, 2, 7, 50, 5000),
  topP: fc.constantFrom(1, 1, 0.95, 0.5, 0.1, 1e-6, 1e-60),
  minP: fc.constantFrom(0, 0, 0.05, 0.3, 1),
  repetitionPenalty: fc.constantFrom(1, 1.3, 0.7),
  frequencyPenalty: fc.constantFrom(0, 0.3, -0.7),
  presencePenalty: fc.constantFrom(0, 1.1),
  minTokens: fc.constantFrom(0, 30),
  bannedTokenIds: tokens,
  logitBias: fc.dictionary(token.map(String), fc.constantFrom(-100, -0.1, 3.7)),
  allowedTokenIds: maskOf,
  logprobs: fc.option(fc.constantFrom(0, 1, 5, 20)),
}).map(({ allowedTokenIds, logprobs, ...some }) => ({
  ...some,
  ...(allowedTokenIds && { allowedTokenIds }),
  ...(logprobs !== null && { logprobs }),
}));
const history = fc.array(token, { maxLength: 60 });
const rowOf: fc.Arbitrary<Row> = fc.record({
  ...{ params: paramsOf, prompt: history, answer: history, grammar: maskOf },
  ...{ mayEnd: fc.boolean(), fork: fc.nat(3), position: fc.nat(100_000) },
});

cudaTest("CUDA emulation: tokens, logits and log probabilities are the engine's sampler's", () => {
  using device = openCuda();
  const property = fc.property(
    fc.array(rowOf, { minLength: 1, maxLength: 4 }),
    // Few distinct numbers make ties.
    fc.constantFrom(0, 0.5, 2),
    fc.nat(),
    (rows, coarse, seed) => {
      const logits = floats(rows.length * VOCABULARY, seed).map((x) => {
        if (x > 7.8) return -Infinity;
        return coarse === 0 ? x : Math.round(x / coarse) * coarse;
      });
      const samplers = rows.map(samplerOf);
      const chosen = choose(device, logits, rows, samplers);
      for (const [i, row] of rows.entries()) {
        const own = logits.slice(i * VOCABULARY, (i + 1) * VOCABULARY);
        const edited = own.slice();
        const settings = samplers[i]!.settings(row.position)!;
        applyEdits(edited, settings.edits, settings.params);
        assertEquals(chosen.edited.subarray(i * VOCABULARY, (i + 1) * VOCABULARY), edited);
        assertSame(chosen.read(i), () => samplers[i]!.sample(own, row.position));
      }
    },
  );
  fc.assert(property, { seed: 5, numRuns: 400 });
});

cudaTest("CUDA emulation: rows that no token can be chosen from say so as the sampler does", () => {
  using device = openCuda();
  const plain = { prompt: [], answer: [], grammar: null, mayEnd: false, fork: 0, position: 0 };
  // Data: what is wrong, and where.
  for (const strange of [[NaN, 300], [Infinity, 200], [NaN, 699], [Infinity, 0]] as const) {
    for (const temperature of [0, 1]) {
      const rows = [{ ...plain, params: { temperature, seed: 1 } }];
      const logits = floats(VOCABULARY, 3);
      logits.fill(strange[0], strange[1], strange[1] + 1);
      const samplers = rows.map(samplerOf);
      const { read } = choose(device, logits, rows, samplers);
      assertSame(() => read(0)(), () => samplers[0]!.sample(logits, 0));
    }
  }
  const rows = [{ ...plain, params: { allowedTokenIds: [5], bannedTokenIds: [5], seed: 1 } }];
  const { read } = choose(device, floats(VOCABULARY, 3), rows, rows.map(samplerOf));
  assertThrows(() => read(0)(), RangeError, "No token is left to choose from");
});

cudaTest("CUDA emulation: draws and rules that name what does not exist are refused", () => {
  using device = openCuda();
  const row = {
    ...{ params: { bannedTokenIds: [3] }, prompt: [], answer: [], grammar: null },
    ...{ mayEnd: false, fork: 0, position: 0 },
  };
  const attempt = (change: (records: DataView) => void) => {
    choose(device, floats(VOCABULARY, 1), [row], [samplerOf(row)], change);
  };
  // Data: byte of a record, its value, what is said.
  const cases: [number, number, string][] = [
    [56, 2, "There are no masks 2 to 3 of 0"],
    [64, 9, "There are no banned 0 to 9 of 1"],
    [88, 1, "Cannot draw from row 1 of 1"],
    [88, -1, "Cannot draw from row -1 of 1"],
    [92, 21, "Cannot tell of the 21 likeliest tokens, only 20"],
  ];
  for (const [at, value, said] of cases) {
    assertThrows(() => attempt((view) => view.setInt32(at, value, true)), RangeError, said);
  }
});

function samplerOf({ params, prompt, answer, grammar, mayEnd, fork }: Row): Sampler {
  const matcher = grammar === null ? undefined : matcherOf(grammar, mayEnd);
  const sampler = createSampler(params, VOCABULARY, {
    ...{ promptTokens: prompt, eosTokenIds: [17, 650] },
    ...(matcher && { matcher }),
  }).fork(fork);
  for (const id of answer) sampler.accept(id);
  return sampler;
}

/** A grammar that always allows the same. */
function matcherOf(ids: readonly number[], mayEnd: boolean): TokenMatcher {
  const words = new Uint32Array(Math.ceil(VOCABULARY / 32));
  for (const id of ids) words[id >>> 5]! |= 1 << (id & 31);
  const matcher: TokenMatcher = {
    ...{ mayEnd, mustEnd: false, allowed: () => words, accept: () => true },
    fork: () => matcher,
  };
  return matcher;
}

/** Both choose the same, or fail with the same words. */
function assertSame(read: () => SampledToken, sample: () => SampledToken): void {
  const [actual, expected] = [read, sample].map((choose) => {
    try {
      return choose();
    } catch (error) {
      return error as RangeError;
    }
  });
  if (expected instanceof Error || actual instanceof Error) {
    return assertEquals(String(actual), String(expected));
  }
  const bare = (one: SampledToken) => [one.token, one.top?.map(({ token }) => token)];
  assertEquals(bare(actual!), bare(expected!));
  const numbers = ({ logprob, top = [] }: SampledToken) => {
    return logprob === undefined ? [] : [logprob, ...top.map(({ logprob }) => logprob)];
  };
  const [left, right] = [numbers(actual!), numbers(expected!)];
  assertEquals(left.length, right.length);
  for (const [i, x] of left.entries()) {
    const isNear = x === right[i] || Math.abs(x - right[i]!) < 1e-6 * ROUNDING;
    assert(isNear, `${x} is not ${right[i]}`);
  }
}

/** Chooses on the device; also gives the rows as rules leave them. */
function choose(
  { calls, handle }: NativeDevice,
  logits: Float32Array<ArrayBuffer>,
  rows: readonly Row[],
  samplers: readonly Sampler[],
  change: (records: DataView<ArrayBuffer>) => void = () => {},
): { edited: Float32Array; read(row: number): () => SampledToken } {
  const draws = new DrawBatch(VOCABULARY);
  for (const [i, { position }] of rows.entries()) draws.add(i, samplers[i]!.settings(position)!);
  change(new DataView(draws.records.buffer));
  const results = new Uint8Array(rows.length * DRAWN_BYTES);
  const edited = new Float32Array(logits.length);
  const library = openLibrary([LIBRARY], {
    infer_cuda_choose: {
      parameters: ["u64", "buffer", "i32", "i32", "buffer", "i32", "buffer", "buffer", "buffer"],
      result: "i32",
    },
  });
  try {
    const status = library.symbols.infer_cuda_choose(
      ...[handle, logits, rows.length, VOCABULARY, draws.records, rows.length] as const,
      ...[draws.lists, results, edited] as const,
    );
    checkStatus(calls, status);
  } finally {
    library.close();
  }
  const view = new DataView(results.buffer);
  return {
    edited,
    read: (row) => () => {
      return readDrawn(view, row * DRAWN_BYTES, rows[row]!.params.logprobs !== undefined);
    },
  };
}

/** Numbers from -8 to 8, the same for the same seed. */
function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 28 - 8;
  });
}
