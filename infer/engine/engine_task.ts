// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StepOutput } from "../backend/backend.ts";
import type { SampledToken, Sampler } from "../sampling/sampler.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { Draft } from "../speculative/draft.ts";
import { followDraft, verifyDraft } from "../speculative/verify_draft.ts";
import type { Answer } from "./answer.ts";
import type { EngineRequest } from "./engine_request.ts";
import type { Embedding, PromptLogprobs } from "./prompt_readings.ts";
import type { Speculation } from "./speculation.ts";

/** A request on its way. */
export interface ActiveRequest {
  /** What was asked. */
  readonly request: EngineRequest;
  /** Its sequences that are not complete. */
  readonly tasks: Set<Task>;
  /** Answers that have no sequence yet: they are forked when the prompt is computed. */
  unforked: number;
}

/** What a sequence is computed for. */
export interface Task {
  /** Whose it is. */
  readonly active: ActiveRequest;
  /** It. */
  readonly sequence: Sequence;
  /** The answer that it becomes. */
  readonly answer: Answer | null;
  /** Reads the logits of the prompt. */
  readonly logprobs: PromptLogprobs | null;
  /** Reads the states of the prompt. */
  readonly embedding: Embedding | null;
  /** Whether something is read after every token of the prompt. */
  readonly readsAll: boolean;
  /** Guesses how it goes on. */
  readonly drafter: ReturnType<Speculation["sequence"]> | null;
  /** Its last guess. */
  draft: Draft;
  /** Which draw of the last step is the first of its own; -1 where nothing was chosen. */
  firstDraw: number;
}

/** A guess of nothing. */
export const NO_DRAFT: Draft = { tokens: [] };

/** After which of a sequence's tokens something is read in the step that is on its way. */
export function wantedLogits({ sequence, readsAll }: Task): "none" | "last" | "all" {
  const { computedTokens, promptLength, draftCount, isCaughtUp } = sequence;
  if (draftCount > 0 || readsAll && computedTokens < promptLength) return "all";
  return isCaughtUp ? "last" : "none";
}

function rowOf({ logits, rows }: StepOutput, row: number): Float32Array {
  const size = logits.length / rows;
  return logits.subarray(row * size, (row + 1) * size);
}

/** What a step gave for a sequence. */
export interface StepChoice {
  /** The token after so many of the drafts. */
  after(sampler: Sampler, drafts: number): SampledToken;
  /** The first token of another answer to the prompt. */
  forked(sampler: Sampler): SampledToken;
  /** Logits after each of the drafts, where they crossed the bus. */
  rows?(count: number): Float32Array[];
}

/** Chooses from rows of logits. */
export class RowChoice implements StepChoice {
  readonly #output: StepOutput;
  readonly #firstRow: number;
  readonly #position: number;

  /** `firstRow` is the row after the last token that is certain, of which there are `position`. */
  constructor(output: StepOutput, firstRow: number, position: number) {
    this.#output = output;
    this.#firstRow = firstRow;
    this.#position = position;
  }

  after(sampler: Sampler, drafts: number): SampledToken {
    return sampler.sample(rowOf(this.#output, this.#firstRow + drafts), this.#position + drafts);
  }

  forked(sampler: Sampler): SampledToken {
    // Sampling edits the row.
    return sampler.sample(rowOf(this.#output, this.#firstRow).slice(), this.#position);
  }

  rows(count: number): Float32Array[] {
    return Array.from({ length: count }, (_, i) => rowOf(this.#output, this.#firstRow + i));
  }
}

/**
 * Chooses what follows a sequence: the drafts that are right, and one token more. The sampler has
 * accepted them all.
 */
export function chooseTokens(
  { sequence, draft }: Task,
  answer: Answer,
  choice: StepChoice,
): readonly SampledToken[] {
  const { sampler } = answer;
  const { draftCount, length } = sequence;
  if (draftCount === 0) {
    const sampled = choice.after(sampler, 0);
    sampler.accept(sampled.token);
    return [sampled];
  }
  const isEnd = (token: number) => answer.isEnd(token);
  const { distributions } = draft;
  // The scheduler may have had no room for all of them.
  const tokens = draft.tokens.slice(0, draftCount);
  if (distributions === undefined || choice.rows === undefined) {
    return followDraft(sampler, tokens, isEnd, (i) => choice.after(sampler, i)).tokens;
  }
  const verified = { tokens, distributions: distributions.slice(0, draftCount) };
  return verifyDraft(sampler, choice.rows(draftCount + 1), verified, length, isEnd).tokens;
}
