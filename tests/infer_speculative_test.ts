// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  createSampler,
  type Draft,
  DraftAcceptance,
  type DraftMethod,
  DraftModel,
  GrammarCompiler,
  loadWeights,
  openModel,
  PromptLookup,
  ReferenceBackend,
  runStep,
  type Sampler,
  type SamplingParams,
  StepBatch,
  verifyDraft,
} from "../infer/mod.ts";
import { PURPOSE } from "../infer/speculative/verify_draft.ts";
import { assertFits } from "./infer_chi_squared.ts";
import { seededRandom, vocabularyOf } from "./infer_vocabulary.ts";

const VOCABULARY = 5;

/** A made-up model: logits that hang on the last two tokens. */
function logitsAfter(tokens: readonly number[], model: number): Float32Array {
  const [a = 0, b = 0] = tokens.slice(-2);
  const random = seededRandom(a * 131 + b * 7 + model * 10_007);
  return Float32Array.from({ length: VOCABULARY }, () => 3 * random());
}

function softmax(logits: Float32Array): number[] {
  const weights = Array.from(logits, (logit) => Math.exp(logit));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return weights.map((weight) => weight / total);
}

/** A draft of another made-up model, with its distributions or without. */
function draftOf(tokens: number[], count: number, sampler: Sampler, method: DraftMethod): Draft {
  const drafting = sampler.fork();
  const guesses: number[] = [];
  const distributions = [];
  for (let i = 0; i < count; i++) {
    const logits = logitsAfter([...tokens, ...guesses], 1);
    const position = tokens.length + i;
    if (method === "coupled") {
      guesses.push(drafting.sample(logits, position).token);
      continue;
    }
    const q = drafting.distribution(logits);
    distributions.push({
      ids: q.ids.slice(0, q.count),
      probabilities: q.weights.slice(0, q.count).map((weight) => weight / q.total),
    });
    guesses.push(q.draw(sampler.params.seed, position, 0, PURPOSE.draft));
  }
  return method === "coupled" ? { tokens: guesses } : { tokens: guesses, distributions };
}

/** Goes on with a text by drafts of `count` tokens until it has so many. */
function speculate(
  tokens: number[],
  length: number,
  count: number,
  params: SamplingParams,
  method: DraftMethod,
): { tokens: number[]; acceptance: DraftAcceptance } {
  const sampler = createSampler(params, VOCABULARY, { promptTokens: tokens });
  const acceptance = new DraftAcceptance();
  tokens = tokens.slice();
  while (tokens.length < length) {
    const draft = draftOf(tokens, count, sampler, method);
    const rows = Array.from(
      { length: count + 1 },
      (_, i) => logitsAfter([...tokens, ...draft.tokens.slice(0, i)], 0),
    );
    const verified = verifyDraft(sampler, rows, draft, tokens.length);
    acceptance.note(count, verified.acceptedTokens);
    tokens.push(...verified.tokens.map(({ token }) => token));
  }
  return { tokens: tokens.slice(0, length), acceptance };
}

for (const method of ["coupled", "rejection"] as const) {
  Deno.test(`${method} drafts leave the distribution of three tokens as it is`, () => {
    const counts = new Float64Array(VOCABULARY ** 3);
    const runs = 12_000;
    let accepted = 0;
    for (let seed = 0; seed < runs; seed++) {
      const { tokens, acceptance } = speculate([1, 2], 5, 2, { seed }, method);
      counts[(tokens[2]! * VOCABULARY + tokens[3]!) * VOCABULARY + tokens[4]!]!++;
      accepted += acceptance.rate / runs;
    }
    const probabilities = Array.from(counts, (_, index) => {
      const [a, b] = [Math.floor(index / 25), Math.floor(index / 5) % 5];
      return softmax(logitsAfter([1, 2], 0))[a]! * softmax(logitsAfter([2, a], 0))[b]! *
        softmax(logitsAfter([a, b], 0))[index % 5]!;
    });
    assertFits(counts, probabilities, method);
    assert(accepted > 0.2 && accepted < 0.95, `acceptance ${accepted}`);
  });
}

Deno.test("rejection sampling accepts as much as the distributions have in common", () => {
  let [common, accepted] = [0, 0];
  const [p, q] = [0, 1].map((model) => softmax(logitsAfter([3, 4], model))) as [number[], number[]];
  for (let token = 0; token < VOCABULARY; token++) common += Math.min(p[token]!, q[token]!);
  const runs = 20_000;
  for (let seed = 0; seed < runs; seed++) {
    accepted += speculate([3, 4], 3, 1, { seed }, "rejection").acceptance.acceptedTokens;
  }
  assertFits([accepted, runs - accepted], [common, 1 - common]);
});

Deno.test("a seeded answer is the same with coupled drafts and without, penalties and all", () => {
  const params = { temperature: 1.3, presencePenalty: 0.4, repetitionPenalty: 1.1, topP: 0.95 };
  for (let seed = 0; seed < 40; seed++) {
    const plain = speculate([0, 1], 40, 0, { ...params, seed }, "coupled").tokens;
    for (const count of [1, 3, 7]) {
      const { tokens } = speculate([0, 1], 40, count, { ...params, seed }, "coupled");
      assertEquals(tokens, plain);
    }
  }
});

Deno.test("greedy answers are the same with both methods and without", () => {
  const greedy = { temperature: 0 };
  const plain = speculate([2, 2], 60, 0, greedy, "coupled").tokens;
  assertEquals(speculate([2, 2], 60, 4, greedy, "coupled").tokens, plain);
  assertEquals(speculate([2, 2], 60, 4, greedy, "rejection").tokens, plain);
});

Deno.test("a draft that breaks the grammar is not taken", () => {
  const vocabulary = vocabularyOf([]);
  const matcher = new GrammarCompiler(vocabulary, 256).matcher({ choice: ["abc"] });
  const sampler = createSampler({ temperature: 0 }, 256, { matcher });
  const rows = Array.from({ length: 3 }, () => new Float32Array(256).fill(1, 0, 10));
  const verified = verifyDraft(sampler, rows, { tokens: [97, 3] }, 0);
  assertEquals(verified.tokens.map(({ token }) => token), [97, 98]);
  assertEquals(verified.acceptedTokens, 1);
});

Deno.test("nothing comes after a token that ends the answer", () => {
  const rows = [1, 2, 3].map((token) => new Float32Array(4).fill(9, token, token + 1));
  const sampler = createSampler({ temperature: 0 }, 4);
  const { tokens } = verifyDraft(sampler, rows, { tokens: [1, 2] }, 0, (token) => token === 1);
  assertEquals(tokens.map(({ token }) => token), [1]);
});

Deno.test("drafts have log probabilities where they are asked for", () => {
  const sampler = createSampler({ seed: 1, logprobs: 1 }, VOCABULARY);
  const rows = [logitsAfter([], 0), logitsAfter([1], 0)];
  const raw = rows.map((row) => softmax(row));
  const draft = draftOf([0], 1, sampler, "rejection");
  verifyDraft(sampler, rows, draft, 1).tokens.forEach(({ token, logprob, top }, i) => {
    assert(Math.abs(logprob! - Math.log(raw[i]![token]!)) < 1e-6);
    assertEquals(top!.length, 1);
  });
});

Deno.test("verifyDraft() refuses rows that do not fit the draft", () => {
  const sampler = createSampler({}, 2);
  assertThrows(() => verifyDraft(sampler, [], { tokens: [] }, 0), RangeError, "0 rows");
});

Deno.test("PromptLookup proposes what followed the longest and earliest match", () => {
  const tokens = fc.array(fc.integer({ min: 0, max: 2 }), { maxLength: 30 });
  fc.assert(
    fc.property(tokens, fc.integer({ min: 1, max: 3 }), fc.nat(3), (tokens, ngramMin, more) => {
      const ngramMax = ngramMin + more;
      const { tokens: guess } = new PromptLookup({ ngramMin, ngramMax }).propose(tokens, 4);
      assertEquals(guess, lookedUp(tokens, ngramMin, ngramMax).slice(0, 4));
    }),
    { numRuns: 3000, seed: 5 },
  );
});

/** The same, by looking at every place for every length. */
function lookedUp(tokens: number[], ngramMin: number, ngramMax: number): number[] {
  for (let length = Math.min(ngramMax, tokens.length - 1); length >= ngramMin; length--) {
    const last = tokens.slice(-length).join();
    for (let end = length; end < tokens.length; end++) {
      if (tokens.slice(end - length, end).join() === last) return tokens.slice(end);
    }
  }
  return [];
}

Deno.test("PromptLookup refuses lengths that make no sense", () => {
  assertThrows(() => new PromptLookup({ ngramMin: 3, ngramMax: 2 }), RangeError, "3 to 2");
  assertThrows(() => new PromptLookup({ ngramMin: 0 }), RangeError, "0 to 4");
});

Deno.test("a model's drafts for itself are all taken, also when others were refused before", async () => {
  using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
  const bounds = { tokensMax: 8, sequencesMax: 1, blocksPerSequenceMax: 8, blockTokens: 4 };
  const weights = await loadWeights(source);
  using backend = new ReferenceBackend(weights, { bounds, blockCount: 10 });
  using target = new ReferenceBackend(weights, {
    bounds: { ...bounds, tokensMax: 64 },
    blockCount: 8,
  });
  const model = new DraftModel(backend);
  const batch = new StepBatch(target.bounds);
  const size = target.config.vocabularySize;
  for (const params of [{ temperature: 0 }, { seed: 5 }]) {
    const sampler = createSampler(params, size);
    const tokens = [1, 2, 3, 4, 5, 6, 7, 8, 9];
    using sequence = model.sequence();
    while (tokens.length < 24) {
      const draft = sequence.propose(tokens, 3, sampler);
      assertEquals(draft.tokens.length, 3);
      batch.clear();
      const all = [...tokens, ...draft.tokens];
      batch.add({
        tokens: all,
        computedTokens: 0,
        blocks: [0, 1, 2, 3, 4, 5, 6, 7],
        logits: "all",
      });
      const { logits } = runStep(target, batch);
      const rows = Array.from({ length: 4 }, (_, i) => {
        const row = tokens.length - 1 + i;
        return logits.slice(row * size, (row + 1) * size);
      });
      const verified = verifyDraft(sampler, rows, draft, tokens.length);
      assertEquals(verified.acceptedTokens, 3);
      tokens.push(...verified.tokens.map(({ token }) => token));
      // Another continuation, as if the last token had been refused.
      tokens[tokens.length - 1] = (tokens.at(-1)! + 1) % size;
    }
  }
});

Deno.test("a sequence that finds no free block has no guesses, until others close", async () => {
  using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
  const bounds = { tokensMax: 8, sequencesMax: 1, blocksPerSequenceMax: 2, blockTokens: 4 };
  using backend = new ReferenceBackend(await loadWeights(source), { bounds, blockCount: 3 });
  const model = new DraftModel(backend);
  const sampler = createSampler({ temperature: 0 }, backend.config.vocabularySize);
  const [first, second] = [model.sequence(), model.sequence()];
  assertEquals(first.propose([1, 2, 3], 3, sampler).tokens.length, 3);
  assertEquals(second.propose([1, 2, 3], 3, sampler).tokens.length, 0);
  assertEquals(first.propose([1, 2, 3, 4, 5, 6, 7], 3, sampler).tokens.length, 1);
  assertEquals(first.propose([1, 2, 3, 4, 5, 6, 7, 8], 3, sampler).tokens.length, 0);
  first.close();
  assertEquals(second.propose([1, 2, 3], 3, sampler).tokens.length, 3);
  second.close();
});

Deno.test("DraftAcceptance counts what vLLM's metrics count", () => {
  const acceptance = new DraftAcceptance();
  assertEquals(acceptance.rate, 0);
  for (const [tokens, accepted] of [[3, 3], [3, 1], [0, 0], [2, 0]]) {
    acceptance.note(tokens!, accepted!);
  }
  const { drafts, draftTokens, acceptedTokens, acceptedPerPosition, rate } = acceptance;
  assertEquals([drafts, draftTokens, acceptedTokens, rate], [3, 8, 4, 0.5]);
  assertEquals(acceptedPerPosition, [2, 1, 1]);
});
