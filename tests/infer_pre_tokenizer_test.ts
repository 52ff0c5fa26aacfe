// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  classAt,
  LETTER,
  NEWLINE,
  NUMBER,
  OTHER,
  prepareClasses,
  SPACE,
} from "../infer/tokenizer/character_class.ts";
import { completeLength } from "../infer/tokenizer/detokenizer.ts";
import { digitsMaxOf, pieceEnd } from "../infer/tokenizer/pre_tokenizer.ts";
import { fixtureLines, fixtureText } from "./infer_tokenizer_fixtures.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

// The published pattern in JavaScript's words: its \s is another set, and \u017f folds to an s.
const REST = String.raw` ?[^\p{White_Space}\p{L}\p{N}]+[\r\n]*|\p{White_Space}*[\r\n]+` +
  String.raw`|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+`;
const WORDS = String.raw`'(?:[sS\u017ftTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\r\n\p{L}\p{N}]?\p{L}+`;
const LLAMA3_REGEXP = new RegExp(String.raw`${WORDS}|\p{N}{1,3}|${REST}`, "gu");
const QWEN3_REGEXP = new RegExp(String.raw`${WORDS}|\p{N}|${REST}`, "gu");

function pieces(text: string, digitsMax: number): string[] {
  prepareClasses();
  const bytes = encoder.encode(text);
  const found: string[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = pieceEnd(bytes, start, bytes.length, digitsMax);
    found.push(decoder.decode(bytes.subarray(start, end)));
    start = end;
  }
  return found;
}

Deno.test("classAt() agrees with V8's Unicode properties on every code point", () => {
  prepareClasses();
  const wrong: string[] = [];
  for (let point = 0; point < 0x110000; point++) {
    if (point >= 0xd800 && point < 0xe000) continue;
    const character = String.fromCodePoint(point);
    const bytes = encoder.encode(character);
    if (classAt(bytes, 0, bytes.length) !== expectedClass(character)) wrong.push(character);
  }
  assertEquals(wrong, []);
});

function expectedClass(character: string): number {
  if (/\p{L}/u.test(character)) return LETTER;
  if (/\p{N}/u.test(character)) return NUMBER;
  if (/[\r\n]/.test(character)) return NEWLINE;
  return /\p{White_Space}/u.test(character) ? SPACE : OTHER;
}

Deno.test("pieceEnd() splits the hostile corpus as the published patterns do", () => {
  for (const text of fixtureLines<string>("tokenizer_strings.jsonl")) {
    if (text.length > 10_000) continue;
    assertEquals(pieces(text, 3), text.match(LLAMA3_REGEXP) ?? []);
    assertEquals(pieces(text, 1), text.match(QWEN3_REGEXP) ?? []);
  }
});

Deno.test("pieceEnd() splits what is made of the classes' borders as the patterns do", () => {
  const atoms = [
    "'",
    "s",
    "\u017f",
    "r",
    "E",
    " ",
    "\t",
    "\u0085",
    "\u00a0",
    "\r",
    "\n",
    "7",
    "\u0663",
  ];
  atoms.push("é", "中", "\u{10400}", "!", "\u0301", "\ufeff", "\u{1f600}");
  const text = fc.array(fc.constantFrom(...atoms), { maxLength: 14 }).map((parts) =>
    parts.join("")
  );
  fc.assert(
    fc.property(text, (text) => {
      assertEquals(pieces(text, 3), text.match(LLAMA3_REGEXP) ?? []);
      assertEquals(pieces(text, 1), text.match(QWEN3_REGEXP) ?? []);
    }),
    { seed: 2, numRuns: 5000 },
  );
});

Deno.test("digitsMaxOf() knows the two patterns and no other", () => {
  const patternOf = (name: string) =>
    JSON.parse(fixtureText(`${name}_tokenizer.json`)).pre_tokenizer.pretokenizers[0].pattern.Regex;
  assertEquals(digitsMaxOf(patternOf("llama3")), 3);
  assertEquals(digitsMaxOf(patternOf("qwen3")), 1);
  assertEquals(digitsMaxOf(String.raw`\s+`), undefined);
});

Deno.test("completeLength() cuts any bytes where decoding the halves is decoding the whole", () => {
  const bytes = fc.uint8Array({ maxLength: 12 })
    .chain((noise) =>
      fc.string({ unit: "grapheme", maxLength: 6 }).map((text) => mixed(noise, text))
    );
  fc.assert(
    fc.property(bytes, (bytes) => {
      for (let split = 0; split <= bytes.length; split++) {
        const cut = completeLength(bytes.subarray(0, split));
        const halves = [bytes.subarray(0, cut), bytes.subarray(cut)];
        assertEquals(halves.map((half) => decoder.decode(half)).join(""), decoder.decode(bytes));
      }
    }),
    { seed: 3, numRuns: 3000 },
  );
});

/** Bytes of a text between bytes that may be anything. */
function mixed(noise: Uint8Array, text: string): Uint8Array {
  const middle = noise.length >> 1;
  return new Uint8Array([
    ...noise.subarray(0, middle),
    ...encoder.encode(text),
    ...noise.subarray(middle),
  ]);
}
