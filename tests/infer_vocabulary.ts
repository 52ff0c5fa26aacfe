// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenBytes } from "../infer/tokenizer/detokenizer.ts";

/** Tokens of Llama 3. */
export const LARGE_VOCABULARY = 128_256;

/** Mulberry32: numbers from 0 to below 1, the same for the same seed. */
export function seededRandom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b_79f5) | 0;
    let bits = Math.imul(seed ^ (seed >>> 15), seed | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A vocabulary of all single bytes and these texts. */
export function vocabularyOf(texts: Iterable<string>): TokenBytes & { readonly size: number } {
  const tokens = Array.from({ length: 256 }, (_, byte) => Uint8Array.of(byte));
  for (const text of texts) tokens.push(encoder.encode(text));
  return { size: tokens.length, bytesOf: (id) => tokens[id] ?? NONE, isSpecial: () => false };
}

/**
 * A vocabulary as large and as mixed as that of Llama 3: words with and without a blank before
 * them, capitals, numbers up to three digits, punctuation that runs into words, blanks, and words
 * of other scripts.
 */
export function largeVocabulary(): TokenBytes & { readonly size: number } {
  const random = seededRandom(128);
  const pick = (from: string | readonly string[]) => from[Math.floor(random() * from.length)]!;
  const texts = new Set<string>();
  for (let number = 0; number < 1000; number++) texts.add(`${number}`);
  for (let blanks = 2; blanks < 80; blanks++) texts.add(" ".repeat(blanks));
  for (let i = 0; i < 3000; i++) {
    const marks = Array.from({ length: 1 + Math.floor(random() * 3) }, () => pick(MARKS)).join("");
    texts.add(pick(["", " "]) + marks + pick(["", "", "\n", pick(SYLLABLES)]));
  }
  const size = LARGE_VOCABULARY - 256;
  while (texts.size < size) {
    const syllables = random() < 0.15 ? OTHERS : SYLLABLES;
    const word = Array.from({ length: 1 + Math.floor(random() * 4) }, () => pick(syllables)).join(
      "",
    );
    const written = random() < 0.25 ? word[0]!.toUpperCase() + word.slice(1) : word;
    texts.add((random() < 0.5 ? " " : "") + written);
  }
  return vocabularyOf(texts);
}

const MARKS = [...`"',.:;!?()[]{}<>/\\|-_=+*&^%$#@~\``];
const SYLLABLES = [
  ...[
    "a",
    "an",
    "ar",
    "be",
    "con",
    "de",
    "di",
    "e",
    "en",
    "er",
    "ex",
    "fi",
    "for",
    "ga",
    "he",
    "i",
  ],
  ...["in", "ing", "ion", "is", "ka", "le", "li", "ma", "men", "mi", "na", "ne", "o", "on", "or"],
  ...["per", "po", "pre", "pro", "ra", "re", "ri", "s", "sa", "se", "si", "sta", "t", "ta", "te"],
  ...["ter", "th", "ti", "to", "tra", "u", "un", "ver", "vi", "wa", "y", "z"],
];
const OTHERS = [
  ..."абвгдежзиклмнопрстучшяàâçéèêíñóöüß的一是不了人我在有他这中大来上国日本語をはがの가나다라마",
];
const NONE = new Uint8Array(0);
const encoder = new TextEncoder();
