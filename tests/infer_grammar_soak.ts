// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import { randomSchema } from "./infer_grammar_random_schema.ts";
import { isValid } from "./infer_grammar_schema_checker.ts";
import { randomAnswer } from "./infer_grammar_walk.ts";
import { seededRandom } from "./infer_vocabulary.ts";

const SCHEMAS = 10_000;
const ANSWERS = 3;

Deno.test("10 000 random schemas give three valid documents each", () => {
  const random = seededRandom(10_000);
  for (let i = 0; i < SCHEMAS; i++) {
    const schema = randomSchema(random);
    for (let answer = 0; answer < ANSWERS; answer++) {
      const text = randomAnswer({ json: schema }, random);
      const isGood = isValid(schema, JSON.parse(text));
      assert(isGood, `schema ${i} ${JSON.stringify(schema)} gave ${text}`);
    }
  }
});
