// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenBytes } from "../tokenizer/detokenizer.ts";

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
 *     tokens   #   #   #   #            -1 where none ends
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
  /** A token of each node; -1 where none ends. */
  readonly tokens: Int32Array;
  /** The most bytes of a token. */
  readonly depthMax: number;
  /** Other tokens with the same bytes as one, which are allowed where it is. */
  readonly twins: ReadonlyMap<number, readonly number[]>;
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
    this.tokens = new Int32Array(size).fill(-1);
    this.twins = this.#fill(tokens);
  }

  /** The bytes of a token; none of one that is special, which is no text. */
  bytesOf(token: number): Uint8Array {
    return this.#vocabulary.isSpecial(token) ? NO_BYTES : this.#vocabulary.bytesOf(token);
  }

  #fill(sorted: readonly SortedToken[]): Map<number, number[]> {
    const twins = new Map<number, number[]>();
    const path = new Int32Array(this.depthMax + 1);
    let [node, depth] = [0, 0];
    const closeTo = (least: number) => {
      for (; depth > least; depth--) this.ends[path[depth]!] = node;
    };
    for (const { token, bytes, shared } of sorted) {
      closeTo(shared);
      for (; depth < bytes.length; node++) {
        this.bytes[node] = bytes[depth]!;
        this.depths[node] = ++depth;
        path[depth] = node;
      }
      const last = path[depth]!;
      const first = this.tokens[last]!;
      if (first < 0) this.tokens[last] = token;
      else twins.set(first, [...twins.get(first) ?? [], token]);
    }
    closeTo(0);
    return twins;
  }
}

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
