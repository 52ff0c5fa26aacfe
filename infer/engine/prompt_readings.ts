// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StepOutput } from "../backend/backend.ts";
import { logprobsOf } from "../sampling/log_probabilities.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { Sequence } from "../scheduler/sequence.ts";

/**
 * Rows of a step that are read for a prompt of which every token is looked at. A row of logits has
 * half a megabyte with the vocabulary of Llama 3.
 */
export const READ_ROWS_MAX = 64;

/** Log probabilities of a prompt's tokens, chunk by chunk. */
export class PromptLogprobs {
  /** One a token; the first one has none. */
  readonly tokens: SampledToken[];
  readonly #top: number;

  /** For so many of the likeliest at each token. */
  constructor(sequence: Sequence, top: number) {
    this.tokens = [{ token: sequence.tokens[0]! }];
    this.#top = top;
  }

  /** Whether all tokens have been read. */
  isComplete({ promptLength }: Sequence): boolean {
    return this.tokens.length === promptLength;
  }

  /** Reads the rows of the chunk that the step computed; before `complete`. */
  read(sequence: Sequence, { logits, rows }: StepOutput, firstRow: number): void {
    const size = logits.length / rows;
    const { computedTokens, scheduledTokens, promptLength, tokens } = sequence;
    const end = Math.min(computedTokens + scheduledTokens, promptLength - 1);
    for (let at = computedTokens; at < end; at++) {
      // A prompt that lost its blocks is computed again.
      if (at + 1 < this.tokens.length) continue;
      const row = firstRow + at - computedTokens;
      const token = tokens[at + 1]!;
      const values = logits.subarray(row * size, (row + 1) * size);
      this.tokens.push({ token, ...logprobsOf(values, token, this.#top) });
    }
  }
}

/** The mean, or the last, of what the output head sees of a prompt, brought to length 1. */
export class Embedding {
  readonly #pooling: "last" | "mean";
  #sum: Float64Array | null = null;
  #read = 0;

  /** Of which tokens it is made. */
  constructor(pooling: "last" | "mean") {
    this.#pooling = pooling;
  }

  /** Reads the rows of the chunk that the step computed; before `complete`. */
  read(sequence: Sequence, { states, rows }: StepOutput, firstRow: number): void {
    const size = states.length / rows;
    const { computedTokens, scheduledTokens } = sequence;
    const first = this.#pooling === "mean" ? computedTokens : sequence.length - 1;
    this.#sum ??= new Float64Array(size);
    for (let at = first; at < computedTokens + scheduledTokens; at++) {
      if (at < this.#read) continue;
      const begin = (firstRow + at - first) * size;
      for (let i = 0; i < size; i++) this.#sum[i]! += states[begin + i]!;
      this.#read = at + 1;
    }
  }

  /** The vector, of length 1. */
  values(): Float32Array {
    const sum = this.#sum!;
    const length = Math.sqrt(sum.reduce((total, value) => total + value * value, 0));
    return Float32Array.from(sum, (value) => length === 0 ? 0 : value / length);
  }
}
