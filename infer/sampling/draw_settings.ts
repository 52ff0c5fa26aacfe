// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { LogitEdits } from "./logit_rules.ts";
import type { CheckedParams } from "./sampling_params.ts";

/** How one token is chosen, wherever that is done. */
export interface DrawSettings {
  /** `topK`, `topP`, `seed`, penalties, and whether log probabilities are wanted. */
  readonly params: CheckedParams;
  /** 0: the likeliest token. */
  readonly temperature: number;
  /** Logarithm of the least share of the likeliest token's probability. */
  readonly logMinP: number;
  /** Tokens of the sequence before it. */
  readonly position: number;
  /** Which of the answers to one prompt it is for. */
  readonly answer: number;
  /** What is done to the logits before. */
  readonly edits: LogitEdits;
}
