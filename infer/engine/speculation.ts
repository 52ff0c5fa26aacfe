// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openModel } from "../model/open_model.ts";
import type { Drafter } from "../speculative/draft.ts";
import { DraftModel } from "../speculative/draft_model.ts";
import { PromptLookup } from "../speculative/prompt_lookup.ts";
import type { SpeculativeOptions } from "../speculative/speculative_options.ts";
import type { BackendPlan } from "./engine_plan.ts";
import { openBackend } from "./open_backend.ts";

/** Guesses for the sequences of an engine. */
export interface Speculation extends Disposable {
  /** Tokens of a guess. */
  readonly tokens: number;
  /** What guesses for one sequence; closed with it, where it can be. */
  sequence(): Drafter & { close?(): void };
}

const TOKENS_DEFAULT = 4;

/**
 * Makes what guesses.
 *
 * @throws {RangeError} when an option makes no sense, or the smaller model has another vocabulary
 */
export async function openSpeculation(
  options: SpeculativeOptions,
  plan: BackendPlan,
  vocabularySize: number,
): Promise<Speculation> {
  const { model, tokens = TOKENS_DEFAULT } = options;
  if (!Number.isSafeInteger(tokens) || tokens < 1) {
    throw new RangeError(`Cannot guess ${tokens} tokens: a whole number above 0 is needed`);
  }
  if (model === undefined) {
    const lookup = new PromptLookup(options);
    return { tokens, sequence: () => lookup, [Symbol.dispose]: () => {} };
  }
  using source = await openModel(model);
  if (source.config.vocabularySize !== vocabularySize) {
    const sizes = `${source.config.vocabularySize} tokens, not ${vocabularySize}`;
    throw new RangeError(`Cannot guess with ${model}: it has ${sizes}`);
  }
  // A small model gains nothing by several GPUs.
  const small = { ...plan, tensorParallel: 1 };
  const { backend } = await openBackend(source, small, () => small);
  const drafts = new DraftModel(backend, options);
  return { tokens, sequence: () => drafts.sequence(), [Symbol.dispose]: () => backend.close() };
}
