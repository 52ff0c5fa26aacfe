// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { TokenTrie } from "./token_trie.ts";

/** A token that is found in the text before the text is split, such as `<|im_start|>`. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** The text that is it. */
  readonly content: string;
  /** Whether it is left out by `skipSpecialTokens`. */
  readonly special: boolean;
  /** Whether it takes the white space before it along. */
  readonly lstrip: boolean;
  /** Whether it takes the white space behind it along. */
  readonly rstrip: boolean;
  /** Whether letters, digits or marks beside it prevent it. */
  readonly singleWord: boolean;
  /** Whether it is looked for in the normalized text. */
  readonly normalized: boolean;
}

/**
 * Which added tokens are recognised in a text: none of them, those that are not special, or all.
 */
export type Recognized = "none" | "ordinary" | "all";

/** A stretch of a text: an added token, or text between them where `id` is -1. */
export interface Segment {
  /** Id of the added token, or -1. */
  readonly id: number;
  /** Code unit at which it begins. */
  readonly start: number;
  /** Code unit behind it. */
  readonly end: number;
}

/** Finds added tokens in texts: the leftmost one, and of several that begin there the longest. */
export class AddedTokenMatcher {
  readonly #trie: TokenTrie<AddedToken>;

  /** Of two tokens with one content the first counts. */
  constructor(tokens: readonly AddedToken[]) {
    this.#trie = new TokenTrie(tokens);
  }

  /** The whole text in segments. */
  split(text: string, recognized: Recognized): Segment[] {
    const segments: Segment[] = [];
    let behind = 0;
    let from = 0;
    for (;;) {
      const at = recognized === "none" ? -1 : this.#trie.nextStart(text, from);
      if (at < 0) break;
      const token = this.#trie.longestAt(text, at);
      from = token === undefined ? at + 1 : at + token.content.length;
      if (token === undefined || !isWanted(text, at, token, recognized)) continue;
      // White space that an earlier token has taken is not taken twice.
      const start = token.lstrip ? Math.max(spaceStart(text, at), behind) : at;
      const end = token.rstrip ? spaceEnd(text, from) : from;
      if (behind < start) segments.push({ id: -1, start: behind, end: start });
      segments.push({ id: token.id, start, end });
      behind = end;
    }
    if (behind !== text.length) segments.push({ id: -1, start: behind, end: text.length });
    return segments;
  }
}

/** A match that is not wanted is passed over as a whole, as in Hugging Face tokenizers. */
function isWanted(text: string, at: number, token: AddedToken, recognized: Recognized): boolean {
  if (token.special && recognized !== "all") return false;
  if (!token.singleWord) return true;
  const behind = at + token.content.length;
  const before = text.slice(Math.max(0, at - 2), at);
  return !WORD_REGEXP.test(Array.from(before).at(-1) ?? "") &&
    !WORD_REGEXP.test(Array.from(text.slice(behind, behind + 2))[0] ?? "");
}

// `\w` of Rust's regular expressions (UTS #18), which JavaScript has no name for. Both ends are
// anchored: V8 does not find an astral character by `[...]$` alone.
const WORD_REGEXP = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\p{Join_Control}]$/u;
const SPACE_REGEXP = /\p{White_Space}/u;

function spaceStart(text: string, end: number): number {
  while (end > 0 && SPACE_REGEXP.test(text[end - 1]!)) end--;
  return end;
}

function spaceEnd(text: string, start: number): number {
  while (start < text.length && SPACE_REGEXP.test(text[start]!)) start++;
  return start;
}
