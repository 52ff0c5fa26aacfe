// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StepOutput } from "../backend/backend.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import type { Draft } from "../speculative/draft.ts";
import { verifyDraft } from "../speculative/verify_draft.ts";
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
}

/** A guess of nothing. */
export const NO_DRAFT: Draft = { tokens: [] };

/** After which of a sequence's tokens something is read in the step that is on its way. */
export function wantedLogits({ sequence, readsAll }: Task): "none" | "last" | "all" {
  const { computedTokens, promptLength, draftCount, isCaughtUp } = sequence;
  if (draftCount > 0 || readsAll && computedTokens < promptLength) return "all";
  return isCaughtUp ? "last" : "none";
}

/** A row of logits, as the backend has it. */
export function rowOf({ logits, rows }: StepOutput, row: number): Float32Array {
  const size = logits.length / rows;
  return logits.subarray(row * size, (row + 1) * size);
}

/**
 * Chooses what follows a sequence: the drafts that are right, and one token more. The sampler has
 * accepted them all.
 *
 * @param firstRow the row after the last token that is certain
 */
export function chooseTokens(
  { sequence, draft }: Task,
  answer: Answer,
  output: StepOutput,
  firstRow: number,
): readonly SampledToken[] {
  const { sampler } = answer;
  const { draftCount, length } = sequence;
  if (draftCount === 0) {
    const sampled = sampler.sample(rowOf(output, firstRow), length);
    sampler.accept(sampled.token);
    return [sampled];
  }
  const rows = Array.from({ length: draftCount + 1 }, (_, i) => rowOf(output, firstRow + i));
  const { distributions } = draft;
  // The scheduler may have had no room for all of them.
  const verified: Draft = {
    tokens: draft.tokens.slice(0, draftCount),
    ...(distributions && { distributions: distributions.slice(0, draftCount) }),
  };
  return verifyDraft(sampler, rows, verified, length, (token) => answer.isEnd(token)).tokens;
}
