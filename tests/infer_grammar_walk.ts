// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { GrammarCompiler, type StructuredOutput, type TokenMatcher } from "../infer/mod.ts";
import { vocabularyOf } from "./infer_vocabulary.ts";

/** Bytes, and what tokens of JSON and of languages look like. */
export const vocabulary = vocabularyOf([
  ...['{"', '", "', '": "', '":', '",', "},", "}}", '"}', '"]', "[]", "{}", "[[", ', "', ": "],
  ...["true", "false", "null", "tru", "12", "00", "0.", "-1", "e+", "\n  ", "\n", "  ", " "],
  ...[
    "the",
    " the",
    "name",
    "na",
    '"name',
    '"a',
    "ab",
    "abc",
    "bc",
    " a",
    "é",
    "日本",
    "\\n",
    '\\"',
  ],
  ...["\\u00", "2024-", "T1", "Z", "@", ".com", "(", ")", " + ", "xx", "yz", "a".repeat(40)],
]);

/** Grammars over {@linkcode vocabulary}. */
export const grammars: GrammarCompiler = new GrammarCompiler(vocabulary, vocabulary.size);

/** The tokens that may come. */
export function allowedTokens(matcher: TokenMatcher): number[] {
  const words = matcher.allowed();
  return Array.from({ length: vocabulary.size }, (_, id) => id)
    .filter((id) => (words[id >>> 5]! >>> (id & 31) & 1) === 1);
}

/** Whether a grammar takes all of a text, byte by byte. */
export function takes(output: StructuredOutput, text: string | Uint8Array): boolean {
  const matcher = grammars.matcher(output);
  const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
  return bytes.every((byte) => matcher.accept(byte)) && matcher.mayEnd;
}

/** Tokens of a walk after which it makes for the end. */
const TOKENS_BEFORE_END = 40;

/** Tokens after which a walk gives up. */
const TOKENS_MAX = 4000;

/** What closes things, and begins what is short. */
const CLOSERS = ['"', "}", "]", "n", "f", "0", "b", ")"].map((one) => one.charCodeAt(0));

/**
 * An answer of random tokens, each of which the mask allows.
 *
 * @throws {Error} when no token is allowed and the answer may not end, or the mask was wrong
 */
export function randomAnswer(output: StructuredOutput, random: () => number): string {
  const matcher = grammars.matcher(output);
  const bytes: number[] = [];
  for (let count = 0; !matcher.mustEnd; count++) {
    if (matcher.mayEnd && (count > TOKENS_BEFORE_END || random() < 0.3)) break;
    if (count > TOKENS_MAX) throw new Error(`No end: ${textOf(bytes).slice(0, 300)}`);
    const tokens = allowedTokens(matcher);
    if (tokens.length === 0) throw new Error(`No token may follow ${textOf(bytes)}`);
    const token = pickToken(tokens, count > TOKENS_BEFORE_END || random() < 0.25, random);
    if (!matcher.accept(token)) throw new Error(`Token ${token} was allowed and not accepted`);
    bytes.push(...vocabulary.bytesOf(token));
  }
  return textOf(bytes);
}

function pickToken(tokens: readonly number[], isClosing: boolean, random: () => number): number {
  const closers = isClosing ? CLOSERS.filter((byte) => tokens.includes(byte)) : [];
  // Mostly the first, but a pattern may ask for another before it.
  const closer = closers[random() < 0.7 ? 0 : Math.floor(random() * closers.length)];
  if (closer !== undefined) return closer;
  // Half of the time no single byte, so that long tokens are met too.
  const long = tokens.filter((token) => token >= 256);
  const from = long.length > 0 && random() < 0.5 ? long : tokens;
  return from[Math.floor(random() * from.length)]!;
}

function textOf(bytes: readonly number[]): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(bytes));
}
