// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno bench -A bench/grammar_bench.ts`: which of 128 256 tokens may come, for each token of an
// answer. An iteration is a whole answer of random tokens, so divide by the tokens in the name; the
// first ones of each grammar build its masks, the later ones find them.

import { GrammarCompiler, type StructuredOutput } from "../infer/mod.ts";
import { largeVocabulary, seededRandom } from "../tests/infer_vocabulary.ts";

const TOKENS = 100;
const QUOTE = 0x22;

const vocabulary = largeVocabulary();
const text = { type: "string" };
const person = {
  type: "object",
  properties: {
    name: text,
    biography: { type: "string", maxLength: 400 },
    email: { type: "string", format: "email" },
    age: { type: "integer", minimum: 0, maximum: 150 },
    score: { type: "number" },
    tags: { type: "array", items: text },
    address: {
      type: "object",
      properties: { street: text, city: text, zip: { type: "string", pattern: "^\\d{5}$" } },
      required: ["street", "city", "zip"],
    },
    kind: { enum: ["alpha", "beta", "gamma"] },
  },
  required: ["name", "biography", "email", "age", "score", "tags", "address", "kind"],
};

// Data: name, grammar.
const outputs: [string, StructuredOutput][] = [
  ["any JSON object", { jsonObject: true }],
  ["a JSON schema", { json: person }],
  ["a regular expression", { regex: "[A-Z][a-z]+( [a-z]+)*\\." }],
  ["EBNF", { grammar: 'root ::= sum\nsum ::= part (" + " part)*\npart ::= [0-9]+ | "(" sum ")"' }],
];

for (const [name, output] of outputs) {
  const grammars = new GrammarCompiler(vocabulary, vocabulary.size);
  grammars.matcher(output).allowed(); // The vocabulary is sorted here, once for all grammars.
  const random = seededRandom(1);
  const fn = () => walk(grammars, output, random);
  Deno.bench({ name: `${name}, ${TOKENS} tokens`, group: "masks", n: 50, fn });
}

/** Answers one after the other, until there are so many tokens. */
function walk(grammars: GrammarCompiler, output: StructuredOutput, random: () => number): void {
  let matcher = grammars.matcher(output);
  for (let count = 0; count < TOKENS; count++) {
    if (matcher.mustEnd || matcher.mayEnd && random() < 0.2) matcher = grammars.matcher(output);
    matcher.accept(pick(matcher.allowed(), random));
  }
}

function pick(words: Uint32Array, random: () => number): number {
  const isSet = (token: number) => (words[token >>> 5]! >>> (token & 31) & 1) === 1;
  if (isSet(QUOTE) && random() < 0.1) return QUOTE;
  for (let tries = 0; tries < 200; tries++) {
    const token = Math.floor(random() * vocabulary.size);
    if (isSet(token)) return token;
  }
  const word = words.findIndex((bits) => bits !== 0);
  return word * 32 + 31 - Math.clz32(words[word]!);
}
