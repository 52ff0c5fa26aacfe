// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { createSampler, GrammarCompiler, type StructuredOutput } from "../infer/mod.ts";
import { TokenGrammar } from "../infer/grammar/grammar_matcher.ts";
import { ROOT } from "../infer/grammar/grammar_node.ts";
import { MaskBudget } from "../infer/grammar/mask_budget.ts";
import { parseRegex } from "../infer/grammar/regex.ts";
import { VocabularyBytes } from "../infer/grammar/vocabulary_bytes.ts";
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

Deno.test("the masks of all grammars have one bound; the least recently used go first", () => {
  const bytes = new VocabularyBytes(vocabulary, vocabulary.size);
  const maskBytes = bytes.plain.byteLength;
  const walk = (grammar: TokenGrammar) => {
    const matcher = grammar.matcher();
    const masks: number[][] = [];
    for (const character of new TextEncoder().encode("abcabcab")) {
      masks.push([...matcher.allowed()]);
      assert(matcher.accept(character));
    }
    return masks;
  };
  const rules = ["[ab][bc][ca]x*", "(ab|abc)+", "[abc]{20}"].map((regex) =>
    new Map([[ROOT, parseRegex(`(${regex}|[abc]{8})`)]])
  );
  const plenty = new MaskBudget();
  const expected = rules.map((one) => walk(new TokenGrammar(one, bytes, plenty)));
  const bytesMax = 12 * maskBytes;
  assert(plenty.bytes > 2 * bytesMax, `${plenty.bytes / maskBytes} masks`);
  const budget = new MaskBudget(bytesMax);
  const grammars = rules.map((one) => new TokenGrammar(one, bytes, budget));
  for (let round = 0; round < 3; round++) {
    grammars.forEach((grammar, i) => {
      assertEquals(walk(grammar), expected[i]);
      assert(budget.bytes > 0 && budget.bytes <= bytesMax);
    });
  }
  for (const grammar of grammars) grammar.release();
  assertEquals(budget.bytes, 0);
});

Deno.test("MaskBudget lets go of the one that was used longest ago, of the asker last", () => {
  const forgot: string[] = [];
  const [a, b, c] = ["a", "b", "c"].map((name) => ({ forget: () => void forgot.push(name) }));
  const budget = new MaskBudget(10);
  budget.take(a!, 4);
  budget.take(b!, 4);
  budget.use(a!);
  budget.take(c!, 4);
  assertEquals([forgot.splice(0), budget.bytes], [["b"], 8]);
  budget.take(a!, 5);
  assertEquals([forgot.splice(0), budget.bytes], [["c"], 9]);
  budget.take(a!, 5);
  assertEquals([forgot.splice(0), budget.bytes], [["a"], 5]);
});
