// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes of a character that can be missing their end: a character has four at most. */
const PENDING_BYTES_MAX = 3;

/** What a detokenizer asks of a tokenizer: the bytes of a token, and whether it is left out. */
export interface TokenBytes {
  /** The bytes of a token, a view; empty for an id that has none. */
  bytesOf(id: number): Uint8Array;
  /** Whether `skipSpecialTokens` leaves it out. */
  isSpecial(id: number): boolean;
}

/** What is left out while decoding. */
export interface DecodeOptions {
  /** Leave special tokens out. @default {false} */
  skipSpecialTokens?: boolean;
}

/**
 * Text of tokens that come one at a time. A character whose bytes are spread over several tokens
 * comes when it is complete; what can no longer become a character comes as U+FFFD. All the pieces
 * together are the text that `decode` gives for all the ids.
 *
 * @example Tokens of a generation as they come
 * ```ts
 * import { Detokenizer } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const halves = [Uint8Array.of(0xe4, 0xbd), Uint8Array.of(0xa0)];
 * const detokenizer = new Detokenizer({ bytesOf: (id) => halves[id], isSpecial: () => false });
 * assertEquals(detokenizer.push(0), "");
 * assertEquals(detokenizer.push(1), "你");
 * assertEquals(detokenizer.flush(), "");
 * ```
 */
export class Detokenizer {
  readonly #tokens: TokenBytes;
  readonly #skipSpecialTokens: boolean;
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  #pending = new Uint8Array(0);

  /** Text of the tokens of `tokens`, usually a `Tokenizer`. */
  constructor(tokens: TokenBytes, { skipSpecialTokens = false }: DecodeOptions = {}) {
    this.#tokens = tokens;
    this.#skipSpecialTokens = skipSpecialTokens;
  }

  /** The text that an id completes, often empty. */
  push(id: number): string {
    if (this.#skipSpecialTokens && this.#tokens.isSpecial(id)) return "";
    const more = this.#tokens.bytesOf(id);
    const bytes = this.#pending.length === 0 ? more : joined(this.#pending, more);
    const complete = completeLength(bytes);
    if (complete < bytes.length || this.#pending.length > 0) this.#pending = bytes.slice(complete);
    return complete === 0 ? "" : this.#decoder.decode(bytes.subarray(0, complete));
  }

  /** The text of a character that stayed without its end: U+FFFD, or nothing. */
  flush(): string {
    const text = this.#decoder.decode(this.#pending);
    this.#pending = new Uint8Array(0);
    return text;
  }
}

/** How many bytes are left before a character that has begun and lacks its end. */
export function completeLength(bytes: Uint8Array): number {
  const least = Math.max(0, bytes.length - PENDING_BYTES_MAX);
  for (let i = bytes.length - 1; i >= least; i--) {
    const byte = bytes[i]!;
    if (byte < 0x80) break;
    // A byte that begins a character ends whatever was before it, so that it is safe to cut here.
    if (byte >= 0xc2) return i + lengthOf(byte) > bytes.length ? i : bytes.length;
  }
  return bytes.length;
}

/** Bytes of a character by its first; 1 for what begins none. */
function lengthOf(first: number): number {
  if (first < 0xe0) return 2;
  if (first < 0xf0) return 3;
  return first < 0xf5 ? 4 : 1;
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
