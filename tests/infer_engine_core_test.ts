// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { EngineCore } from "../infer/engine/engine_core.ts";
import type { EngineRequest, EngineSink } from "../infer/engine/engine_request.ts";
import type { Speculation } from "../infer/engine/speculation.ts";
import { checkSamplingParams, type SamplingParams } from "../infer/sampling/sampling_params.ts";
import type { SchedulerBounds } from "../infer/scheduler/scheduler_bounds.ts";
import { PromptLookup } from "../infer/speculative/prompt_lookup.ts";
import { HASH_VOCABULARY, hashAnswer, HashBackend } from "./infer_hash_backend.ts";

// The loop of an engine without its thread. The defects are those of reference/infer.md, 1.6; 1, 2,
// 8 and 10 of the arithmetic are in infer_reference_test.ts.

const BOUNDS: SchedulerBounds = {
  tokensMax: 64,
  sequencesMax: 8,
  blockCount: 128,
  blockTokens: 4,
  blocksPerSequenceMax: 32,
  prefillTokensMax: 64,
  prefixCache: true,
  agingSteps: 50,
};

/** Keeps all that an engine says. */
class Listener implements EngineSink {
  readonly tokens: Map<string, number[]> = new Map();
  readonly texts: Map<string, string> = new Map();
  readonly ends: string[] = [];
  readonly completionTokens: number[] = [];
  readonly errors: unknown[] = [];

  delta(id: number, answer: number, tokens: readonly { token: number }[], text: string): void {
    const key = `${id}.${answer}`;
    const before = this.tokens.get(key) ?? [];
    this.tokens.set(key, [...before, ...tokens.map(({ token }) => token)]);
    this.texts.set(key, (this.texts.get(key) ?? "") + text);
  }

  end(id: number, answer: number, end: { completionTokens: number }): void {
    this.ends.push(`${id}.${answer}`);
    this.completionTokens.push(end.completionTokens);
  }

  prompt(): void {}

  embedding(): void {}

  failed(_id: number, error: unknown): void {
    this.errors.push(error);
  }
}

/** An engine on a hash model, of which each token is a letter. */
class Fixture {
  readonly listener = new Listener();
  readonly backend: HashBackend;
  readonly core: EngineCore;
  #lastId = 0;

  constructor(bounds?: Partial<SchedulerBounds>, speculation?: Speculation) {
    const all = { ...BOUNDS, ...bounds };
    const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens } = all;
    const stepBounds = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens };
    this.backend = new HashBackend(stepBounds, all.blockCount);
    const tokens = { bytesOf: (id: number) => Uint8Array.of(32 + id % 90), isSpecial: () => false };
    const context = { tokens, eosTokenIds: [] };
    this.core = new EngineCore(this.backend, {
      ...{ bounds: all, context, sink: this.listener },
      ...(speculation && { speculation }),
    });
  }

  add(
    prompt: number[],
    params: SamplingParams = {},
    others: Partial<EngineRequest> = {},
  ): number {
    const id = ++this.#lastId;
    this.core.add({
      id,
      kind: "generate",
      tokens: Int32Array.from(prompt),
      params: checkSamplingParams({ temperature: 0, ...params }, HASH_VOCABULARY),
      priority: 0,
      salt: "",
      skipSpecialTokens: true,
      pooling: "last",
      ...others,
    });
    return id;
  }

  run(): number {
    let steps = 0;
    for (; this.core.hasWork; steps++) {
      assert(steps < 5000, "it does not end");
      this.core.step();
    }
    return steps;
  }
}

function promptOf(length: number, text = 0): number[] {
  return Array.from({ length }, (_, i) => (text * 17 + i * 5) % HASH_VOCABULARY);
}

Deno.test("regression 1.6 #2: chunks of any size see what came before, and nothing else", () => {
  const expected = hashAnswer(promptOf(50), 10);
  for (const prefillTokensMax of [1, 3, 7, 49, 50, 64]) {
    const fixture = new Fixture({ prefillTokensMax });
    fixture.add(promptOf(50), { maxTokens: 10 });
    fixture.run();
    assertEquals(fixture.listener.tokens.get("1.0"), expected, `chunks of ${prefillTokensMax}`);
  }
});

Deno.test("regression 1.6 #3: the last token of a prompt is computed once", () => {
  const fixture = new Fixture();
  fixture.add(promptOf(9), { maxTokens: 5 });
  fixture.run();
  assertEquals(fixture.backend.tokens, 9 + 4);
});

Deno.test("regression 1.6 #4: the step that completes a prompt gives the first token", () => {
  const fixture = new Fixture();
  fixture.add(promptOf(9), { maxTokens: 5 });
  fixture.core.step();
  assertEquals(fixture.listener.tokens.get("1.0")?.length, 1);
  assertEquals(fixture.run(), 4);
});

Deno.test("regression 1.6 #5: those who wait take no seat of those who run", () => {
  const fixture = new Fixture();
  for (let i = 0; i < 200; i++) fixture.add(promptOf(3 + i % 5, i), { maxTokens: 3 });
  fixture.core.step();
  assertEquals(fixture.core.scheduler.running.length, BOUNDS.sequencesMax);
  fixture.run();
  assertEquals(fixture.listener.ends.length, 200);
});

Deno.test("regression 1.6 #6: blocks are taken when they are needed, and taken away", () => {
  const fixture = new Fixture({ blockCount: 32 });
  for (let i = 0; i < 8; i++) fixture.add(promptOf(4, i), { maxTokens: 100 });
  fixture.core.step();
  // Reserved up front, one would need 26 blocks, and run alone.
  assertEquals(fixture.core.scheduler.running.length, 8);
  fixture.run();
  assert(fixture.core.scheduler.counters.preemptions > 0);
  for (let i = 0; i < 8; i++) {
    assertEquals(fixture.listener.tokens.get(`${i + 1}.0`), hashAnswer(promptOf(4, i), 100));
  }
});

Deno.test("regression 1.6 #7: priorities decide, not the order of coming alone", () => {
  const fixture = new Fixture({ sequencesMax: 1 });
  for (const priority of [3, 1, 2, 0]) {
    fixture.add(promptOf(4, priority), { maxTokens: 2 }, { priority });
  }
  fixture.run();
  assertEquals(fixture.listener.ends, ["4.0", "2.0", "3.0", "1.0"]);
});

Deno.test("regression 1.6 #8: blocks of every size are taken, or refused at once", () => {
  for (const blockTokens of [1, 2, 5, 16, 256]) {
    const fixture = new Fixture({ blockTokens });
    fixture.add(promptOf(20), { maxTokens: 10 });
    fixture.run();
    assertEquals(fixture.listener.tokens.get("1.0"), hashAnswer(promptOf(20), 10));
  }
});

Deno.test("regression 1.6 #9: nothing is kept of what has ended", () => {
  const fixture = new Fixture({ prefixCache: false });
  for (let i = 0; i < 50; i++) {
    fixture.add(promptOf(5, i), { maxTokens: 4, n: 2 });
    if (i % 3 === 0) fixture.core.abort(i + 1);
  }
  fixture.run();
  const { core } = fixture;
  assertEquals([core.activeCount, core.scheduler.pool.freeCount], [0, BOUNDS.blockCount]);
  assertEquals([core.counters.finishedRequests, core.counters.abortedRequests], [33, 17]);
});

Deno.test("regression 1.6 #10: a context of more than 4096 tokens", () => {
  const fixture = new Fixture({ blockCount: 400, blocksPerSequenceMax: 400, blockTokens: 16 });
  fixture.add(promptOf(5000), { maxTokens: 20 });
  fixture.run();
  assertEquals(fixture.listener.tokens.get("1.0"), hashAnswer(promptOf(5000), 20));
});

Deno.test("regression 1.6 #12: the tokens that are reported are those that were made", () => {
  const fixture = new Fixture();
  const [first] = hashAnswer(promptOf(5), 3).slice(2);
  fixture.add(promptOf(5), { maxTokens: 90, stopTokenIds: [first!] });
  fixture.run();
  assertEquals(fixture.listener.completionTokens, [3]);
});

Deno.test("guesses change the number of steps and nothing else", () => {
  const lookup = new PromptLookup();
  const request = fc.record({
    length: fc.integer({ min: 1, max: 30 }),
    text: fc.nat(3),
    maxTokens: fc.integer({ min: 1, max: 40 }),
    n: fc.integer({ min: 1, max: 3 }),
    temperature: fc.constantFrom(0, 25),
    seed: fc.nat(5),
    stop: fc.constantFrom([], ["a"], ["!", "GH"]),
  });
  fc.assert(
    fc.property(
      fc.array(request, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 12, max: 60 }),
      fc.integer({ min: 1, max: 6 }),
      (requests, blockCount, tokens) => {
        const speculation = { tokens, sequence: () => lookup, [Symbol.dispose]: () => {} };
        const blocks = { blockCount: Math.max(blockCount, 19) };
        const fixtures = [new Fixture(), new Fixture(blocks), new Fixture(blocks, speculation)];
        for (const fixture of fixtures) {
          for (const { length, text, ...params } of requests) {
            // Sharpened, so that a temperature leaves a few tokens.
            fixture.add(promptOf(length, text), { topP: 0.9, ...params });
          }
          fixture.run();
          assertEquals(fixture.listener.errors, []);
        }
        const [alone, tight, guessed] = fixtures.map(({ listener }) => listener);
        assertEquals(Object.fromEntries(tight!.tokens), Object.fromEntries(alone!.tokens));
        assertEquals(Object.fromEntries(guessed!.tokens), Object.fromEntries(alone!.tokens));
        assertEquals(Object.fromEntries(guessed!.texts), Object.fromEntries(alone!.texts));
      },
    ),
    { seed: 5, numRuns: 150 },
  );
});

Deno.test("guesses that are right save steps", () => {
  // A token after which the model says the same for ever would be looked up; this one knows.
  const answer = hashAnswer(promptOf(6), 30);
  const knows = {
    propose: (tokens: ArrayLike<number>, count: number) => ({
      tokens: answer.slice(tokens.length - 6, tokens.length - 6 + count),
    }),
  };
  const fixture = new Fixture({}, {
    tokens: 4,
    sequence: () => knows,
    [Symbol.dispose]: () => {},
  });
  fixture.add(promptOf(6), { maxTokens: 30 });
  assert(fixture.run() <= 8);
  assertEquals(fixture.listener.tokens.get("1.0"), answer);
  const { draftTokens, acceptedTokens } = fixture.core.counters;
  assertEquals(acceptedTokens, draftTokens);
});
