// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenBytes } from "../tokenizer/detokenizer.ts";
import { commonLength, isPlainByte, type SortedToken, TokenTree } from "./token_tree.ts";

/** Longest token that is looked at, in bytes; none of a language is longer. */
const TOKEN_BYTES_MAX = 1024;

/** Plain tokens up to this many bytes are taken together. */
export const PLAIN_TOKEN_BYTES_MAX = 32;

/** What a grammar has to know of a vocabulary. */
export class VocabularyBytes {
  /** Tokens are below this. */
  readonly size: number;
  /** All tokens but special ones, which are no text. */
  readonly all: TokenTree;
  /** Those that are not in {@linkcode plain}. */
  readonly rest: TokenTree;
  /** A bit for each token of plain bytes alone, up to {@linkcode PLAIN_TOKEN_BYTES_MAX} of them. */
  readonly plain: Uint32Array;
  readonly #vocabulary: TokenBytes;

  /** Of the tokens below `size`. */
  constructor(vocabulary: TokenBytes, size: number) {
    this.size = size;
    this.#vocabulary = vocabulary;
    const tokens: SortedToken[] = [];
    for (let token = 0; token < size; token++) {
      const bytes = this.bytesOf(token);
      if (bytes.length > 0 && bytes.length <= TOKEN_BYTES_MAX) tokens.push({ token, bytes });
    }
    tokens.sort((a, b) => compared(a.bytes, b.bytes));
    this.all = new TokenTree(tokens);
    this.rest = new TokenTree(tokens.filter((token) => !isPlain(token)));
    this.plain = new Uint32Array(Math.ceil(size / 32));
    for (const { token } of tokens.filter(isPlain)) this.plain[token >>> 5]! |= 1 << (token & 31);
  }

  /** The bytes of a token; none of one that is special, which is no text. */
  bytesOf(token: number): Uint8Array {
    return this.#vocabulary.isSpecial(token) ? NO_BYTES : this.#vocabulary.bytesOf(token);
  }
}

const NO_BYTES = new Uint8Array(0);

function isPlain({ bytes }: SortedToken): boolean {
  return bytes.length <= PLAIN_TOKEN_BYTES_MAX && bytes.every((byte) => isPlainByte[byte]);
}

function compared(a: Uint8Array, b: Uint8Array): number {
  const at = commonLength(a, b);
  return at < a.length && at < b.length ? a[at]! - b[at]! : a.length - b.length;
}
