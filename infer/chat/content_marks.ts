// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AddedToken } from "../tokenizer/added_tokens.ts";
import { TokenTrie } from "../tokenizer/token_trie.ts";
import type { ChatMessage } from "./chat_message.ts";
import { ChatTemplateError } from "./chat_template_error.ts";

/**
 * What a mark can be: noncharacters and the private use area. They compose with nothing, are no
 * white space, and JSON leaves them as they are.
 */
const MARKS_REGEXP = /[\ufdd0-\ufdef\ue000-\uf8ff]/g;
const MARKS = [[0xfdd0, 0xfdef], [0xe000, 0xf8ff]] as const;

/** Levels of objects and arrays in messages and tools; each is a call on the stack. */
const DEPTH_MAX = 200;

/** Members whose values choose what a template does: a plain word in them stays as it is. */
const CHOOSING_MEMBERS = ["role", "type"];
const WORD_REGEXP = /^\w*$/;

/**
 * Divides what looks like an added token in the words of others, by a mark that is taken out again
 * once the added tokens of the template itself have been recognised:
 *
 * ```text
 *   content      how do I end a turn? <|im_end|>
 *   marked       how do I end a turn? <M|im_end|>
 *   rendered     <|im_start|>user\nhow do I end a turn? <M|im_end|><|im_end|>\n
 *   tokens       ^^^^^^^^^^^^                                      ^^^^^^^^^^
 * ```
 *
 * What begins or ends like half of a token is marked at that end, so that it does not become one
 * with the template's text beside it. An added token of a single character cannot be divided.
 */
export class ContentMarker {
  /** The mark, a character that is nowhere in what is marked. */
  readonly mark: string;
  readonly #shapes: MarkedShapes;
  readonly #normalize: (text: string) => string;

  /** Marks `inputs`; `normalize` is what the tokenizer does to text. */
  constructor(shapes: MarkedShapes, inputs: unknown, normalize: (text: string) => string) {
    this.mark = unusedMark(inputs);
    this.#shapes = shapes;
    this.#normalize = normalize;
  }

  /**
   * A message with its texts marked. In what the assistant said earlier only special tokens are:
   * `<think>` and the like are how a model writes, and templates look for them.
   */
  message(message: ChatMessage): ChatMessage {
    const marked = this.value(message) as ChatMessage;
    if (message.role !== "assistant") return marked;
    const own: Record<string, unknown> = {};
    for (const name of ["content", "reasoning_content"]) {
      if (typeof message[name] === "string") {
        own[name] = this.#text(message[name], this.#shapes.special);
      }
    }
    return { ...marked, ...own };
  }

  /** Any JSON value with all its texts and names marked. */
  value(value: unknown, member = ""): unknown {
    if (typeof value === "string") {
      const isChoice = CHOOSING_MEMBERS.includes(member) && WORD_REGEXP.test(value);
      return isChoice ? value : this.#text(value, this.#shapes.all);
    }
    if (Array.isArray(value)) return value.map((item) => this.value(item));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [
        WORD_REGEXP.test(name) ? name : this.#text(name, this.#shapes.all),
        this.value(item, name),
      ]),
    );
  }

  #text(text: string, shapes: TokenShapes): string {
    const normal = this.#normalize(text);
    const marked = this.#divided(normal, shapes.whole);
    const head = shapes.tails.has(normal, (length) => normal.slice(0, length)) ? this.mark : "";
    const tail = shapes.heads.has(normal, (length) => normal.slice(-length)) ? this.mark : "";
    return head + marked + tail;
  }

  /** The text with a mark behind the first code unit of every token, overlapping ones too. */
  #divided(text: string, whole: TokenTrie<{ content: string }>): string {
    let marked = "";
    let behind = 0;
    for (let at = whole.nextStart(text, 0); at >= 0; at = whole.nextStart(text, at + 1)) {
      if (whole.longestAt(text, at) === undefined) continue;
      marked += text.slice(behind, at + 1) + this.mark;
      behind = at + 1;
    }
    return marked + text.slice(behind);
  }
}

/** What to look for of the added tokens of a tokenizer. */
export interface MarkedShapes {
  /** Of all of them. */
  readonly all: TokenShapes;
  /** Of the special ones. */
  readonly special: TokenShapes;
}

/** What to look for of a set of tokens. */
interface TokenShapes {
  /** The tokens themselves. */
  readonly whole: TokenTrie<{ content: string }>;
  /** Beginnings of tokens, which a text may end with. */
  readonly heads: Pieces;
  /** Ends of tokens, which a text may begin with. */
  readonly tails: Pieces;
}

/** Prepares what a {@linkcode ContentMarker} looks for. */
export function markedShapes(tokens: readonly AddedToken[]): MarkedShapes {
  return { all: shapesOf(tokens), special: shapesOf(tokens.filter(({ special }) => special)) };
}

function shapesOf(tokens: readonly AddedToken[]): TokenShapes {
  const heads = new Pieces();
  const tails = new Pieces();
  const divisible = tokens.filter(({ content }) => content.length > 1);
  for (const { content } of divisible) {
    for (let i = 1; i < content.length; i++) {
      heads.add(content.slice(0, i));
      tails.add(content.slice(i));
    }
  }
  return { whole: new TokenTrie(divisible), heads, tails };
}

/** Parts of tokens, asked for by their lengths. */
class Pieces {
  readonly #pieces = new Set<string>();
  #lengthMax = 0;

  add(piece: string): void {
    this.#pieces.add(piece);
    this.#lengthMax = Math.max(this.#lengthMax, piece.length);
  }

  /** Whether one of them stands at an end of a text; `endOf` cuts so much from that end. */
  has(text: string, endOf: (length: number) => string): boolean {
    for (let length = Math.min(this.#lengthMax, text.length); length > 0; length--) {
      if (this.#pieces.has(endOf(length))) return true;
    }
    return false;
  }
}

/** The first character of {@linkcode MARKS} that no text has. */
function unusedMark(inputs: unknown): string {
  const used = new Set<string>();
  collectMarks(inputs, used);
  for (const [first, last] of MARKS) {
    for (let unit = first; unit <= last; unit++) {
      const mark = String.fromCharCode(unit);
      if (!used.has(mark)) return mark;
    }
  }
  throw new ChatTemplateError("Cannot mark a conversation that has every private character");
}

function collectMarks(value: unknown, used: Set<string>, depth = 0): void {
  if (depth > DEPTH_MAX) {
    throw new ChatTemplateError(`Cannot mark what is nested deeper than ${DEPTH_MAX}`);
  }
  if (typeof value === "string") {
    for (const [mark] of value.matchAll(MARKS_REGEXP)) used.add(mark);
  } else if (typeof value === "object" && value !== null) {
    for (const [name, item] of Object.entries(value)) {
      collectMarks(name, used, depth);
      collectMarks(item, used, depth + 1);
    }
  }
}
