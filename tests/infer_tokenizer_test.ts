// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { nfc } from "../infer/tokenizer/nfc.ts";
import { Tokenizer } from "../infer/tokenizer/tokenizer.ts";
import {
  checksumOf,
  fixtureChecksums,
  fixtureLines,
  fixtureText,
  fixtureTokenizer,
  TOKENIZERS,
} from "./infer_tokenizer_fixtures.ts";

const STRINGS_LEAST = 20_000;
const HUGGING_FACE = { addSpecialTokens: false, addedTokens: "all" } as const;

for (const name of TOKENIZERS) {
  Deno.test(`encode() of ${name} equals Hugging Face's on the hostile corpus`, () => {
    const tokenizer = fixtureTokenizer(name);
    const strings = fixtureLines<string>("tokenizer_strings.jsonl");
    const checksums = fixtureChecksums(name);
    assert(strings.length >= STRINGS_LEAST && checksums.length === strings.length);
    const wrong = strings.filter((text, i) =>
      checksumOf(tokenizer.encode(text, HUGGING_FACE)) !== checksums[i]
    );
    assertEquals(wrong.map((text) => text.slice(0, 40)).slice(0, 10), []);
  });

  Deno.test(`encode() of ${name} with special tokens as text equals Hugging Face's`, () => {
    const tokenizer = fixtureTokenizer(name);
    const checksums = fixtureChecksums(name, "ordinary_");
    const wrong = fixtureLines<string>("tokenizer_strings.jsonl").filter((text, i) =>
      checksumOf(tokenizer.encode(text, { addedTokens: "ordinary" })) !== checksums[i]
    );
    assertEquals(wrong.map((text) => text.slice(0, 40)).slice(0, 10), []);
  });

  Deno.test(`decode() of ${name} equals Hugging Face's, whole and after every token`, () => {
    const tokenizer = fixtureTokenizer(name);
    const rows = fixtureLines<[number[], string, string]>(`${name}_decoded.jsonl`);
    for (const [ids, whole, skipped] of rows) {
      for (const [skipSpecialTokens, expected] of [[false, whole], [true, skipped]] as const) {
        assertEquals(tokenizer.decode(ids, { skipSpecialTokens }), expected);
        const detokenizer = tokenizer.detokenizer({ skipSpecialTokens });
        let text = "";
        for (const id of ids) {
          text += detokenizer.push(id);
          // No piece takes back or guesses what a later token decides.
          assert(expected.startsWith(text), `${JSON.stringify(text)} of ${ids}`);
        }
        assertEquals(text + detokenizer.flush(), expected);
      }
    }
  });
}

Deno.test("decode() of what encode() gave is the text in normalization form C", () => {
  for (const name of ["llama3", "qwen3"] as const) {
    const tokenizer = fixtureTokenizer(name);
    for (const text of fixtureLines<string>("tokenizer_strings.jsonl")) {
      const expected = name === "qwen3" ? nfc(text) : text;
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      if (tokenizer.decode(ids) !== expected) assertEquals(tokenizer.decode(ids), expected);
    }
  }
});

Deno.test("encode() of any string of code units gives back its well-formed text", () => {
  const tokenizer = fixtureTokenizer("llama3");
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 60 }), (text) => {
      const ids = tokenizer.encode(text, { addSpecialTokens: false });
      assertEquals(tokenizer.decode(ids), text);
    }),
    { seed: 1, numRuns: 2000 },
  );
  assertEquals(
    tokenizer.decode(tokenizer.encode("a\ud800b"), { skipSpecialTokens: true }),
    "a\ufffdb",
  );
});

Deno.test("encode() puts around a text what the file says", () => {
  const llama = fixtureTokenizer("llama3");
  assertEquals(llama.encode("")[0], llama.idOf("<|begin_of_text|>"));
  assertEquals(llama.encode("", { addSpecialTokens: false }).length, 0);
  assertEquals(fixtureTokenizer("qwen3").encode("").length, 0);
  const flags = fixtureTokenizer("flags");
  const around = [...flags.encode("x")].map((id) => flags.tokenOf(id));
  assertEquals(around, ["<mask>", "x", "<sep>"]);
});

Deno.test("encode() leaves added tokens in a text alone unless asked", () => {
  const qwen = fixtureTokenizer("qwen3");
  const text = "<|im_start|>system <think>";
  const [start, think] = [qwen.idOf("<|im_start|>")!, qwen.idOf("<think>")!];
  const encode = (addedTokens?: "none" | "ordinary" | "all") =>
    [...qwen.encode(text, addedTokens && { addedTokens })].filter((id) =>
      qwen.addedTokens[0]!.id <= id
    );
  assertEquals(encode(), []);
  assertEquals(encode("none"), []);
  assertEquals(encode("ordinary"), [think]);
  assertEquals(encode("all"), [start, think]);
  assertEquals(qwen.decode(qwen.encode(text)), text);
});

Deno.test("encodeMarked() keeps what a mark divides from being an added token", () => {
  const qwen = fixtureTokenizer("qwen3");
  const ids = qwen.encodeMarked(
    "<|im_start|>user\n<\ufdd0|im_end|> e\ufdd0\u0301<|im_end|>",
    "\ufdd0",
  );
  const end = qwen.idOf("<|im_end|>")!;
  assertEquals([...ids].filter((id) => id === end).length, 1);
  assertEquals(qwen.decode(ids), "<|im_start|>user\n<|im_end|> \u00e9<|im_end|>");
  assertEquals([...ids.slice(1, -1)], [...qwen.encode("user\n<|im_end|> \u00e9")]);
});

Deno.test("idOf() and tokenOf() know the tokens as the file writes them", () => {
  const llama = fixtureTokenizer("llama3");
  for (const token of ["a", "Ġthe", "<|eot_id|>"]) {
    assertEquals(llama.tokenOf(llama.idOf(token)!), token);
  }
  assertEquals(llama.idOf("Ġno such"), undefined);
  assertEquals(llama.tokenOf(llama.size), undefined);
  assertEquals([llama.tokenOf(-1), llama.tokenOf(2 ** 40)], [undefined, undefined]);
  assert(llama.isSpecial(llama.idOf("<|eot_id|>")!) && !llama.isSpecial(llama.idOf("a")!));
  const qwen = fixtureTokenizer("qwen3");
  assert(qwen.isSpecial(qwen.idOf("<|im_end|>")!) && !qwen.isSpecial(qwen.idOf("<think>")!));
});

Deno.test("decode() passes over ids without a token and cleans up blanks when asked", () => {
  const llama = fixtureTokenizer("llama3");
  const ids = [...llama.encode("Yes , I do n't . ' is 's", { addSpecialTokens: false })];
  assertEquals(llama.decode([llama.size, ...ids, 2 ** 31, -5]), "Yes , I do n't . ' is 's");
  assertEquals(llama.decode(ids, { cleanUpSpaces: true }), "Yes, I don't.'is's");
});

Deno.test("constructor reads merges written as pairs and as texts alike", () => {
  const document = JSON.parse(fixtureText("flags_tokenizer.json"));
  const merges = document.model.merges as [string, string][];
  document.model.merges = merges.map((pair) => pair.join(" "));
  const tokenizer = new Tokenizer(new TextEncoder().encode(JSON.stringify(document)));
  for (const text of ["return self", "import the def"]) {
    assertEquals(tokenizer.encode(text), fixtureTokenizer("flags").encode(text));
  }
});
