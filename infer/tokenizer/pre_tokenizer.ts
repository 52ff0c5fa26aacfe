// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { SPLIT_PATTERNS } from "../model/split_pattern.ts";
import { classAt, LETTER, NEWLINE, NUMBER, OTHER, SPACE, widthOf } from "./character_class.ts";

// The alternatives of the pattern that Llama 3 and Qwen use, in their order; \s is White_Space:
//
//   contraction   (?i:'s|'t|'re|'ve|'m|'ll|'d)
//   word          [^\r\n\p{L}\p{N}]?\p{L}+
//   number        \p{N}{1,3} (Llama 3) or \p{N} (Qwen)
//   symbols        ?[^\s\p{L}\p{N}]+[\r\n]*
//   line end      \s*[\r\n]+
//   spaces        \s+(?!\S)|\s+
//
// Each of them is decided by the classes of the first one or two characters.

/** Digits that stay together under a published pattern; undefined when it is another pattern. */
export function digitsMaxOf(pattern: string): number | undefined {
  return Object.values(SPLIT_PATTERNS).find(({ source }) => source === pattern)?.digitsMax;
}

/** Where the piece that begins at `start` ends; `bytes` are well-formed UTF-8, `start < end`. */
export function pieceEnd(
  bytes: Uint8Array,
  start: number,
  end: number,
  digitsMax: number,
): number {
  const first = bytes[start]!;
  if (first === APOSTROPHE) {
    const contraction = contractionEnd(bytes, start + 1, end);
    if (contraction > 0) return contraction;
  }
  const kind = classAt(bytes, start, end);
  const next = start + widthOf(first);
  if (kind === LETTER) return lettersEnd(bytes, next, end);
  if (kind === NUMBER) return numberEnd(bytes, next, end, digitsMax - 1);
  if (kind === NEWLINE) return spacesEnd(bytes, start, end);
  const following = classAt(bytes, next, end);
  if (following === LETTER) return lettersEnd(bytes, next, end);
  if (kind === OTHER || (first === BLANK && following === OTHER)) {
    return symbolsEnd(bytes, next, end);
  }
  return spacesEnd(bytes, start, end);
}

const BLANK = 0x20;
const APOSTROPHE = 0x27;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Behind the letters of a contraction, 0 when there is none. The long s folds to an s. */
function contractionEnd(bytes: Uint8Array, offset: number, end: number): number {
  if (offset >= end) return 0;
  const second = offset + 1 < end ? bytes[offset + 1]! | 0x20 : 0;
  switch (bytes[offset]! | 0x20) {
    case 0x73: // s
    case 0x74: // t
    case 0x6d: // m
    case 0x64: // d
      return offset + 1;
    case 0x72: // re
    case 0x76: // ve
      return second === 0x65 ? offset + 2 : 0;
    case 0x6c: // ll
      return second === 0x6c ? offset + 2 : 0;
  }
  return bytes[offset] === 0xc5 && bytes[offset + 1] === 0xbf ? offset + 2 : 0;
}

function lettersEnd(bytes: Uint8Array, offset: number, end: number): number {
  for (; offset < end; offset += widthOf(bytes[offset]!)) {
    const byte = bytes[offset]!;
    // The letters of ASCII need no table.
    if (byte < 0x80 && (byte | 0x20) - 0x61 >>> 0 < 26) continue;
    if (classAt(bytes, offset, end) !== LETTER) break;
  }
  return offset;
}

function numberEnd(bytes: Uint8Array, offset: number, end: number, more: number): number {
  for (; more > 0 && classAt(bytes, offset, end) === NUMBER; more--) {
    offset += widthOf(bytes[offset]!);
  }
  return offset;
}

function symbolsEnd(bytes: Uint8Array, offset: number, end: number): number {
  while (classAt(bytes, offset, end) === OTHER) offset += widthOf(bytes[offset]!);
  while (bytes[offset] === LINE_FEED || bytes[offset] === CARRIAGE_RETURN) {
    if (offset >= end) break;
    offset++;
  }
  return offset;
}

/**
 * White space that no word and no symbol takes: up to its last line end; without one, all of it but
 * the last character, which goes to what follows. At the end of the text all of it.
 */
function spacesEnd(bytes: Uint8Array, start: number, end: number): number {
  let offset = start;
  let last = start;
  let behindNewline = 0;
  for (;;) {
    const kind = classAt(bytes, offset, end);
    if (kind !== SPACE && kind !== NEWLINE) break;
    last = offset;
    offset += widthOf(bytes[offset]!);
    if (kind === NEWLINE) behindNewline = offset;
  }
  if (behindNewline > 0) return behindNewline;
  return offset < end && last > start ? last : offset;
}
