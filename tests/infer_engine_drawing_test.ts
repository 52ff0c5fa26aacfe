// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { Backend } from "../infer/backend/backend.ts";
import { EngineCore } from "../infer/engine/engine_core.ts";
import type { AnswerEnd, EngineRequest, EngineSink } from "../infer/engine/engine_request.ts";
import type { Speculation } from "../infer/engine/speculation.ts";
import type { StepTimes } from "../infer/engine/step_times.ts";
import type { SampledToken } from "../infer/sampling/sampler.ts";
import { checkSamplingParams, type SamplingParams } from "../infer/sampling/sampling_params.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { PromptLookup } from "../infer/speculative/prompt_lookup.ts";
import { DrawingBackend, SoftBackend } from "./infer_drawing_backend.ts";
import { HASH_VOCABULARY, HashBackend } from "./infer_hash_backend.ts";

// An engine whose backend chooses tokens says what one says that looks at logits itself, whatever
// is on its way meanwhile.

/** A request, and when it comes and is given up. */
interface Ask {
  readonly kind: EngineRequest["kind"];
  readonly prompt: readonly number[];
  readonly params: SamplingParams;
  readonly priority: number;
  readonly comesAt: number;
  readonly abortsAt: number | null;
}

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
      const drawn = new Run(bounds, (inner) => new DrawingBackend(inner), guessed);
      const plain = new Run(bounds, (inner) => new SoftBackend(inner), null);
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
  const run = new Run(BOUNDS, (inner) => new DrawingBackend(inner), null);
  const params = { temperature: 1, seed: 3, maxTokens: 40, ignoreEos: true };
  run.run([askWith(params), askWith({ ...params, seed: 4 })]);
  const { most } = run.backend as DrawingBackend;
  // The prompts, then 39 tokens in rows.
  assertEquals(most, { calls: 2, steps: 8, all: 1 + 5 });
  assertEquals(run.said(0).tokens[0]!.length, 40);
});

Deno.test("a device that fails fails what is on its way, with its words", () => {
  const run = new Run(BOUNDS, (inner) => new DrawingBackend(inner), null);
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
  const run = new Run(BOUNDS, (inner) => new DrawingBackend(inner), null, (times) => {
    steps.push({ ...times });
  });
  run.run([askWith({ temperature: 0, maxTokens: 20 })]);
  assert(steps.length > 3);
  for (const name of ["prepareUs", "submitUs", "waitUs", "readUs"] as const) {
    const sum = steps.reduce((total, times) => total + times[name], 0);
    assert(sum > 0 && Math.abs(sum - run.core.clock.total[name]) < 1e-6, name);
  }
});

function askWith(params: SamplingParams): Ask {
  const others = { kind: "generate", priority: 0, comesAt: 0, abortsAt: null } as const;
  return { ...others, prompt: [1, 2, 3, 4, 5], params };
}

/** What became of a request. */
interface Said {
  readonly tokens: SampledToken[][];
  readonly texts: string[];
  readonly ends: (Omit<AnswerEnd, "cachedTokens"> | undefined)[];
  prompt?: readonly SampledToken[];
  embedding?: readonly number[];
  error?: string;
}

/** An engine from its first request to its last word. */
class Run implements EngineSink {
  readonly backend: Backend;
  readonly core: EngineCore;
  readonly #said: Said[] = [];

  constructor(
    bounds: SchedulerBounds,
    backendOver: (inner: Backend) => Backend,
    guessed: number | null,
    trace?: (times: StepTimes) => void,
  ) {
    const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens } = bounds;
    const stepBounds = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens };
    this.backend = backendOver(new HashBackend(stepBounds, bounds.blockCount));
    const tokens = { bytesOf: (id: number) => Uint8Array.of(32 + id % 90), isSpecial: () => false };
    const lookup = new PromptLookup();
    const speculation: Speculation | undefined = guessed === null
      ? undefined
      : { tokens: guessed, sequence: () => lookup, [Symbol.dispose]: () => {} };
    this.core = new EngineCore(this.backend, {
      ...{ bounds, context: { tokens, eosTokenIds: [7, 8] }, sink: this, speculation, trace },
    });
  }

  said(id: number): Said {
    return this.#said[id] ??= { tokens: [], texts: [], ends: [] };
  }

  /** A request that was given up has said the beginning of what it would say. */
  assertBegins(id: number, whole: Said): void {
    const { texts, tokens } = this.said(id);
    for (const [i, text] of texts.entries()) {
      const other = whole.texts[i] ?? "";
      assert(other.startsWith(text) || text.startsWith(other), `${text} and ${other}`);
      const count = Math.min(tokens[i]!.length, whole.tokens[i]?.length ?? 0);
      assertEquals(tokens[i]!.slice(0, count), whole.tokens[i]?.slice(0, count) ?? []);
    }
  }

  run(asks: readonly Ask[]): void {
    const last = Math.max(...asks.flatMap(({ comesAt, abortsAt }) => [comesAt, abortsAt ?? 0]));
    for (let step = 0; step <= last || this.core.hasWork; step++) {
      assert(step < 3000, "it does not end");
      for (const [id, ask] of asks.entries()) {
        if (ask.comesAt === step) this.#add(id, ask);
        if (ask.abortsAt === step) this.core.abort(id);
      }
      this.core.step();
    }
  }

  delta(id: number, answer: number, tokens: readonly SampledToken[], text: string): void {
    const said = this.said(id);
    (said.tokens[answer] ??= []).push(...structuredClone(tokens));
    said.texts[answer] = (said.texts[answer] ?? "") + text;
  }

  end(id: number, answer: number, { cachedTokens: _, ...end }: AnswerEnd): void {
    this.said(id).ends[answer] = end;
  }

  prompt(id: number, tokens: readonly SampledToken[]): void {
    this.said(id).prompt = structuredClone(tokens);
  }

  embedding(id: number, values: Float32Array): void {
    this.said(id).embedding = [...values];
  }

  failed(id: number, error: unknown): void {
    this.said(id).error = String(error);
  }

  #add(id: number, { kind, prompt, params, priority }: Ask): void {
    this.core.add({
      ...{ id, kind, priority, salt: "", skipSpecialTokens: true, pooling: "last" },
      tokens: Int32Array.from(prompt),
      params: checkSamplingParams(params, HASH_VOCABULARY),
    });
  }
}
