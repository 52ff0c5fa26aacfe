// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Sampler } from "../sampling/sampler.ts";

/** Probabilities of the tokens that have one. */
export interface TokenDistribution {
  /** The tokens. */
  readonly ids: Uint32Array;
  /** Their probabilities, which sum to 1. */
  readonly probabilities: Float64Array;
}

/** Tokens that a sequence may go on with, to be verified all in one step of the model. */
export interface Draft {
  /** The tokens, in order; none where there is no guess. */
  readonly tokens: readonly number[];
  /** What each was drawn from, for rejection sampling; absent where they are plain guesses. */
  readonly distributions?: readonly TokenDistribution[];
}

/** Guesses how one sequence goes on. */
export interface Drafter {
  /**
   * Guesses up to `count` tokens.
   *
   * @param tokens the sequence, prompt and output
   * @param sampler that of the sequence; it is not changed
   */
  propose(tokens: ArrayLike<number>, count: number, sampler: Sampler): Draft;
}

/**
 * How drafts fared; the names of the numbers are those of vLLM's metrics.
 *
 * @example Two of three were right
 * ```ts
 * import { DraftAcceptance } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const acceptance = new DraftAcceptance();
 * acceptance.note(3, 2);
 * assertEquals(acceptance.acceptedPerPosition, [1, 1]);
 * ```
 */
export class DraftAcceptance {
  /** Drafts that were verified. */
  drafts = 0;
  /** Their tokens. */
  draftTokens = 0;
  /** Tokens of them that the output went on with. */
  acceptedTokens = 0;
  /** The same by their place in the draft. */
  readonly acceptedPerPosition: number[] = [];

  /** Share of the tokens of drafts that were accepted; 0 before there was one. */
  get rate(): number {
    return this.draftTokens === 0 ? 0 : this.acceptedTokens / this.draftTokens;
  }

  /** Counts a draft. */
  note(draftTokens: number, acceptedTokens: number): void {
    if (draftTokens === 0) return;
    this.drafts++;
    this.draftTokens += draftTokens;
    this.acceptedTokens += acceptedTokens;
    for (let i = 0; i < acceptedTokens; i++) {
      this.acceptedPerPosition[i] = (this.acceptedPerPosition[i] ?? 0) + 1;
    }
  }
}
