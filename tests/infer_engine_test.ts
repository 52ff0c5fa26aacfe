// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { logSumExp } from "../infer/sampling/log_probabilities.ts";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { allLogits, loadBackend, MODELS, readGolden } from "./infer_model.ts";
import { workerTest } from "./worker_leak.ts";

// With a golden model on the reference backend; `infer_engine_ends_test.ts` has the unhappy ends.

const NAME = "llama-tied-default";
const MODEL = MODELS + NAME;
const GREEDY = { temperature: 0, ignoreEos: true } as const;
const { inputIds, greedy } = readGolden(NAME);

function load(options: EngineOptions = {}): Promise<Engine> {
  return Engine.load(MODEL, { backend: "reference", ...options });
}

workerTest("generate() goes on as transformers does, as a promise and as an iterator", async () => {
  await using engine = await load();
  const maxTokens = greedy.length;
  const whole = await engine.generate(inputIds, { ...GREEDY, maxTokens });
  assertEquals([whole.tokens, whole.finishReason], [[...greedy], "length"]);
  let [text, deltas] = ["", 0];
  const tokens: number[] = [];
  const reasons: unknown[] = [];
  for await (const delta of engine.generate(inputIds, { ...GREEDY, maxTokens })) {
    text += delta.text;
    tokens.push(...delta.tokens);
    reasons.push(delta.finishReason);
    deltas++;
  }
  assertEquals([text, tokens, reasons.pop()], [whole.text, [...greedy], "length"]);
  assert(reasons.every((reason) => reason === null));
  assert(deltas > 1, "the answer came in one piece");
});

workerTest("generate() with a seed gives the same alone, in a batch, and preempted", async () => {
  const prompts = Array.from({ length: 6 }, (_, i) => inputIds.slice(i, 12 + 3 * i));
  const ask = (engine: Engine, i: number) =>
    engine.generate(prompts[i]!, { seed: 7 + i, temperature: 2, ignoreEos: true, maxTokens: 40 });
  const alone: string[] = [];
  {
    await using engine = await load({ prefixCache: false });
    for (let i = 0; i < prompts.length; i++) alone.push(String((await ask(engine, i)).tokens));
  }
  assertEquals(new Set(alone).size, alone.length);
  const tight: EngineOptions = { blockTokens: 4, blockCount: 30, tokensMax: 16, sequencesMax: 6 };
  for (const options of [{}, { prefillTokensMax: 3 }, tight]) {
    await using engine = await load(options);
    const together = await Promise.all(prompts.map((_, i) => ask(engine, i)));
    assertEquals(together.map(({ tokens }) => String(tokens)), alone);
    if (options === tight) assert(engine.stats().preemptions > 0, "nothing was preempted");
  }
});

workerTest("generate() with n forks answers that differ, the first as without n", async () => {
  const options = { seed: 5, temperature: 2, ignoreEos: true, maxTokens: 12 };
  await using engine = await load({ blockTokens: 8 });
  const one = await engine.generate(inputIds, options);
  const three = await engine.generate(inputIds, { ...options, n: 3 });
  assertEquals(three.answers[0]!.tokens, one.tokens);
  assertEquals(new Set(three.answers.map(({ text }) => text)).size, 3);
  assertEquals(three.usage.completionTokens, 36);
  const seen = new Set<number>();
  for await (const delta of engine.generate(inputIds, { ...options, n: 3 })) seen.add(delta.answer);
  assertEquals(seen.size, 3);
  // Where two cannot run beside the first they wait, and say the same.
  await using narrow = await load({ sequencesMax: 1, tokensMax: 32 });
  const waited = await narrow.generate(inputIds, { ...options, n: 3 });
  assertEquals(waited.answers, three.answers);
});

workerTest("generate() ends at stop texts and tokens, and says which", async () => {
  await using engine = await load();
  const maxTokens = greedy.length;
  const { text } = await engine.generate(inputIds, { ...GREEDY, maxTokens });
  const stop = text.slice(5, 8);
  const stopped = await engine.generate(inputIds, { ...GREEDY, maxTokens, stop });
  assertEquals(stopped.text, text.slice(0, text.indexOf(stop)));
  assertEquals([stopped.finishReason, stopped.stopReason], ["stop", stop]);
  const stopTokenIds = [greedy[4]!];
  const early = await engine.generate(inputIds, { ...GREEDY, maxTokens, stopTokenIds });
  const count = greedy.indexOf(greedy[4]!) + 1;
  assertEquals(early.tokens, [...greedy.slice(0, count)]);
  assertEquals([early.finishReason, early.stopReason], ["stop", greedy[4]]);
});

workerTest("logprobs and promptLogprobs are those of the model", async () => {
  await using engine = await load({ prefillTokensMax: 5 });
  const asked = { ...GREEDY, maxTokens: 3, logprobs: 2, promptLogprobs: 1 };
  const { logprobs, promptLogprobs } = await engine.generate(inputIds, asked);
  const tokens = [...inputIds, ...greedy.slice(0, 3)];
  using backend = await loadBackend(MODEL);
  const logits = allLogits(backend, tokens);
  const size = backend.config.vocabularySize;
  const all = [...promptLogprobs!, ...logprobs!];
  assertEquals(all.map(({ token }) => token), tokens);
  assertEquals(all[0], { token: tokens[0]! });
  for (let at = 1; at < tokens.length; at++) {
    const row = logits.subarray((at - 1) * size, at * size);
    assertAlmostEquals(all[at]!.logprob!, row[tokens[at]!]! - logSumExp(row), 1e-5);
    assertEquals(all[at]!.top!.length, at < inputIds.length ? 1 : 2);
  }
});

workerTest("score() sums the log probabilities of what follows a context", async () => {
  await using engine = await load({ prefillTokensMax: 7 });
  const whole = await engine.score(inputIds);
  const rest = await engine.score(inputIds.slice(4), { context: inputIds.slice(0, 4) });
  assertEquals(whole.tokens[0], { token: inputIds[0]! });
  assertEquals(rest.tokens, whole.tokens.slice(4));
  const first = whole.tokens.slice(1, 4).reduce((sum, { logprob }) => sum + logprob!, 0);
  assertAlmostEquals(rest.logprob + first, whole.logprob, 1e-6);
  assertAlmostEquals(whole.perplexity, Math.exp(-whole.logprob / (inputIds.length - 1)), 1e-6);
  assertEquals((await engine.score("the cat")).tokens.length, engine.tokenize("the cat").length);
});

workerTest("embed() gives the last state of the model, or the mean, of length 1", async () => {
  await using engine = await load({ prefillTokensMax: 7 });
  const states = readGolden(NAME).hiddenStates;
  const { hiddenSize, layerCount } = engine.config;
  const normed = states.subarray(layerCount * inputIds.length * hiddenSize);
  const unit = (values: number[]) => values.map((value) => value / Math.hypot(...values));
  const row = (at: number) => [...normed.subarray(at * hiddenSize, (at + 1) * hiddenSize)];
  const mean = row(0).map((_, i) => inputIds.reduce((sum, _, at) => sum + row(at)[i]!, 0));
  const expected = { last: unit(row(inputIds.length - 1)), mean: unit(mean) };
  for (const pooling of ["last", "mean"] as const) {
    // Twice, since the second time the prefix cache has the prompt.
    for (let round = 0; round < 2; round++) {
      const values = await engine.embed(inputIds, { pooling });
      values.forEach((value, i) => assertAlmostEquals(value, expected[pooling][i]!, 1e-4));
    }
  }
});

workerTest("prompts that begin alike are computed once, within one salt", async () => {
  await using engine = await load({ blockTokens: 4 });
  const options = { ...GREEDY, maxTokens: 6 };
  const cached = async (cacheSalt: string) => {
    const { tokens, usage } = await engine.generate(inputIds, { ...options, cacheSalt });
    assertEquals(tokens, [...greedy.slice(0, 6)]);
    return usage.cachedTokens;
  };
  // Never the last token.
  const most = Math.floor((inputIds.length - 1) / 4) * 4;
  assertEquals([await cached(""), await cached(""), await cached("other")], [0, most, 0]);
  engine.resetPrefixCache();
  assertEquals([await cached(""), await cached("other"), await cached("")], [0, 0, most]);
  assert(engine.stats().cachedBlocks > 0);
});

workerTest("deltas that nobody reads grow together", async () => {
  await using engine = await load();
  const generation = engine.generate(inputIds, { ...GREEDY, maxTokens: 30 });
  const { tokens } = await generation;
  const deltas = await Array.fromAsync(generation);
  assertEquals(deltas.length, 1);
  assertEquals([deltas[0]!.tokens, deltas[0]!.finishReason], [tokens, "length"]);
});

workerTest("stats() counts what was done", async () => {
  await using engine = await load();
  await engine.generate(inputIds, { ...GREEDY, maxTokens: 10 });
  const stats = engine.stats();
  assertEquals([stats.running, stats.waiting, stats.usedBlocks], [0, 0, 0]);
  assertEquals([stats.promptTokens, stats.generatedTokens], [inputIds.length, 10]);
  assertEquals([stats.steps >= 10, stats.finishedRequests, stats.abortedRequests], [true, 1, 0]);
});
