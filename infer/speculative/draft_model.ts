// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Backend, runStep } from "../backend/backend.ts";
import { StepBatch } from "../backend/step_batch.ts";
import type { Sampler } from "../sampling/sampler.ts";
import type { Draft, Drafter, TokenDistribution } from "./draft.ts";
import { PURPOSE } from "./verify_draft.ts";

/**
 * How a draft is drawn and verified: `"coupled"` draws with the noise of the sequence's own
 * sampler, so that an answer is the same with and without drafts; `"rejection"` draws with noise
 * of its own and has the higher acceptance, 1 less the distance of the distributions.
 */
export type DraftMethod = "coupled" | "rejection";

/** Options of {@linkcode DraftModel}. */
export interface DraftModelOptions {
  /**
   * See {@linkcode DraftMethod}.
   *
   * @default {"coupled"}
   */
  readonly method?: DraftMethod;
}

/**
 * Guesses by a smaller model with the same vocabulary. Each sequence has its keys and values in
 * blocks of the small model's backend; where none is free, it has no guesses until others close.
 *
 * @example Drafts of a model for itself are all right
 * ```ts
 * import { createSampler, DraftModel, loadWeights, openModel } from "@photon/std/infer";
 * import { ReferenceBackend } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
 * const bounds = { tokensMax: 64, sequencesMax: 1, blocksPerSequenceMax: 4, blockTokens: 16 };
 * using backend = new ReferenceBackend(await loadWeights(source), { bounds, blockCount: 4 });
 * using sequence = new DraftModel(backend).sequence();
 * const sampler = createSampler({ temperature: 0 }, backend.config.vocabularySize);
 * assertEquals(sequence.propose([1, 2, 3], 4, sampler).tokens.length, 4);
 * ```
 */
export class DraftModel {
  readonly #backend: Backend;
  readonly #batch: StepBatch;
  readonly #method: DraftMethod;
  readonly #freeBlocks: number[];

  /** Guesses by `backend`, which stays the caller's to close. */
  constructor(backend: Backend, { method = "coupled" }: DraftModelOptions = {}) {
    this.#backend = backend;
    this.#batch = new StepBatch(backend.bounds);
    this.#method = method;
    this.#freeBlocks = Array.from({ length: backend.blockCount }, (_, i) => i);
  }

  /** A drafter for one sequence; close it when the sequence ends. */
  sequence(): DraftSequence {
    return new BlockSequence(this.#backend, this.#batch, this.#method, this.#freeBlocks);
  }
}

/** Guesses for one sequence. */
export interface DraftSequence extends Drafter, Disposable {
  /** Gives its blocks back. */
  close(): void;
}

class BlockSequence implements DraftSequence {
  readonly #backend: Backend;
  readonly #batch: StepBatch;
  readonly #method: DraftMethod;
  readonly #freeBlocks: number[];
  readonly #blocks: number[] = [];
  /** Tokens whose keys and values are in the blocks. */
  readonly #computed: number[] = [];

  constructor(backend: Backend, batch: StepBatch, method: DraftMethod, freeBlocks: number[]) {
    this.#backend = backend;
    this.#batch = batch;
    this.#method = method;
    this.#freeBlocks = freeBlocks;
  }

  propose(tokens: ArrayLike<number>, count: number, sampler: Sampler): Draft {
    const { blockTokens, blocksPerSequenceMax } = this.#backend.bounds;
    const room = blockTokens * blocksPerSequenceMax - tokens.length;
    const size = Math.min(count, room);
    if (size <= 0 || tokens.length === 0) return { tokens: [] };
    if (!this.#reserve(Math.ceil((tokens.length + size) / blockTokens))) return { tokens: [] };
    this.#computed.length = this.#sharedLength(tokens);
    const drafting = sampler.fork();
    const guesses: number[] = [];
    const distributions: TokenDistribution[] = [];
    let next = Array.from(tokens).slice(this.#computed.length);
    while (guesses.length < size) {
      const row = this.#compute(next).slice();
      const position = tokens.length + guesses.length;
      const guess = this.#draw(row, position, drafting, distributions);
      guesses.push(guess);
      drafting.accept(guess);
      next = [guess];
    }
    return this.#method === "coupled" ? { tokens: guesses } : { tokens: guesses, distributions };
  }

  close(): void {
    this.#freeBlocks.push(...this.#blocks);
    this.#blocks.length = 0;
    this.#computed.length = 0;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #draw(
    row: Float32Array,
    position: number,
    drafting: Sampler,
    distributions: TokenDistribution[],
  ): number {
    if (this.#method === "coupled") return drafting.sample(row, position).token;
    const candidates = drafting.distribution(row);
    const { count, total } = candidates;
    distributions.push({
      ids: candidates.ids.slice(0, count),
      probabilities: candidates.weights.slice(0, count).map((weight) => weight / total),
    });
    return candidates.draw(drafting.params.seed, position, drafting.answer, PURPOSE.draft);
  }

  /** How many tokens are as they were; the last is computed again, for its logits. */
  #sharedLength(tokens: ArrayLike<number>): number {
    const most = Math.min(this.#computed.length, tokens.length - 1);
    let length = 0;
    while (length < most && this.#computed[length] === tokens[length]) length++;
    return length;
  }

  #reserve(count: number): boolean {
    if (count - this.#blocks.length > this.#freeBlocks.length) return false;
    while (this.#blocks.length < count) this.#blocks.push(this.#freeBlocks.pop()!);
    return true;
  }

  /** Computes tokens in steps that fit; gives the logits after the last. */
  #compute(tokens: readonly number[]): Float32Array {
    const { tokensMax } = this.#backend.bounds;
    let logits = new Float32Array(0);
    for (let from = 0; from < tokens.length; from += tokensMax) {
      const chunk = tokens.slice(from, from + tokensMax);
      const isLast = from + tokensMax >= tokens.length;
      this.#batch.clear();
      this.#batch.add({
        tokens: chunk,
        computedTokens: this.#computed.length,
        blocks: this.#blocks,
        logits: isLast ? "last" : "none",
      });
      logits = runStep(this.#backend, this.#batch).logits as Float32Array<ArrayBuffer>;
      this.#computed.push(...chunk);
    }
    return logits;
  }
}
