// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Where a sequence is; `preempted` waits like `waiting`, and lost what was computed. */
export type SequenceState = "new" | "waiting" | "running" | "preempted" | "finished";

/** What a sequence is made of. */
export interface SequenceOptions {
  /** Its first tokens, one or more. */
  readonly prompt: ArrayLike<number>;
  /** Tokens that it may have in all, with the prompt. */
  readonly lengthMax: number;
  /** Lower is more urgent. @default {0} */
  readonly priority?: number;
  /** Blocks are shared between sequences of the same salt only. @default {""} */
  readonly salt?: string;
  /**
   * Whether blocks of others may be used; not when logits of the whole prompt are wanted.
   *
   * @default {true}
   */
  readonly usesPrefixCache?: boolean;
  /** Tokens of the prompt that one step computes at most. @default {Infinity} */
  readonly chunkTokensMax?: number;
}

/**
 * One text on its way through the model: its tokens, and how far its keys and values are computed.
 *
 *     tokens   | prompt ............ | answer ..... | drafts ... |
 *              0           ▲      promptLength    length     length + draftCount
 *                    computedTokens
 *
 * There is no other difference between reading a prompt and going on with an answer: each step
 * computes some of the tokens that are not computed yet. The fields are the scheduler's to write.
 */
export class Sequence {
  /** Tokens that it began with. */
  readonly promptLength: number;
  /** See {@linkcode SequenceOptions.lengthMax}. */
  readonly lengthMax: number;
  /** See {@linkcode SequenceOptions.priority}. */
  readonly priority: number;
  /** See {@linkcode SequenceOptions.salt}. */
  readonly salt: string;
  /** See {@linkcode SequenceOptions.usesPrefixCache}. */
  readonly usesPrefixCache: boolean;
  /** See {@linkcode SequenceOptions.chunkTokensMax}. */
  readonly chunkTokensMax: number;
  /** Only the first {@linkcode length}, and the drafts behind them, count. */
  tokens: Int32Array<ArrayBuffer>;
  /** Tokens that are certain. */
  length: number;
  /** Tokens behind them that were proposed and are to be checked. */
  draftCount = 0;
  /** Tokens at the end of {@linkcode length} that a step on its way chooses: not known yet. */
  unreadTokens = 0;
  /** Tokens whose keys and values are in blocks. */
  computedTokens = 0;
  /** Tokens that the step which is on its way computes. */
  scheduledTokens = 0;
  /** Where it is. */
  state: SequenceState = "new";
  /** The less, the earlier it is served; see `Scheduler`. */
  rank = 0;
  /** Tells those of the same rank apart. */
  order = 0;
  /** Its blocks, in order. */
  table: Int32Array<ArrayBuffer> = new Int32Array(0);
  /** Blocks of the table that the prefix cache has been told of. */
  knownBlocks = 0;
  /** Where they end; see `PrefixCache`. */
  chain = 0;
  /** How often it lost its blocks to others. */
  preemptions = 0;
  /** Tokens of the prompt that the prefix cache had when it was first admitted; -1 before. */
  cachedTokens = -1;
  #tableMemory = new Int32Array(8);

  /**
   * Makes one.
   *
   * @throws {RangeError} when the prompt is empty, or longer than `lengthMax`
   */
  constructor(options: SequenceOptions) {
    const { prompt, lengthMax, priority = 0, salt = "", usesPrefixCache = true } = options;
    if (prompt.length === 0) throw new RangeError("Cannot make a sequence without a token");
    if (prompt.length > lengthMax) {
      throw new RangeError(`A prompt of ${prompt.length} tokens is more than ${lengthMax}`);
    }
    this.tokens = new Int32Array(prompt.length + 64);
    this.tokens.set(prompt);
    this.promptLength = this.length = prompt.length;
    this.lengthMax = lengthMax;
    this.priority = priority;
    this.salt = salt;
    this.usesPrefixCache = usesPrefixCache;
    this.chunkTokensMax = options.chunkTokensMax ?? Infinity;
  }

  /** Whether the step that is on its way ends with all its tokens, so that the next one follows. */
  get isCaughtUp(): boolean {
    return this.computedTokens + this.scheduledTokens >= this.length;
  }

  /** Puts a token behind those that are certain; any drafts are gone. */
  append(token: number): void {
    if (this.length === this.tokens.length) this.reserve(this.length * 2);
    this.tokens[this.length++] = token;
    this.draftCount = 0;
  }

  /** Puts tokens behind that are chosen, and told of later. */
  appendUnknown(count: number): void {
    for (let i = 0; i < count; i++) this.append(UNKNOWN_TOKEN);
    this.unreadTokens += count;
  }

  /** The first token that was not known is. */
  tell(token: number): void {
    this.tokens[this.knownTokens] = token;
    this.unreadTokens--;
  }

  /** Tokens that are certain and known. */
  get knownTokens(): number {
    return this.length - this.unreadTokens;
  }

  /** Makes room for so many tokens. */
  reserve(count: number): void {
    if (count <= this.tokens.length) return;
    const more = new Int32Array(count);
    more.set(this.tokens);
    this.tokens = more;
  }

  /** Puts a block behind its others. */
  pushBlock(block: number): void {
    const count = this.table.length;
    if (count === this.#tableMemory.length) {
      const more = new Int32Array(count * 2);
      more.set(this.#tableMemory);
      this.#tableMemory = more;
    }
    this.#tableMemory[count] = block;
    this.table = this.#tableMemory.subarray(0, count + 1);
  }

  /** Forgets its blocks, and what was computed into them. */
  clearBlocks(): void {
    this.table = this.#tableMemory.subarray(0, 0);
    this.computedTokens = this.scheduledTokens = this.draftCount = 0;
    this.knownBlocks = 0;
  }
}

/** Stands for a token that is not known yet. */
const UNKNOWN_TOKEN = -1;

/** Below 0 when `a` is served before `b`. */
export function compareRank(a: Sequence, b: Sequence): number {
  return a.rank - b.rank || a.order - b.order;
}
