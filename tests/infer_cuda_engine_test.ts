// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import type { Backend } from "../infer/backend/backend.ts";
import { DrawBatch } from "../infer/backend/draw_batch.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import type { SamplingParams } from "../infer/sampling/sampling_params.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { cudaTest, HAS_EMULATION, LIBRARY, loadCuda, ROUNDING } from "./infer_cuda.ts";
import { type Ask, askWith, Run, type Said } from "./infer_engine_run.ts";
import { MODELS, readGolden } from "./infer_model.ts";
import { setVariables } from "./set_variables.ts";
import { workerTest } from "./worker_leak.ts";

// Engines whose tokens the device chooses.

const NAME = "llama-tied-default";
const { inputIds, greedy } = readGolden(NAME);
const BOUNDS: SchedulerBounds = {
  ...{ tokensMax: 24, sequencesMax: 6, blockTokens: 4, blockCount: 40, blocksPerSequenceMax: 32 },
  ...{ prefillTokensMax: 24, prefixCache: true, agingSteps: 50 },
};

// Data: what is asked, all of it at once.
const PARAMS: readonly SamplingParams[] = [
  { temperature: 0, maxTokens: 30 },
  { temperature: 1, seed: 1, maxTokens: 30, n: 2 },
  { temperature: 2, seed: 2, topK: 40, topP: 0.9, minP: 0.01, maxTokens: 30, logprobs: 3 },
  { temperature: 0, repetitionPenalty: 1.3, frequencyPenalty: 0.4, maxTokens: 20, logprobs: 0 },
  { temperature: 1.5, seed: 3, structuredOutput: { regex: "[a-f]{3,9}(X|yy)+" }, maxTokens: 20 },
  { temperature: 1, seed: 4, presencePenalty: -0.5, logitBias: { 3: 2 }, stop: ["a", "Q"] },
  { temperature: 1, seed: 5, typicalP: 0.8, maxTokens: 12 },
  { temperature: 1, seed: 6, minTokens: 6, bannedTokenIds: [1, 2], maxTokens: 25 },
  { temperature: 0.8, seed: 7, promptLogprobs: 2, maxTokens: 15 },
];

/** The same without its choosing of tokens. */
function withoutDrawing(backend: Backend): Backend {
  return {
    config: backend.config,
    bounds: backend.bounds,
    blockCount: backend.blockCount,
    submit: (batch) => backend.submit(batch),
    wait: () => backend.wait(),
    copyBlocks: (pairs) => backend.copyBlocks(pairs),
    close() {},
    [Symbol.dispose]() {},
  };
}

for (const isLate of [false, true]) {
  const when = isLate ? "as late as it may" : "at once";
  cudaTest(
    `CUDA emulation: an engine says what its own sampler would, computed ${when}`,
    async () => {
      using _late = isLate ? setVariables({ INFER_HOST_LATE: "1" }) : undefined;
      const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens, blockCount } = BOUNDS;
      const bounds = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens };
      using backend = await loadCuda(MODELS + NAME, {
        ...{ bounds, blockCount, kvType: "float16", path: "deterministic" },
      });
      const asks: Ask[] = PARAMS.map((params, i) => ({
        ...askWith(params),
        prompt: [...inputIds.slice(i, 9 + 2 * i)],
        comesAt: 3 * (i % 3),
      }));
      const drawn = new Run(BOUNDS, backend, null);
      const guessed = new Run(BOUNDS, backend, 3);
      const plain = new Run(BOUNDS, withoutDrawing(backend), null);
      for (const run of [drawn, guessed, plain]) run.run(asks);
      assert(drawn.core.scheduler.counters.preemptions > 0, "nothing was preempted");
      for (const i of asks.keys()) {
        assertAlike(drawn.said(i), plain.said(i));
        assertAlike(guessed.said(i), plain.said(i));
      }
      // Given up in the middle; the others go on as before.
      const aborting = new Run(BOUNDS, backend, null);
      aborting.run(asks.map((ask, i) => ({ ...ask, abortsAt: i % 2 === 1 ? 6 + i : null })));
      for (const i of asks.keys()) {
        if (i % 2 === 0) assertAlike(aborting.said(i), plain.said(i));
      }
    },
  );
}

cudaTest("CUDA emulation: drawing ends with the backend", async () => {
  const bounds = { tokensMax: 8, sequencesMax: 2, blocksPerSequenceMax: 4, blockTokens: 4 };
  const backend = await loadCuda(MODELS + NAME, { bounds, blockCount: 8 });
  const drawing = backend.drawing!;
  const draws = new DrawBatch(backend.config.vocabularySize);
  const batch = new StepBatch(bounds);
  batch.add({ tokens: [1, 2], computedTokens: 0, blocks: [0], logits: "none" });
  drawing.submit(batch, draws, 1);
  drawing.submit(batch, draws, 1);
  assertThrows(() => drawing.submit(batch, draws, 1), Deno.errors.Busy);
  drawing.wait();
  // The other is on its way still.
  backend.close();
  assertThrows(() => drawing.submit(batch, draws, 1), Deno.errors.BadResource);
  assertThrows(() => drawing.wait(), Deno.errors.BadResource);
});

cudaWorkerTest("an engine on the CUDA emulation goes on as transformers does", async () => {
  await using engine = await load();
  assertMatch(engine.backend, /^cuda: /);
  const options = { temperature: 0, ignoreEos: true, maxTokens: greedy.length };
  assertEquals((await engine.generate(inputIds, options)).tokens, [...greedy]);
  const { prepareUs, submitUs, waitUs, readUs, deviceUs } = engine.stats();
  for (const us of [prepareUs, submitUs, waitUs, readUs, deviceUs]) assert(us > 0);
});

cudaWorkerTest("a deterministic engine answers alone as it does in a batch", async () => {
  const ask = async (engine: Engine, i: number) => {
    const params = { seed: i, temperature: 1.5, ignoreEos: true, maxTokens: 12, logprobs: 2 };
    const { logprobs } = await engine.generate(inputIds.slice(i, 8 + 3 * i), params);
    return logprobs;
  };
  await using engine = await load({ deterministic: true, prefixCache: false });
  assertMatch(engine.backend, /"deterministic"/);
  const alone = [];
  for (let i = 0; i < 5; i++) alone.push(await ask(engine, i));
  assertEquals(await Promise.all(alone.map((_, i) => ask(engine, i))), alone);
});

cudaWorkerTest("a device that fails fails the requests with its words", async () => {
  await using engine = await load();
  const options = { temperature: 0, ignoreEos: true, maxTokens: 100 };
  await engine.generate(inputIds, { ...options, maxTokens: 3 });
  using _failing = setVariables({ INFER_HOST_FAILS_AFTER: "2" });
  const requests = [engine.generate(inputIds, options), engine.generate(inputIds, options)];
  for (const request of requests) {
    await assertRejects(() => request, Error, "Cannot run a step: an error of the emulation");
  }
});

/** A test of engines in workers; ignored where there is no compiler. */
function cudaWorkerTest(name: string, body: () => Promise<void>): void {
  if (HAS_EMULATION) return workerTest(name, body);
  Deno.test({ name: `${name} (no C++ compiler: g++ is not installed)`, ignore: true, fn: body });
}

async function load(options: EngineOptions = {}): Promise<Engine> {
  using _library = setVariables({ PHOTON_INFER_CUDA_LIBRARY: LIBRARY });
  return await Engine.load(MODELS + NAME, { backend: "cuda", ...options });
}

/** The same tokens; log probabilities but for their last digits. */
function assertAlike(actual: Said, expected: Said): void {
  const [left, right] = [actual, expected].map((said) => {
    const numbers: number[] = [];
    const text = JSON.stringify(said, (key, value) => {
      if (key !== "logprob" || value === undefined) return value;
      numbers.push(value);
      return "told";
    });
    return { numbers, text };
  });
  assertEquals(left!.text, right!.text);
  for (const [i, x] of left!.numbers.entries()) {
    assert(Math.abs(x - right!.numbers[i]!) < 1e-5 * ROUNDING, `${x}, not ${right!.numbers[i]}`);
  }
}
