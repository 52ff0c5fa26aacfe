// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { DraftModelOptions } from "./draft_model.ts";
import type { PromptLookupOptions } from "./prompt_lookup.ts";

/**
 * How tokens are guessed, of which the model then looks at several in one step: by what the text
 * has said before, or by a smaller model. What answers say is not changed by it.
 */
export interface SpeculativeOptions extends PromptLookupOptions, DraftModelOptions {
  /** A smaller model with the same vocabulary; where absent, earlier text is looked up. */
  readonly model?: string;
  /**
   * Tokens of a guess.
   *
   * @default {4}
   */
  readonly tokens?: number;
}
