// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { demoModelPath, openModel, quantizeDirectory } from "../infer/mod.ts";
import { type DemoModel, openDemoModel } from "./infer_demo_answer.ts";
import { perplexityOf } from "./infer_perplexity.ts";

const FIXTURES = "tests/fixtures/infer";

/** Enough for a difference of a hundredth to show; the benchmark takes them all. */
const HELD_OUT_DOCUMENTS = 6;

// Data: size of groups, what the weights are multiplied with.
const GROUPS = [[32, "float32"], [64, "int8"], [128, "float32"]] as const;

/** What the model may take of the repository, with what its table is made of. */
const BYTES_MAX = 6_000_000;

/** Opens the model for a test. */
function demoTest(name: string, fn: (model: DemoModel) => void): void {
  Deno.test(name, async () => {
    using model = await openDemoModel();
    fn(model);
  });
}

function ask(model: DemoModel, content: string, params = {}): string {
  return model.answer([{ role: "user", content }], { temperature: 0, ...params });
}

demoTest("the demo model answers sums in their form, if not always rightly", (model) => {
  // Data: question, form of the answer.
  const sums = [
    ["What is 2 + 3?", /^2 \+ 3 = \d+\.$/],
    ["What is 9 - 4?", /^9 - 4 = \d+\.$/],
    ["How much is 2 times 3?", /^2 \* 3 = \d+\.$/],
    ["Count from 3 to 7.", /^3, 4, 5, 6, 7/],
  ] as const;
  for (const [question, form] of sums) assertMatch(ask(model, question), form);
});

demoTest("the demo model knows the library", (model) => {
  assert(ask(model, "What is io_uring?").includes("Linux"));
  assert(ask(model, "What is Photon?").includes("Deno"));
  assertEquals(
    ask(model, "How do I import readFile?"),
    'import { readFile } from "@photon/std/fs";',
  );
});

demoTest("the demo model tells stories that hold together", (model) => {
  for (let seed = 0; seed < 3; seed++) {
    const story = ask(model, "Tell me a story about a fox named Rosa.", { temperature: 0.6, seed });
    assert(/^(Once upon a time there was an? \w+ fox named Rosa|Rosa was an? \w+ fox)/.test(story));
    assert(story.split("Rosa").length > 4, story);
    assert(/[.!]$/.test(story), story);
  }
});

demoTest("the demo model goes on with a text", (model) => {
  const story = model.answer("Once upon a time", { temperature: 0 });
  assert(story.startsWith(" there was a"), story);
});

demoTest("the demo model fills in a JSON schema", (model) => {
  const schema = {
    type: "object",
    properties: {
      name: { type: "string", maxLength: 12 },
      animal: { enum: ["fox", "bear", "owl"] },
      age: { type: "integer", minimum: 0, maximum: 20 },
    },
    required: ["name", "animal", "age"],
    additionalProperties: false,
  };
  for (let seed = 0; seed < 5; seed++) {
    const question = "Give me JSON for a bear named Otto who is 7.";
    const structuredOutput = { json: schema };
    const answer = ask(model, question, { temperature: 1, seed, structuredOutput });
    const { name, animal, age } = JSON.parse(answer);
    assert(typeof name === "string" && schema.properties.animal.enum.includes(animal) && age <= 20);
  }
});

Deno.test("INT8 in groups of 32, 64 and 128 is within 1 % of the perplexity of F32", async () => {
  const folder = await Deno.makeTempDir();
  const measure = (directory: string, activations: "float32" | "int8") =>
    perplexityOf(directory, `${FIXTURES}/demo_held_out.jsonl`, HELD_OUT_DOCUMENTS, activations);
  try {
    const { perplexity } = await measure(`${FIXTURES}/demo_f16`, "float32");
    assert(perplexity > 1.1 && perplexity < 1.6, `${perplexity}`);
    for (const [groupSize, activations] of GROUPS) {
      using source = await openModel(`${FIXTURES}/demo_f16`);
      await quantizeDirectory(source, `${folder}/${groupSize}`, { groupSize, workers: 1 });
      const quantized = await measure(`${folder}/${groupSize}`, activations);
      const ratio = quantized.perplexity / perplexity;
      assert(Math.abs(ratio - 1) < 0.01, `group ${groupSize}, ${activations}: ${ratio}`);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("the demo model is small", async () => {
  let bytes = 0;
  for (const folder of [demoModelPath(), `${FIXTURES}/demo_f16`]) {
    for await (const { name } of Deno.readDir(folder)) {
      bytes += (await Deno.stat(`${folder}/${name}`)).size;
    }
  }
  assert(bytes < BYTES_MAX, `${bytes}`);
});
