// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Everything else: punctuation, symbols, marks, controls, what is not assigned. */
export const OTHER = 0;
/** `\p{L}`. */
export const LETTER = 1;
/** `\p{N}`. */
export const NUMBER = 2;
/** White_Space, which has U+0085 and not U+FEFF, but for the two of {@linkcode NEWLINE}. */
export const SPACE = 3;
/** Carriage return and line feed. */
export const NEWLINE = 4;
/** Beyond the end. */
export const END = 5;

/** Above this no code point has been assigned that is a letter, a number or white space. */
const CODE_POINTS = 0x40000;

/**
 * Class of the code point that begins at `offset` in well-formed UTF-8, {@linkcode END} at
 * `end`; {@linkcode prepareClasses} has been called.
 */
export function classAt(bytes: Uint8Array, offset: number, end: number): number {
  if (offset >= end) return END;
  const first = bytes[offset]!;
  if (first < 0x80) return classes[first]!;
  const second = bytes[offset + 1]! & 0x3f;
  if (first < 0xe0) return classes[(first & 0x1f) << 6 | second]!;
  const third = bytes[offset + 2]! & 0x3f;
  if (first < 0xf0) return classes[(first & 0xf) << 12 | second << 6 | third]!;
  const codePoint = (first & 7) << 18 | second << 12 | third << 6 | bytes[offset + 3]! & 0x3f;
  return codePoint < CODE_POINTS ? classes[codePoint]! : OTHER;
}

/** Bytes of the code point whose first byte this is. */
export function widthOf(first: number): number {
  if (first < 0x80) return 1;
  if (first < 0xe0) return 2;
  return first < 0xf0 ? 3 : 4;
}

/** One byte a code point: 256 KiB, of which a text in one script touches a few cache lines. */
const classes = new Uint8Array(CODE_POINTS);

/** Code points that go through the regular expressions at once. */
const BLOCK = 0x4000;

/** Fills the table from V8's Unicode data; costs some twenty milliseconds, the first time only. */
export function prepareClasses(): void {
  if (classes[0x61] === LETTER) return;
  for (let start = 0; start < CODE_POINTS; start += BLOCK) {
    const block = blockOf(start);
    mark(block, /\p{N}+/gu, NUMBER);
    mark(block, /\p{White_Space}+/gu, SPACE);
    mark(block, /[\r\n]+/gu, NEWLINE);
    mark(block, /\p{L}+/gu, LETTER);
  }
}

/** The text of all code points of a block, but surrogates, which are none of the classes. */
function blockOf(start: number): string {
  const units = new Uint16Array(BLOCK * 2);
  let length = 0;
  for (let point = start; point < start + BLOCK; point++) {
    if (point > 0xffff) {
      units[length++] = 0xd800 | point - 0x10000 >> 10;
      units[length++] = 0xdc00 | point & 0x3ff;
    } else if (point < 0xd800 || point > 0xdfff) {
      units[length++] = point;
    }
  }
  return String.fromCharCode(...units.subarray(0, length));
}

/** The code points of a run follow each other, as those of the block do. */
function mark(block: string, pattern: RegExp, value: number): void {
  for (const [run] of block.matchAll(pattern)) {
    const first = run.codePointAt(0)!;
    classes.fill(value, first, first + Array.from(run).length);
  }
}
