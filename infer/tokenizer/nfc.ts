// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Normalization form C, as Hugging Face tokenizers computes it: its tables are those of an older
 * Unicode, in which the marks and compositions of {@linkcode NEWER} do not exist. Models have been
 * trained with it, so that a newer table would give them text they have never seen.
 *
 * @example What composes
 * ```ts
 * import { nfc } from "./nfc.ts";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(nfc("e\u0301"), "\u00e9");
 * ```
 */
export function nfc(text: string): string {
  // Below U+0300 there is no mark, and what is there is composed.
  if (!COMPOSING_REGEXP.test(text)) return text;
  if (!NEWER_REGEXP.test(text)) return composed(text);
  // What has no properties is a starter that composes with nothing: nothing moves across it.
  return text.replace(KNOWN_REGEXP, composed);
}

function composed(text: string): string {
  return text.replace(MARKS_REGEXP, inOrder).normalize("NFC");
}

/** Marks in a row from which on they are put in order beforehand: V8 takes their square of time. */
const MARKS_REGEXP = /\p{M}{64,}/gu;

// Data: code points with a combining class or a composition that tokenizers 0.23.3 does not know,
// found by asking it for all code points behind and before marks of other classes.
// deno-fmt-ignore
const NEWER = [
  String.raw`\u{7fd}\u{897}-\u{89f}\u{8ca}-\u{8d3}\u{9fe}\u{c3c}\u{d3b}-\u{d3c}\u{eba}\u{1715}`,
  String.raw`\u{1abf}-\u{1ace}\u{1df6}-\u{1dfa}\u{a82c}\u{105c9}\u{105d2}\u{105da}\u{105e4}`,
  String.raw`\u{10d24}-\u{10d27}\u{10d69}-\u{10d6d}\u{10eab}-\u{10eac}\u{10efd}-\u{10eff}`,
  String.raw`\u{10f46}-\u{10f50}\u{10f82}-\u{10f85}\u{11070}\u{1133b}\u{11382}-\u{11385}\u{1138b}`,
  String.raw`\u{1138e}\u{11390}-\u{11391}\u{113b8}\u{113bb}\u{113c2}\u{113c5}\u{113c7}-\u{113c9}`,
  String.raw`\u{113ce}-\u{113d0}\u{1145e}\u{11839}-\u{1183a}\u{11930}\u{11935}\u{11938}`,
  String.raw`\u{1193d}-\u{1193e}\u{11943}\u{119e0}\u{11a34}\u{11a47}\u{11a99}\u{11d42}`,
  String.raw`\u{11d44}-\u{11d45}\u{11d97}\u{11f41}-\u{11f42}\u{1611e}-\u{16129}\u{1612f}\u{16d63}`,
  String.raw`\u{16d67}-\u{16d6a}\u{16ff0}-\u{16ff1}\u{1e08f}\u{1e130}-\u{1e136}\u{1e2ae}`,
  String.raw`\u{1e2ec}-\u{1e2ef}\u{1e4ec}-\u{1e4ef}\u{1e5ee}-\u{1e5ef}`,
].join("");

const COMPOSING_REGEXP = /[\u0300-\uffff]/;
const NEWER_REGEXP = new RegExp(`[${NEWER}]`, "u");
const KNOWN_REGEXP = new RegExp(`[^${NEWER}]+`, "gu");

/** Marks decomposed and in canonical order, so that nothing is left to move. */
function inOrder(marks: string): string {
  const ranks = ranksOf(marks);
  const sorted: string[] = [];
  let run: string[] = [];
  for (const mark of marks) {
    for (const part of mark.normalize("NFD")) {
      if (ranks.get(part) !== STARTER) {
        run.push(part);
        continue;
      }
      sorted.push(...byRank(run, ranks), part);
      run = [];
    }
  }
  return [...sorted, ...byRank(run, ranks)].join("");
}

/** The rank of a mark that nothing moves across. */
const STARTER = -1;

/** For each different mark where its combining class stands among theirs. */
function ranksOf(marks: string): Map<string, number> {
  const different = new Set<string>();
  for (const mark of new Set(marks)) {
    for (const part of mark.normalize("NFD")) different.add(part);
  }
  const ranks = new Map<string, number>();
  const moving = [...different].filter(isMoving).sort((a, b) => movesBehind(a, b) ? 1 : -1);
  let rank = 0;
  for (const [i, mark] of moving.entries()) {
    if (i > 0 && movesBehind(mark, moving[i - 1]!)) rank++;
    ranks.set(mark, rank);
  }
  for (const mark of different) if (!ranks.has(mark)) ranks.set(mark, STARTER);
  return ranks;
}

function byRank(run: readonly string[], ranks: ReadonlyMap<string, number>): string[] {
  return run.toSorted((a, b) => ranks.get(a)! - ranks.get(b)!);
}

// JavaScript does not tell the combining class of a character, but normalizing shows its order.

/** Whether the first has the higher combining class of two that are not 0. */
function movesBehind(first: string, second: string): boolean {
  return (first + second).normalize("NFD") !== first + second;
}

/** Whether the combining class is not 0: it moves before the highest, or behind the lowest. */
function isMoving(mark: string): boolean {
  return movesBehind(HIGHEST_CLASS, mark) || movesBehind(mark, LOWEST_CLASS);
}

/** Class 240. */
const HIGHEST_CLASS = "\u0345";
/** Class 1. */
const LOWEST_CLASS = "\u0334";
