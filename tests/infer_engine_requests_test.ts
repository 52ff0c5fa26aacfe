// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { libraryPlaces } from "../infer/backend/native_library.ts";
import { MODELS, readGolden } from "./infer_model.ts";
import { workerTest } from "./worker_leak.ts";

// What requests may ask for beside the next tokens.

const NAME = "llama-tied-default";
const MODEL = MODELS + NAME;
const { inputIds } = readGolden(NAME);

function load(options: EngineOptions = {}): Promise<Engine> {
  return Engine.load(MODEL, { backend: "reference", ...options });
}

workerTest("regression 1.6 #13: a conversation goes through the model's template", async () => {
  await using engine = await load();
  const messages = [
    { role: "user", content: "the cat" },
    { role: "assistant", content: "sat" },
    { role: "user", content: "the dog" },
  ];
  const tokens = engine.chatTemplate!.encode(engine.tokenizer, messages);
  assertEquals(engine.tokenize(messages), Int32Array.from(tokens));
  const options = { temperature: 0, maxTokens: 6 };
  const answer = await engine.generate(messages, options);
  assertEquals(answer.usage.promptTokens, tokens.length);
  assertEquals(answer.tokens, (await engine.generate(tokens, options)).tokens);
});

workerTest("options that are undefined are not there, and leave the model's own", async () => {
  await using engine = await load();
  const seed = 3;
  const expected = await engine.generate("the cat", { seed, maxTokens: 8 });
  // As callers have them whose compiler is less exact about what is optional.
  const nothing: object = { stop: undefined, stopTokenIds: undefined, temperature: undefined };
  const answer = await engine.generate("the cat", { seed, maxTokens: 8, ...nothing });
  assertEquals(answer.tokens, expected.tokens);
});

workerTest("a request that cannot be sent takes no place", async () => {
  await using engine = await load({ requestsMax: 1 });
  const loop: Record<string, unknown> = {};
  loop.self = loop;
  for (let i = 0; i < 2; i++) {
    const structuredOutput = { json: loop };
    await assertRejects(() => engine.generate("the", { structuredOutput }), TypeError, "circular");
  }
  assertEquals((await engine.generate("the", { maxTokens: 2 })).tokens.length, 2);
});

workerTest("an answer looks like what it has to look like, with guesses too", async () => {
  const asked = [
    { output: { choice: ["the cat", "the dog"] }, form: /^the (cat|dog)$/ },
    { output: { regex: "[a-c]{3}-\\d+x" }, form: /^[a-c]{3}-\d+x$/ },
    {
      output: { json: { type: "array", items: { enum: [1, 2] }, maxItems: 3 } },
      form: /^\[.*\]$/s,
    },
  ];
  for (const speculative of [undefined, { tokens: 3 }]) {
    await using engine = await load(speculative && { speculative });
    for (const [i, { output: structuredOutput, form }] of asked.entries()) {
      const seed = 40 + i;
      const answer = await engine.generate("the", { structuredOutput, seed, maxTokens: 200 });
      if (answer.finishReason === "stop") assertMatch(answer.text, form);
      else assert(i > 0, "a choice always ends");
    }
  }
  await using engine = await load();
  const structuredOutput = { json: { type: "object", dependentSchemas: {} } };
  await assertRejects(
    () => engine.generate("the", { structuredOutput }),
    Error,
    "dependentSchemas",
  );
});

workerTest("guesses of a smaller model leave answers as they are", async () => {
  const options = { seed: 3, temperature: 1.5, ignoreEos: true, maxTokens: 30, n: 2 };
  const answers: unknown[] = [];
  const other = `${MODELS}llama-yarn`;
  for (const model of [undefined, MODEL, other]) {
    const speculative = model && { model, tokens: 3 };
    await using engine = await load({ ...(speculative && { speculative }), sequencesMax: 4 });
    const { answers: both } = await engine.generate(inputIds, options);
    answers.push(both.map(({ tokens }) => tokens));
    const { draftTokens, acceptedTokens, steps } = engine.stats();
    // The model guesses what it says itself.
    if (model === MODEL) {
      assertEquals([acceptedTokens, draftTokens > 0], [draftTokens, true]);
      assert(steps < 15, `${steps} steps`);
    }
  }
  assertEquals(answers[1], answers[0]);
  assertEquals(answers[2], answers[0]);
  await assertRejects(() => load({ speculative: { tokens: 0 } }), RangeError, "Cannot guess 0");
});

workerTest("the engine says what computes, and why nothing faster does", async () => {
  await using reference = await load();
  assertEquals(reference.backend, "TypeScript");
  await using engine = await Engine.load(MODEL);
  assertMatch(engine.backend, /^(cuda|native): |^TypeScript: .*(tried|allow-ffi)/);
  assert(libraryPlaces().length > 0);
});
