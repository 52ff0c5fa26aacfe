// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Backend, StepOutput } from "../infer/backend/backend.ts";
import { KvBlocks } from "../infer/backend/kv_blocks.ts";
import { checkStep } from "../infer/backend/step_check.ts";
import type { StepBatch, StepBounds } from "../infer/backend/step_batch.ts";
import type { ModelConfig } from "../infer/model/model_config.ts";

/** The tokens that a {@linkcode HashBackend} answers with, unless asked otherwise. */
export const HASH_VOCABULARY = 97;

/** Sizes of a model for tests that have no weights. */
export function tinyConfig(vocabularySize: number, contextTokensMax: number): ModelConfig {
  return {
    family: "llama",
    hiddenSize: 4,
    intermediateSize: 4,
    layerCount: 1,
    headCount: 1,
    kvHeadCount: 1,
    headSize: 2,
    vocabularySize,
    contextTokensMax,
    normEpsilon: 1e-5,
    rope: { theta: 10_000, type: "default" },
    tiedEmbeddings: true,
    attentionBias: false,
    mlpBias: false,
    bosTokenId: null,
    eosTokenIds: [],
    quantization: null,
  };
}

/**
 * A model whose next token is a hash of all that it sees through the block table. What it keeps for
 * a token depends on the token before as it is in the blocks, as keys and values do, so that a
 * block that is wrong, stale, or written by two changes every token after it.
 */
export class HashBackend implements Backend {
  readonly config: ModelConfig;
  readonly bounds: StepBounds;
  readonly blockCount: number;
  /** Steps that were computed. */
  steps = 0;
  /** Tokens that were computed. */
  tokens = 0;
  readonly #cells: Int32Array;
  readonly #copies: KvBlocks;
  #output: StepOutput | null = null;

  /** Makes one whose blocks are full of what is nowhere in a text. */
  constructor(bounds: StepBounds, blockCount: number, vocabularySize: number = HASH_VOCABULARY) {
    const contextTokensMax = bounds.blocksPerSequenceMax * bounds.blockTokens;
    this.config = tinyConfig(vocabularySize, contextTokensMax);
    this.bounds = bounds;
    this.blockCount = blockCount;
    this.#cells = new Int32Array(blockCount * bounds.blockTokens).fill(-7);
    // Only for what it checks.
    this.#copies = new KvBlocks(this.config, blockCount, 1);
  }

  submit(batch: StepBatch): void {
    checkStep(batch, this);
    this.steps++;
    this.tokens += batch.tokenCount;
    for (let sequence = 0; sequence < batch.sequenceCount; sequence++) this.#write(batch, sequence);
    const rows = batch.logitCount;
    const { vocabularySize, hiddenSize } = this.config;
    const logits = new Float32Array(rows * vocabularySize);
    for (let row = 0; row < rows; row++) {
      logits[row * vocabularySize + this.#next(batch, batch.logitTokens[row]!)] = 20;
    }
    this.#output = { rows, logits, states: new Float32Array(rows * hiddenSize) };
  }

  wait(): StepOutput {
    const output = this.#output!;
    this.#output = null;
    return output;
  }

  copyBlocks(pairs: ArrayLike<number>): void {
    this.#copies.copy(pairs);
    const size = this.bounds.blockTokens;
    for (let i = 0; i < pairs.length; i += 2) {
      const from = pairs[i]! * size;
      this.#cells.copyWithin(pairs[i + 1]! * size, from, from + size);
    }
  }

  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }

  #write(batch: StepBatch, sequence: number): void {
    const end = batch.queryStarts[sequence + 1]!;
    for (let token = batch.queryStarts[sequence]!; token < end; token++) {
      const position = batch.contextLengths[sequence]! - end + token;
      const before = position === 0 ? 0 : this.#cells[this.#slot(batch, sequence, position - 1)]!;
      this.#cells[this.#slot(batch, sequence, position)] = cellOf(before, batch.tokenIds[token]!);
    }
  }

  #next(batch: StepBatch, token: number): number {
    let sequence = 0;
    while (batch.queryStarts[sequence + 1]! <= token) sequence++;
    const last = batch.contextLengths[sequence]! - batch.queryStarts[sequence + 1]! + token;
    let hash = 0;
    for (let position = 0; position <= last; position++) {
      hash = cellOf(hash, this.#cells[this.#slot(batch, sequence, position)]!);
    }
    return (hash >>> 0) % this.config.vocabularySize;
  }

  #slot(batch: StepBatch, sequence: number, position: number): number {
    const { blockTokens, blocksPerSequenceMax } = this.bounds;
    const index = sequence * blocksPerSequenceMax + Math.floor(position / blockTokens);
    return batch.blockTables[index]! * blockTokens + position % blockTokens;
  }
}

/** What {@linkcode HashBackend} answers to a prompt when nothing goes wrong. */
export function hashAnswer(
  prompt: ArrayLike<number>,
  count: number,
  vocabularySize: number = HASH_VOCABULARY,
): number[] {
  let [cell, hash] = [0, 0];
  const answer: number[] = [];
  for (let i = 0; answer.length < count; i++) {
    cell = cellOf(cell, i < prompt.length ? prompt[i]! : answer[i - prompt.length]!);
    hash = cellOf(hash, cell);
    if (i >= prompt.length - 1) answer.push((hash >>> 0) % vocabularySize);
  }
  return answer;
}

function cellOf(before: number, token: number): number {
  const mixed = Math.imul(before ^ Math.imul(token + 1, 0x85ebca6b), 0xc2b2ae35);
  return mixed ^ mixed >>> 13;
}
