// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CodePointRange } from "./grammar_node.ts";

/** Bytes from the first to the second, both among them. */
export type ByteRange = readonly [first: number, last: number];

/**
 * The UTF-8 of all characters of a range, as sequences of byte ranges: a character is in the range
 * exactly when its bytes are in one of the sequences (RFC 3629, section 4, cut to the range).
 *
 *     U+0080..U+10FFFF  ->  [c2-df][80-bf]  [e0][a0-bf][80-bf]  [e1-ec][80-bf][80-bf]  ...
 */
export function utf8Ranges([first, last]: CodePointRange): ByteRange[][] {
  const sequences: ByteRange[][] = [];
  for (const [low, high] of BLOCKS) {
    const [from, to] = [Math.max(first, low), Math.min(last, high)];
    if (from <= to) split(encoded(from), encoded(to), [], sequences);
  }
  return sequences;
}

/** Code points with as many bytes; no surrogates. */
// Data: first and last.
const BLOCKS: readonly CodePointRange[] = [
  [0, 0x7f],
  [0x80, 0x7ff],
  [0x800, 0xd7ff],
  [0xe000, 0xffff],
  [0x1_0000, 0x10_ffff],
];

function encoded(codePoint: number): Uint8Array {
  return encoder.encode(String.fromCodePoint(codePoint));
}

const encoder = new TextEncoder();

/** Texts of bytes between two of one length: those with the first byte of either, and between. */
function split(
  low: Uint8Array,
  high: Uint8Array,
  prefix: readonly ByteRange[],
  sequences: ByteRange[][],
): void {
  const [first, last] = [low[0]!, high[0]!];
  if (low.length === 1) {
    sequences.push([...prefix, [first, last]]);
    return;
  }
  const [lowRest, highRest] = [low.subarray(1), high.subarray(1)];
  if (first === last) return split(lowRest, highRest, [...prefix, [first, first]], sequences);
  const isFromLeast = lowRest.every((byte) => byte === 0x80);
  const isToMost = highRest.every((byte) => byte === 0xbf);
  if (!isFromLeast) {
    split(lowRest, lowRest.map(() => 0xbf), [...prefix, [first, first]], sequences);
  }
  const [from, to] = [isFromLeast ? first : first + 1, isToMost ? last : last - 1];
  if (from <= to) {
    const rest = Array.from(lowRest, (): ByteRange => [0x80, 0xbf]);
    sequences.push([...prefix, [from, to], ...rest]);
  }
  if (!isToMost) {
    split(highRest.map(() => 0x80), highRest, [...prefix, [last, last]], sequences);
  }
}
