// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  checkSamplingParams,
  createSampler,
  GrammarCompiler,
  type SamplingParams,
} from "../infer/mod.ts";
import { philox } from "../infer/sampling/philox.ts";

/** Sampled at position 0. */
function sampled(params: SamplingParams, logits: number[], eosTokenIds: number[] = []): number {
  const sampler = createSampler(params, logits.length, { eosTokenIds });
  return sampler.sample(Float32Array.from(logits), 0).token;
}

Deno.test("philox() gives the published vectors", () => {
  // Data: counter and key, result; of Random123's known answers.
  const vectors = [
    [[0, 0, 0, 0, 0, 0], [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]],
    [[-1, -1, -1, -1, -1, -1], [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]],
    [
      [0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344, 0xa409_3822, 0x299f_31d0],
      [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1],
    ],
  ] as [Parameters<typeof philox> extends [unknown, ...infer R] ? R : never, number[]][];
  for (const [words, result] of vectors) {
    const out = new Uint32Array(4);
    philox(out, ...words);
    assertEquals([...out], result);
  }
});

// Data: parameters that make no sense, what the error names.
const WRONG: [SamplingParams, RegExp][] = [
  [{ temperature: -0.1 }, /temperature -0.1/],
  [{ temperature: NaN }, /temperature NaN/],
  [{ temperature: "1" as unknown as number }, /temperature 1/],
  [{ topK: -1 }, /topK -1/],
  [{ topK: 1.5 }, /topK 1.5: it is a whole number/],
  [{ topP: 0 }, /topP 0: it is a number above 0 to 1/],
  [{ topP: 1.01 }, /topP 1.01/],
  [{ minP: 2 }, /minP 2/],
  [{ typicalP: 0 }, /typicalP 0/],
  [{ repetitionPenalty: 0 }, /repetitionPenalty 0/],
  [{ frequencyPenalty: 2.1 }, /frequencyPenalty 2.1/],
  [{ presencePenalty: -3 }, /presencePenalty -3/],
  [{ maxTokens: 0 }, /maxTokens 0/],
  [{ minTokens: 9, maxTokens: 8 }, /9 tokens at least, 8 at most/],
  [{ seed: -1 }, /seed -1/],
  [{ seed: 2 ** 53 }, /seed 9007199254740992/],
  [{ n: 0 }, /n 0/],
  [{ logprobs: 21 }, /logprobs 21/],
  [{ promptLogprobs: -1 }, /promptLogprobs -1/],
  [{ stop: "" }, /without 1 to 1024 characters/],
  [{ stop: Array.from({ length: 65 }, () => "x") }, /65 texts: 64/],
  [{ allowedTokenIds: [] }, /no allowedTokenIds/],
  [{ allowedTokenIds: [8] }, /allowedTokenIds 8: the vocabulary has 8/],
  [{ bannedTokenIds: [-1] }, /bannedTokenIds -1/],
  [{ stopTokenIds: [0.5] }, /stopTokenIds 0.5/],
  [{ logitBias: { 9: 1 } }, /logitBias 9/],
  [{ logitBias: { 1: 101 } }, /token 1 by 101/],
  [{ logitBias: { 1: NaN } }, /token 1 by NaN/],
];

for (const [params, message] of WRONG) {
  Deno.test(`checkSamplingParams() refuses ${JSON.stringify(params)} ${message}`, () => {
    const error = assertThrows(() => checkSamplingParams(params, 8), RangeError);
    assert(message.test(error.message), error.message);
  });
}

Deno.test("checkSamplingParams() fills in the defaults and a random seed", () => {
  const { seed, ...checked } = checkSamplingParams({ stop: "a" }, 8);
  const { seed: other } = checkSamplingParams({}, 8);
  assert(Number.isSafeInteger(seed) && seed >= 0 && seed !== other);
  assertEquals(checked.stop, ["a"]);
  const { temperature, topK, topP, minP, repetitionPenalty, n, maxTokens } = checked;
  assertEquals([temperature, topK, topP, minP, repetitionPenalty, n], [1, 0, 1, 0, 1, 1]);
  assertEquals(maxTokens, undefined);
});

Deno.test("checkSamplingParams() takes what is undefined, or null, for what is not there", () => {
  const names = ["stop", "stopTokenIds", "bannedTokenIds", "allowedTokenIds", "logitBias", "n"];
  const expected = checkSamplingParams({ seed: 1 }, 10);
  for (const nothing of [undefined, null]) {
    const params = Object.fromEntries(names.map((name) => [name, nothing]));
    assertEquals(checkSamplingParams({ ...params, seed: 1 }, 10), expected);
  }
});

Deno.test("defect 11: temperature 0 takes the likeliest token and divides by nothing", () => {
  assertEquals(sampled({ temperature: 0 }, [0, 3, 2]), 1);
  assertEquals(sampled({ temperature: 1e-6 }, [0, 3, 2]), 1);
  assertEquals(sampled({ temperature: 0 }, [-1000, -Infinity, -999]), 2);
});

Deno.test("a temperature that is nearly 0 stays finite", () => {
  assertEquals(sampled({ temperature: 1.1e-5 }, [80, 81, -80]), 1);
});

Deno.test("of equally likely tokens greedy takes the one with the lowest id", () => {
  assertEquals(sampled({ temperature: 0 }, [1, 5, 5, 5]), 1);
  assertEquals(sampled({ topK: 1 }, [1, 5, 5, 5]), 1);
});

Deno.test("defect of section 1.3: topP counts, where the seed ignored it", () => {
  for (let seed = 0; seed < 200; seed++) {
    assertEquals(sampled({ topP: 0.5, seed }, [0, 2, 0, 0]), 1);
  }
});

Deno.test("logits that are no numbers are an error, whatever the temperature", () => {
  assertThrows(() => sampled({}, [1, NaN, 2]), RangeError, "token 1 is not a number");
  assertThrows(() => sampled({ temperature: 0 }, [NaN]), RangeError, "token 0 is not a number");
  assertThrows(() => sampled({}, [1, Infinity]), RangeError, "infinite");
});

Deno.test("masks that leave no token are an error", () => {
  const params = { allowedTokenIds: [1], bannedTokenIds: [1] };
  assertThrows(() => sampled(params, [1, 2]), RangeError, "No token is left");
});

Deno.test("nothing ends an answer before minTokens", () => {
  const options = { eosTokenIds: [0] };
  const params = { temperature: 0, minTokens: 2, stopTokenIds: [1] };
  const sampler = createSampler(params, 4, options);
  const next = () => sampler.sample(Float32Array.of(9, 8, 7, 6), 0).token;
  assertEquals(next(), 2);
  sampler.accept(2);
  assertEquals(next(), 2);
  sampler.accept(2);
  assertEquals(next(), 0);
});

Deno.test("an answer that nothing can follow ends before minTokens", () => {
  const bytes = [[], [0x61], [0x62]].map((one) => Uint8Array.from(one));
  const grammars = new GrammarCompiler({ bytesOf: (id) => bytes[id]!, isSpecial: () => false }, 3);
  const options = { eosTokenIds: [0], matcher: grammars.matcher({ regex: "ab?" }) };
  const sampler = createSampler({ temperature: 0, minTokens: 9 }, 3, options);
  const next = () => {
    const { edits } = sampler.settings(0)!;
    const { token } = sampler.sample(Float32Array.of(9, 8, 7), 0);
    assertEquals([edits.banned.includes(token), edits.allowed![0]! >>> token & 1], [false, 1]);
    sampler.accept(token);
    return token;
  };
  assertEquals([next(), next(), next()], [1, 2, 0]);
});

Deno.test("logprobs are those of the model, before any parameter", () => {
  const params = { temperature: 0, bannedTokenIds: [3], logitBias: { 0: 5 }, logprobs: 2 };
  const sampler = createSampler(params, 4);
  const weights = [1, 2, 3, 4];
  const { token, logprob, top } = sampler.sample(Float32Array.from(weights, Math.log), 0);
  assertEquals(token, 0);
  assertAlmostEquals(logprob!, Math.log(0.1), 1e-6);
  assertEquals(top!.map((one) => one.token), [3, 2]);
  assertAlmostEquals(top![0]!.logprob, Math.log(0.4), 1e-6);
});

Deno.test("logprobs 0 gives that of the token alone, and equal ones come by their ids", () => {
  const at = (logprobs: number) =>
    createSampler({ temperature: 0, logprobs }, 3).sample(new Float32Array(3), 0).top!;
  assertEquals(at(0), []);
  assertEquals(at(20).map(({ token }) => token), [0, 1, 2]);
});

Deno.test("without logprobs there is nothing but the token", () => {
  assertEquals(Object.keys(createSampler({}, 2).sample(new Float32Array(2), 0)), ["token"]);
});

Deno.test("a seeded token hangs on seed and position alone", () => {
  const logits = Float32Array.from({ length: 300 }, (_, id) => Math.sin(id));
  const params = { seed: 42, temperature: 0.9 };
  const alone = createSampler(params, 300);
  const tokens = Array.from({ length: 50 }, (_, i) => alone.sample(logits.slice(), i).token);
  const other = createSampler({ seed: 1 }, 300);
  const late = createSampler(params, 300);
  for (let i = 49; i >= 0; i--) {
    other.sample(logits.slice(), i);
    assertEquals(late.sample(logits.slice(), i).token, tokens[i]);
  }
});

Deno.test("fork() parts histories and noise", () => {
  const sampler = createSampler({ seed: 3, presencePenalty: 2, temperature: 0 }, 2);
  const fork = sampler.fork(1);
  fork.accept(0);
  assertEquals(fork.sample(Float32Array.of(1, 0), 0).token, 1);
  assertEquals(sampler.sample(Float32Array.of(1, 0), 0).token, 0);
  assertEquals([sampler.answer, fork.answer, fork.fork().answer], [0, 1, 1]);
});
