// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How much a step can hold at most; fixed for the life of a backend. */
export interface StepBounds {
  /** Tokens of all sequences together. */
  readonly tokensMax: number;
  /** Sequences. */
  readonly sequencesMax: number;
  /** Blocks of a sequence's table: the longest context by the tokens of a block. */
  readonly blocksPerSequenceMax: number;
  /** Tokens whose keys and values a block holds. */
  readonly blockTokens: number;
}

/** What a step does for one sequence: a chunk of its prompt, or its last token. */
export interface StepSequence {
  /** The tokens to go through the model, the next ones of the sequence. */
  readonly tokens: ArrayLike<number>;
  /** Tokens of the sequence that went through before; the first new one has this position. */
  readonly computedTokens: number;
  /** Blocks of the sequence, in order, with room for the new tokens. */
  readonly blocks: ArrayLike<number>;
  /** After which of its tokens logits are wanted. */
  readonly logits: "none" | "last" | "all";
}

/** Version of the layout, the first word of a batch. */
export const STEP_LAYOUT_VERSION = 1;

/** Words before the arrays. */
const HEADER_WORDS = 16;

/**
 * The words of the header. Whoever reads a batch finds its arrays by the offsets, so that a later
 * version can add some (sampling parameters, masks) behind them.
 */
// Data: word of a batch, as the C header has them.
// deno-fmt-ignore
const HEADER = {
  version:              0,
  sequenceCount:        1,
  tokenCount:           2,
  logitCount:           3,
  blocksPerSequenceMax: 4,
  blockTokens:          5,
  tokenIds:             6,  // offset in words, as the following
  queryStarts:          7,
  contextLengths:       8,
  logitTokens:          9,
  blockTables:          10,
} as const;

/**
 * The packed description of one step: a ragged batch of prompt chunks and single tokens over block
 * tables. It is written once a step and read by the backend as it is, in TypeScript and in C.
 *
 *     header         16 words: version, counts, word offsets of the arrays
 *     tokenIds       [tokenCount]          of all sequences, one after the other
 *     queryStarts    [sequenceCount + 1]   first token of each sequence; then tokenCount
 *     contextLengths [sequenceCount]       tokens of the sequence with those of this step
 *     logitTokens    [logitCount]          the tokens after which logits are wanted
 *     blockTables    [sequenceCount][blocksPerSequenceMax]
 *
 * All words are int32. The position of a token follows: the last new token of a sequence has
 * `contextLength - 1`, and position `p` lives in `blockTable[p / blockTokens]`.
 *
 * @example A chunk of a prompt beside a sequence that goes on
 * ```ts
 * import { StepBatch } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const batch = new StepBatch({
 *   tokensMax: 256,
 *   sequencesMax: 8,
 *   blocksPerSequenceMax: 4,
 *   blockTokens: 16,
 * });
 * batch.add({ tokens: [1, 2, 3], computedTokens: 0, blocks: [7], logits: "none" });
 * batch.add({ tokens: [9], computedTokens: 20, blocks: [3, 5], logits: "last" });
 * assertEquals([...batch.contextLengths.subarray(0, 2)], [3, 21]);
 * assertEquals([...batch.logitTokens.subarray(0, 1)], [3]);
 * ```
 */
export class StepBatch {
  /** The memory that a backend reads. */
  readonly buffer: ArrayBuffer;
  /** The same as words. */
  readonly words: Int32Array;
  /** What it can hold. */
  readonly bounds: StepBounds;
  /** See above; only the first {@linkcode tokenCount} count. */
  readonly tokenIds: Int32Array;
  /** See above. */
  readonly queryStarts: Int32Array;
  /** See above. */
  readonly contextLengths: Int32Array;
  /** See above; only the first {@linkcode logitCount} count. */
  readonly logitTokens: Int32Array;
  /** See above. */
  readonly blockTables: Int32Array;

  /**
   * Makes an empty batch.
   *
   * @throws {RangeError} when a bound is not a whole number above 0
   */
  constructor(bounds: StepBounds) {
    for (const [name, value] of Object.entries(bounds)) {
      if (!Number.isSafeInteger(value) || value < 1) {
        throw new RangeError(`Cannot make a batch with ${name} ${value}`);
      }
    }
    const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens } = bounds;
    const sizes = [
      tokensMax,
      sequencesMax + 1,
      sequencesMax,
      tokensMax,
      sequencesMax * blocksPerSequenceMax,
    ];
    const total = sizes.reduce((sum, size) => sum + size, HEADER_WORDS);
    this.bounds = bounds;
    this.buffer = new ArrayBuffer(total * Int32Array.BYTES_PER_ELEMENT);
    this.words = new Int32Array(this.buffer);
    this.words[HEADER.version] = STEP_LAYOUT_VERSION;
    this.words[HEADER.blocksPerSequenceMax] = blocksPerSequenceMax;
    this.words[HEADER.blockTokens] = blockTokens;
    let offset = HEADER_WORDS;
    const arrays = sizes.map((size, i) => {
      this.words[HEADER.tokenIds + i] = offset;
      offset += size;
      return this.words.subarray(offset - size, offset);
    });
    this.tokenIds = arrays[0]!;
    this.queryStarts = arrays[1]!;
    this.contextLengths = arrays[2]!;
    this.logitTokens = arrays[3]!;
    this.blockTables = arrays[4]!;
  }

  /** Sequences in it. */
  get sequenceCount(): number {
    return this.words[HEADER.sequenceCount]!;
  }

  /** Tokens of all sequences together. */
  get tokenCount(): number {
    return this.words[HEADER.tokenCount]!;
  }

  /** Tokens after which logits are wanted. */
  get logitCount(): number {
    return this.words[HEADER.logitCount]!;
  }

  /** Whether another sequence with so many tokens has room. */
  hasRoom(tokens: number): boolean {
    const { tokensMax, sequencesMax } = this.bounds;
    return this.sequenceCount < sequencesMax && this.tokenCount + tokens <= tokensMax;
  }

  /** Empties it for the next step. */
  clear(): void {
    this.words[HEADER.sequenceCount] = 0;
    this.words[HEADER.tokenCount] = 0;
    this.words[HEADER.logitCount] = 0;
  }

  /**
   * Adds a sequence.
   *
   * @returns the row of its first logits, as many as `logits` asks for
   * @throws {RangeError} when it has no room, no tokens, or too few blocks; nothing is added then
   */
  add(sequence: StepSequence): number {
    const { tokens, computedTokens, blocks, logits } = sequence;
    this.#check(sequence);
    const { sequenceCount, tokenCount, logitCount } = this;
    const end = tokenCount + tokens.length;
    this.tokenIds.set(tokens, tokenCount);
    this.queryStarts[sequenceCount] = tokenCount;
    this.queryStarts[sequenceCount + 1] = end;
    this.contextLengths[sequenceCount] = computedTokens + tokens.length;
    this.blockTables.set(blocks, sequenceCount * this.bounds.blocksPerSequenceMax);
    const count = logits === "all" ? tokens.length : logits === "last" ? 1 : 0;
    for (let i = 0; i < count; i++) this.logitTokens[logitCount + i] = end - count + i;
    this.words[HEADER.sequenceCount] = sequenceCount + 1;
    this.words[HEADER.tokenCount] = end;
    this.words[HEADER.logitCount] = logitCount + count;
    return logitCount;
  }

  #check({ tokens, computedTokens, blocks }: StepSequence): void {
    const { blocksPerSequenceMax, blockTokens } = this.bounds;
    if (tokens.length === 0) throw new RangeError("Cannot add a sequence without tokens");
    if (!this.hasRoom(tokens.length)) {
      throw new RangeError(`Cannot add ${tokens.length} tokens: the batch is full`);
    }
    if (!Number.isSafeInteger(computedTokens) || computedTokens < 0) {
      throw new RangeError(`Cannot add a sequence after ${computedTokens} tokens`);
    }
    const needed = Math.ceil((computedTokens + tokens.length) / blockTokens);
    if (blocks.length < needed || blocks.length > blocksPerSequenceMax) {
      const range = `${needed} to ${blocksPerSequenceMax}`;
      throw new RangeError(`Cannot add a sequence with ${blocks.length} blocks, not ${range}`);
    }
  }
}
