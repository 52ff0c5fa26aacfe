// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { createSampler, type Sampler, type SamplingParams } from "../infer/mod.ts";
import { assertFits } from "./infer_chi_squared.ts";
import { seededRandom } from "./infer_vocabulary.ts";

const VOCABULARY = 24;
const DRAWS = 20_000;

/** Logits as a model has them: a few likely tokens, a long tail, some equal. */
function logitsOf(seed: number): Float32Array {
  const random = seededRandom(seed);
  const logits = Float32Array.from({ length: VOCABULARY }, () => 6 * random() ** 2);
  logits[5] = logits[6]!;
  return logits;
}

/** What the parameters mean, written down once more without any thought of speed. */
function expected(logits: Float32Array, params: SamplingParams, history: number[][]): number[] {
  const { temperature = 1, minP = 0, topK = 0, topP = 1, typicalP = 1 } = params;
  const [prompt, output] = history as [number[], number[]];
  let row = [...logits].map((logit, id) => {
    if (params.allowedTokenIds && !params.allowedTokenIds.includes(id)) return -Infinity;
    if (params.bannedTokenIds?.includes(id)) return -Infinity;
    logit += params.logitBias?.[id] ?? 0;
    const penalty = params.repetitionPenalty ?? 1;
    if ([...prompt, ...output].includes(id)) logit = logit > 0 ? logit / penalty : logit * penalty;
    const count = output.filter((one) => one === id).length;
    logit -= (params.frequencyPenalty ?? 0) * count;
    return count > 0 ? logit - (params.presencePenalty ?? 0) : logit;
  });
  row = row.map((logit) => Math.exp(logit / temperature));
  const normalized = (weights: number[]) => {
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return weights.map((weight) => weight / total);
  };
  const keep = (order: number[], enough: (kept: number, mass: number) => boolean) => {
    let [mass, kept] = [0, 0];
    const probabilities = normalized(row);
    for (const id of order) {
      if (enough(kept, mass)) row[id] = 0;
      mass += probabilities[id]!;
      kept++;
    }
  };
  const descending = () => row.map((_, id) => id).sort((a, b) => row[b]! - row[a]! || a - b);
  const max = Math.max(...row);
  row = row.map((weight) => weight < minP * max ? 0 : weight);
  if (topK > 0) keep(descending(), (kept) => kept >= topK);
  if (topP < 1) keep(descending(), (_, mass) => mass >= topP);
  if (typicalP < 1) {
    const p = normalized(row);
    const surprise = p.map((one) => -Math.log(one));
    const entropy = p.reduce((sum, one, id) => sum + (one === 0 ? 0 : one * surprise[id]!), 0);
    const distance = surprise.map((one) => Math.abs(one - entropy));
    const order = p.map((_, id) => id).sort((a, b) => distance[a]! - distance[b]! || a - b);
    keep(order, (_, mass) => mass >= typicalP);
  }
  return normalized(row);
}

/** Samples at as many positions and counts the tokens. */
function counted(sampler: Sampler, logits: Float32Array): Float64Array {
  const counts = new Float64Array(VOCABULARY);
  for (let position = 0; position < DRAWS; position++) {
    counts[sampler.sample(logits.slice(), position).token]!++;
  }
  return counts;
}

// Data: name, parameters.
const CASES: [string, SamplingParams][] = [
  ["no parameters", {}],
  ["a low temperature", { temperature: 0.4 }],
  ["a high temperature", { temperature: 3 }],
  ["topK", { topK: 5 }],
  ["topK that cuts between equal tokens", { topK: 12 }],
  ["topP", { topP: 0.7 }],
  ["topP of nearly all", { topP: 0.99 }],
  ["minP", { minP: 0.1 }],
  ["typicalP", { typicalP: 0.5 }],
  ["a repetition penalty", { repetitionPenalty: 1.8 }],
  ["a frequency penalty", { frequencyPenalty: 0.7 }],
  ["a presence penalty", { presencePenalty: -1.5 }],
  ["a bias", { logitBias: { 0: 3, 7: -100 } }],
  ["allowed tokens", { allowedTokenIds: [1, 2, 9, 20] }],
  ["banned tokens", { bannedTokenIds: [0, 1, 2, 3, 4] }],
  ["all together", {
    ...{ temperature: 0.8, topK: 15, topP: 0.9, minP: 0.01, typicalP: 0.95, logitBias: { 3: 1 } },
    ...{ repetitionPenalty: 1.2, frequencyPenalty: 0.3, presencePenalty: 0.2 },
    bannedTokenIds: [11],
  }],
];

const PROMPT = [1, 4, 4, 8];
const OUTPUT = [2, 4, 2, 2];

for (const [name, params] of CASES) {
  Deno.test(`sample() with ${name} has its exact distribution`, () => {
    for (const seed of [1, 2, 3]) {
      const logits = logitsOf(seed);
      const sampler = createSampler({ ...params, seed }, VOCABULARY, { promptTokens: PROMPT });
      for (const token of OUTPUT) sampler.accept(token);
      const probabilities = expected(logits, params, [PROMPT, OUTPUT]);
      assertFits(counted(sampler, logits), probabilities, `seed ${seed}`);
    }
  });
}

Deno.test("tokens of neighbouring positions, seeds and answers are independent", () => {
  const logits = Float32Array.of(0, 0.5, 1, 1.5);
  const p = expected(logits, {}, [[], []]);
  const pairs = p.flatMap((a) => p.map((b) => a * b));
  const token = (seed: number, position: number, answer: number) =>
    createSampler({ seed }, 4).fork(answer).sample(logits.slice(), position).token;
  // Data: what the second of two draws differs in.
  const others: ((i: number) => [number, number, number])[] = [
    (i) => [9, i + 1, 0],
    (i) => [10, i, 0],
    (i) => [9 + 2 ** 32, i, 0],
    (i) => [9, i, 1],
  ];
  for (const other of others) {
    const counts = new Float64Array(16);
    for (let i = 0; i < 8000; i += 2) counts[4 * token(9, i, 0) + token(...other(i))]!++;
    assertFits(counts, pairs);
  }
});

Deno.test("a vocabulary as large as that of Llama is drawn from exactly", () => {
  const size = 128_256;
  const logits = new Float32Array(size).map((_, id) => id % 1000 === 0 ? 8 : 0);
  const sampler = createSampler({ seed: 5 }, size);
  let likely = 0;
  for (let position = 0; position < 400; position++) {
    if (sampler.sample(logits.slice(), position).token % 1000 === 0) likely++;
  }
  const weight = 129 * Math.exp(8);
  const share = weight / (weight + size - 129);
  assertFits([likely, 400 - likely], [share, 1 - share]);
});

Deno.test("topP of a large vocabulary keeps what a full sort keeps", () => {
  const random = seededRandom(77);
  const size = 5000;
  const logits = Float32Array.from({ length: size }, () => 4 * random());
  const kept = createSampler({ topP: 0.6, seed: 0 }, size).distribution(logits.slice());
  const weights = [...logits].map((logit) => Math.exp(logit));
  const order = weights.map((_, id) => id).sort((a, b) => weights[b]! - weights[a]! || a - b);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let [mass, count] = [0, 0];
  while (mass < 0.6 * total) mass += weights[order[count++]!]!;
  assert(Math.abs(kept.count - count) <= 1);
  const ids = [...kept.ids.subarray(0, count - 1)].sort((a, b) => a - b);
  assertEquals(ids.filter((id) => !order.slice(0, count).includes(id)), []);
});
