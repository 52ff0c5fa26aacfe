// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenBytes } from "../tokenizer/detokenizer.ts";

/** Bytes that stand in a JSON string as they are, and that most tokens consist of: ASCII. */
export const PLAIN_BYTES: readonly number[] = Array.from({ length: 95 }, (_, i) => 0x20 + i)
  .filter((byte) => byte !== 0x22 && byte !== 0x5c);

/** Longest token that is looked at, in bytes; none of a language is longer. */
const TOKEN_BYTES_MAX = 1024;

/**
 * The tokens of a vocabulary by their bytes, as a tree in arrays: nodes stand in the order in which
 * a walk meets them, each before what goes on from it.
 *
 *     node     0   1   2   3   4        a tree of "a", "ab", "ac", "b"
 *     bytes    a   b   c   b
 *     depths   1   2   2   1
 *     ends     3   2   3   4            the node behind all that go on from it
 *     ranks    0   1   2   3   4        place in `order` of the first token of the node
 *     order    ids of "a", "ab", "ac", "b"; those of one node stand together
 */
export class VocabularyTrie {
  /** Tokens are below this. */
  readonly vocabularySize: number;
  /** Nodes. */
  readonly size: number;
  /** Last byte of each node. */
  readonly bytes: Uint8Array;
  /** Bytes up to each node. */
  readonly depths: Uint16Array;
  /** Node behind the last that goes on from each. */
  readonly ends: Int32Array;
  /** The tokens, node by node. */
  readonly order: Int32Array;
  /** Where the tokens of each node begin in {@linkcode order}, and where those of the last end. */
  readonly ranks: Int32Array;
  /** Most bytes that go on from each node where all are plain; {@linkcode NOT_PLAIN} else. */
  readonly plainHeights: Uint16Array;
  /** The most bytes of a token. */
  readonly depthMax: number;
  readonly #vocabulary: TokenBytes;

  /** Of all tokens below `vocabularySize` that have bytes and are not special. */
  constructor(vocabulary: TokenBytes, vocabularySize: number) {
    this.vocabularySize = vocabularySize;
    this.#vocabulary = vocabulary;
    const tokens = sortedTokens(vocabulary, vocabularySize);
    let [size, depthMax] = [0, 0];
    for (const { bytes, shared } of tokens) {
      size += bytes.length - shared;
      depthMax = Math.max(depthMax, bytes.length);
    }
    this.size = size;
    this.depthMax = depthMax;
    this.bytes = new Uint8Array(size);
    this.depths = new Uint16Array(size);
    this.ends = new Int32Array(size);
    this.order = Int32Array.from(tokens, ({ token }) => token);
    this.ranks = new Int32Array(size + 1);
    this.plainHeights = new Uint16Array(size);
    this.#fill(tokens);
    this.#measure();
  }

  /** The bytes of a token; none of one that is special, which is no text. */
  bytesOf(token: number): Uint8Array {
    return this.#vocabulary.isSpecial(token) ? NO_BYTES : this.#vocabulary.bytesOf(token);
  }

  #fill(sorted: readonly SortedToken[]): void {
    const path = new Int32Array(this.depthMax + 1);
    let [node, depth] = [0, 0];
    const closeTo = (least: number) => {
      for (; depth > least; depth--) this.ends[path[depth]!] = node;
    };
    sorted.forEach(({ bytes, shared }, rank) => {
      closeTo(shared);
      for (; depth < bytes.length; node++) {
        this.bytes[node] = bytes[depth]!;
        this.ranks[node] = rank;
        this.depths[node] = ++depth;
        path[depth] = node;
      }
    });
    closeTo(0);
    this.ranks[node] = sorted.length;
  }

  /** Backwards, so that all that goes on from a node is known before it. */
  #measure(): void {
    for (let node = this.size - 1; node >= 0; node--) {
      let height = 0;
      for (let child = node + 1; child < this.ends[node]!; child = this.ends[child]!) {
        const isPlain = isPlainByte[this.bytes[child]!] && this.plainHeights[child] !== NOT_PLAIN;
        height = isPlain ? Math.max(height, this.plainHeights[child]! + 1) : NOT_PLAIN;
        if (!isPlain) break;
      }
      this.plainHeights[node] = height;
    }
  }
}

/** Not all that goes on from a node is plain. */
export const NOT_PLAIN = 0xffff;

const isPlainByte = Array.from({ length: 256 }, (_, byte) => PLAIN_BYTES.includes(byte));

const NO_BYTES = new Uint8Array(0);

interface SortedToken {
  readonly token: number;
  readonly bytes: Uint8Array;
  /** Bytes that it has in common with the one before it. */
  shared: number;
}

function sortedTokens(vocabulary: TokenBytes, vocabularySize: number): SortedToken[] {
  const sorted: SortedToken[] = [];
  for (let token = 0; token < vocabularySize; token++) {
    if (vocabulary.isSpecial(token)) continue;
    const bytes = vocabulary.bytesOf(token);
    if (bytes.length === 0 || bytes.length > TOKEN_BYTES_MAX) continue;
    sorted.push({ token, bytes, shared: 0 });
  }
  sorted.sort((a, b) => compared(a.bytes, b.bytes));
  for (let i = 1; i < sorted.length; i++) {
    sorted[i]!.shared = commonLength(sorted[i - 1]!.bytes, sorted[i]!.bytes);
  }
  return sorted;
}

function compared(a: Uint8Array, b: Uint8Array): number {
  const at = commonLength(a, b);
  return at < a.length && at < b.length ? a[at]! - b[at]! : a.length - b.length;
}

function commonLength(a: Uint8Array, b: Uint8Array): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a[length] === b[length]) length++;
  return length;
}
