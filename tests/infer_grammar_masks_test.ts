// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { createSampler, GrammarCompiler, type StructuredOutput } from "../infer/mod.ts";
import { allowedTokens, grammars, vocabulary } from "./infer_grammar_walk.ts";
import { seededRandom, vocabularyOf } from "./infer_vocabulary.ts";

// Data: one grammar of each kind and shape.
const GRAMMARS: StructuredOutput[] = [
  { jsonObject: true },
  { json: { type: "string" } },
  { json: { type: "string", minLength: 2, maxLength: 5 } },
  { json: { type: "array", items: { type: "string", maxLength: 3 }, maxItems: 3 } },
  {
    json: {
      type: "object",
      properties: { name: { type: "string" }, a: { type: "number" }, abc: { type: "boolean" } },
      required: ["a"],
      additionalProperties: { type: "null" },
    },
  },
  { json: { $ref: "#/$defs/n", $defs: { n: { type: "array", items: { $ref: "#/$defs/n" } } } } },
  { regex: "(ab|abc|the )*[0-9]{1,3}( +é?)*" },
  { choice: ["true", "trust", "the name", "null", ""] },
  { grammar: 'root ::= sum\nsum ::= part (" + " part)*\npart ::= [0-9]+ | "(" sum ")"' },
  { grammar: "root ::= a b c\na ::= [ab]*\nb ::= ([abc]* [bc])?\nc ::= [c]*" },
];

for (const output of GRAMMARS) {
  Deno.test(`the mask of ${JSON.stringify(output).slice(0, 60)} is what accept() takes`, () => {
    const random = seededRandom(21);
    for (let walk = 0; walk < 12; walk++) {
      const matcher = grammars.matcher(output);
      for (let step = 0; step < 25 && !matcher.mustEnd; step++) {
        const allowed = allowedTokens(matcher);
        const accepted = Array.from({ length: vocabulary.size }, (_, id) => id)
          .filter((id) => matcher.fork().accept(id));
        assertEquals(allowed, accepted);
        if (allowed.length === 0) break;
        assert(matcher.accept(allowed[Math.floor(random() * allowed.length)]!));
      }
    }
  });
}

Deno.test("a token that is not allowed leaves the matcher as it was", () => {
  const matcher = grammars.matcher({ choice: ["abc"] });
  assert(matcher.accept("a".charCodeAt(0)));
  assert(!matcher.accept("x".charCodeAt(0)));
  assert(!matcher.accept(1_000_000));
  assert(matcher.accept("b".charCodeAt(0)));
});

Deno.test("fork() goes its own way", () => {
  const matcher = grammars.matcher({ choice: ["aa", "ab"] });
  matcher.accept("a".charCodeAt(0));
  const fork = matcher.fork();
  assert(fork.accept("b".charCodeAt(0)));
  assert(fork.mustEnd && !matcher.mustEnd);
  assert(matcher.accept("a".charCodeAt(0)));
});

Deno.test("special tokens are no text, whatever their bytes", () => {
  const special = { ...vocabularyOf(["</s>"]), isSpecial: (id: number) => id === 256 };
  const matcher = new GrammarCompiler(special, 257).matcher({ json: { type: "string" } });
  matcher.accept('"'.charCodeAt(0));
  assertEquals(matcher.allowed()[256 >>> 5]! & 1, 0);
  assert(!matcher.accept(256));
});

Deno.test("tokens with the same bytes are allowed together", () => {
  const twins = vocabularyOf(["ab", "ab", "ab"]);
  const words = new GrammarCompiler(twins, twins.size).matcher({ choice: ["abc"] }).allowed();
  assertEquals(words[256 >>> 5]! & 0b1111, 0b111);
});

Deno.test("a sampler with a matcher ends only where the grammar may end", () => {
  const eos = 300; // No token of the vocabulary has this id: its row is the model's alone.
  const sampler = createSampler({ temperature: 0 }, 301, {
    eosTokenIds: [eos],
    matcher: new GrammarCompiler(vocabulary, 301).matcher({ choice: ["ab"] }),
  });
  const logits = () => new Float32Array(301).fill(0).fill(5, eos).fill(1, 98, 99);
  const tokens: number[] = [];
  for (let position = 0; tokens.at(-1) !== eos; position++) {
    const { token } = sampler.sample(logits(), position);
    sampler.accept(token);
    tokens.push(token);
  }
  assertEquals(
    new TextDecoder().decode(
      Uint8Array.from(tokens.slice(0, -1).flatMap((token) => [...vocabulary.bytesOf(token)])),
    ),
    "ab",
  );
});

Deno.test("a nesting of hundreds of levels is followed, and then goes no deeper", () => {
  const matcher = grammars.matcher({ jsonObject: true });
  for (const byte of new TextEncoder().encode('{"a":')) assert(matcher.accept(byte));
  let depth = 0;
  while (matcher.accept("[".charCodeAt(0))) depth++;
  assert(depth > 150 && depth < 1000, `${depth}`);
  for (; depth > 0; depth--) assert(matcher.accept("]".charCodeAt(0)));
  assert(matcher.accept("}".charCodeAt(0)) && matcher.mustEnd);
});
