// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { StepTimes } from "../infer/engine/step_times.ts";
import type { SamplingParams } from "../infer/sampling/sampling_params.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { DrawingBackend, SoftBackend } from "./infer_drawing_backend.ts";
import { type Ask, askWith, Run } from "./infer_engine_run.ts";
import { HASH_VOCABULARY, HashBackend } from "./infer_hash_backend.ts";

// An engine whose backend chooses tokens says what one says that looks at logits itself, whatever
// is on its way meanwhile.

const BOUNDS: SchedulerBounds = {
  ...{ tokensMax: 64, sequencesMax: 8, blockCount: 128, blockTokens: 4, blocksPerSequenceMax: 32 },
  ...{ prefillTokensMax: 64, prefixCache: true, agingSteps: 50 },
};
const NO_LOOKUP = null;

const token = fc.nat(HASH_VOCABULARY - 1);
const paramsOf: fc.Arbitrary<SamplingParams> = fc.record({
  ...{ temperature: fc.constantFrom(0, 0.5, 1, 2), seed: fc.nat(), ignoreEos: fc.boolean() },
  ...{ topK: fc.constantFrom(0, 0, 5), topP: fc.constantFrom(1, 0.8) },
  minP: fc.constantFrom(0, 0.1),
  typicalP: fc.constantFrom(1, 1, 1, 1, 0.7),
  repetitionPenalty: fc.constantFrom(1, 1, 1, 1.3),
  presencePenalty: fc.constantFrom(0, 0, 0, 0.5),
  minTokens: fc.constantFrom(0, 0, 4),
  maxTokens: fc.integer({ min: 4, max: 40 }),
  n: fc.constantFrom(1, 1, 1, 3),
  stop: fc.constantFrom([], ["A"], ["bc", "Z"]),
  stopTokenIds: fc.array(token, { maxLength: 3 }),
  logitBias: fc.constantFrom({}, { 3: -2, 50: 1.5 }),
  logprobs: fc.constantFrom(undefined, undefined, 0, 3),
  structuredOutput: fc.constantFrom(
    ...[undefined, undefined, undefined, undefined],
    ...[{ choice: ["ABBA", "A hat", "xyz"] }, { regex: "[a-f]{3,9}(X|yy)+" }],
  ),
  promptLogprobs: fc.constantFrom(undefined, undefined, undefined, undefined, 2),
}).map((all) => {
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
});
const askOf: fc.Arbitrary<Ask> = fc.record({
  kind: fc.constantFrom("generate", "generate", "generate", "generate", "score", "embed"),
  prompt: fc.array(fc.nat(5), { minLength: 1, maxLength: 25 }),
  ...{ params: paramsOf, priority: fc.nat(1), comesAt: fc.nat(20) },
  abortsAt: fc.oneof({ weight: 3, arbitrary: fc.constant(null) }, fc.nat(40)),
});
const boundsOf = fc.record({
  blockTokens: fc.constantFrom(1, 3, 4),
  tokensMax: fc.constantFrom(8, 17, 64),
  sequencesMax: fc.constantFrom(1, 3, 8),
  prefillTokensMax: fc.constantFrom(5, 64),
  prefixCache: fc.boolean(),
  isTight: fc.boolean(),
}).map(({ isTight, blockTokens, ...others }) => {
  // Enough for one sequence of 25 and 40 tokens, and little more.
  const blockCount = Math.ceil((isTight ? 70 : 400) / blockTokens);
  return { ...BOUNDS, ...others, blockTokens, blockCount, blocksPerSequenceMax: blockCount };
});

Deno.test("answers that a device chose are those that the sampler chooses", () => {
  const reached = { calls: 0, steps: 0, preemptions: 0, drawn: 0 };
  const property = fc.property(
    fc.array(askOf, { minLength: 1, maxLength: 6 }),
    boundsOf,
    fc.constantFrom(NO_LOOKUP, NO_LOOKUP, 3),
    (asks, bounds, guessed) => {
      const drawn = new Run(bounds, new DrawingBackend(hashBackend(bounds)), guessed);
      const plain = new Run(bounds, new SoftBackend(hashBackend(bounds)), null);
      for (const run of [drawn, plain]) run.run(asks);
      for (const [i, { abortsAt }] of asks.entries()) {
        if (abortsAt === null) assertEquals(drawn.said(i), plain.said(i));
        else drawn.assertBegins(i, plain.said(i));
      }
      const { most } = drawn.backend as DrawingBackend;
      reached.calls = Math.max(reached.calls, most.calls);
      reached.steps = Math.max(reached.steps, most.steps);
      reached.drawn += most.all;
      reached.preemptions += drawn.core.scheduler.counters.preemptions;
      assertEquals(drawn.core.scheduler.pool.freeCount, bounds.blockCount);
    },
  );
  fc.assert(property, { seed: 14, numRuns: 250 });
  assertEquals([reached.calls, reached.steps], [2, 8], "no step ran ahead, or none in a row");
  assert(reached.preemptions > 20 && reached.drawn > 1000, JSON.stringify(reached));
});

Deno.test("a step is prepared while the one before runs, and eight follow in one call", () => {
  const run = new Run(BOUNDS, new DrawingBackend(hashBackend(BOUNDS)), null);
  const params = { temperature: 1, seed: 3, maxTokens: 40, ignoreEos: true };
  run.run([askWith(params), askWith({ ...params, seed: 4 })]);
  const { most } = run.backend as DrawingBackend;
  // The prompts, then 39 tokens in rows.
  assertEquals(most, { calls: 2, steps: 8, all: 1 + 5 });
  assertEquals(run.said(0).tokens[0]!.length, 40);
});

Deno.test("who gives way and comes back in one step is computed from what is known", () => {
  // Two equal prompts, whose blocks are not shared as they are computed together: whoever of them
  // gives way to the third finds the other's, and there is room for the rest at once.
  const bounds = { ...BOUNDS, blockCount: 6, blocksPerSequenceMax: 6 };
  const later = { ...askWith({ temperature: 0, maxTokens: 9, ignoreEos: true }), priority: 1 };
  const urgent = { ...askWith({ temperature: 0, maxTokens: 2 }), prompt: [3], comesAt: 1 };
  const runs = [new DrawingBackend(hashBackend(bounds)), new SoftBackend(hashBackend(bounds))]
    .map((backend) => new Run(bounds, backend, null));
  for (const run of runs) run.run([later, later, urgent]);
  for (const i of [0, 1, 2]) assertEquals(runs[0]!.said(i), runs[1]!.said(i));
  assert(runs[0]!.core.scheduler.counters.preemptions > 0);
});

Deno.test("a device that fails fails what is on its way, with its words", () => {
  const run = new Run(BOUNDS, new DrawingBackend(hashBackend(BOUNDS)), null);
  (run.backend as DrawingBackend).failsAt = 2;
  const ask = askWith({ temperature: 0, maxTokens: 40, ignoreEos: true });
  assertThrows(() => run.run([ask, ask]), Error, "the device is gone");
  run.core.failAll(new Error("the device is gone"));
  assertEquals([run.said(0).error, run.said(1).error], [
    "Error: the device is gone",
    "Error: the device is gone",
  ]);
});

Deno.test("the trace tells where the time of each step went", () => {
  const steps: StepTimes[] = [];
  const run = new Run(BOUNDS, new DrawingBackend(hashBackend(BOUNDS)), null, (times) => {
    steps.push({ ...times });
  });
  run.run([askWith({ temperature: 0, maxTokens: 20 })]);
  assert(steps.length > 3);
  for (const name of ["prepareUs", "submitUs", "waitUs", "readUs"] as const) {
    const sum = steps.reduce((total, times) => total + times[name], 0);
    assert(sum > 0 && Math.abs(sum - run.core.clock.total[name]) < 1e-6, name);
  }
});

function hashBackend(bounds: SchedulerBounds): HashBackend {
  const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens, blockCount } = bounds;
  return new HashBackend(
    { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens },
    blockCount,
  );
}
