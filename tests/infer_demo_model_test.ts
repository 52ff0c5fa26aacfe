// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch } from "@std/assert";
import { demoModelPath } from "../infer/mod.ts";
import { type DemoModel, openDemoModel } from "./infer_demo_answer.ts";

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

Deno.test("the demo model is small", async () => {
  let bytes = 0;
  for (const folder of [demoModelPath(), "tests/fixtures/infer/demo_f16"]) {
    for await (const { name } of Deno.readDir(folder)) {
      bytes += (await Deno.stat(`${folder}/${name}`)).size;
    }
  }
  assert(bytes < BYTES_MAX, `${bytes}`);
});
