// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What is measured: tokens of a prompt at once, or steps of so many sequences in lock-step. */
export type InferCase =
  | { readonly kind: "prefill"; readonly tokens: number; readonly repeats: number }
  | { readonly kind: "decode"; readonly batch: number; readonly steps: number };

/** What a subject answers. */
export interface InferAnswer {
  readonly tokens: number;
  readonly seconds: number;
  /** Times that the weights were gone through. */
  readonly steps: number;
  /** Prefill only: lateness of a 1 ms timer meanwhile, the 99th percentile. */
  readonly timerP99Ms?: number;
}

/** The cases. */
// Data: by their names; so many steps that each takes a second or two.
// deno-fmt-ignore
export const INFER_CASES: Record<string, InferCase> = {
  "decode b1":   { kind: "decode",  batch: 1,    steps: 24 },
  "decode b4":   { kind: "decode",  batch: 4,    steps: 16 },
  "decode b8":   { kind: "decode",  batch: 8,    steps: 10 },
  "decode b16":  { kind: "decode",  batch: 16,   steps: 6 },
  "prefill 128": { kind: "prefill", tokens: 128, repeats: 1 },
  "prefill 512": { kind: "prefill", tokens: 512, repeats: 1 },
};

/** Sizes of batches, each with sequences of its own. */
export const BATCHES: readonly number[] = [1, 4, 8, 16];
/** Tokens that a sequence has before its first measured step. */
export const PROMPT_TOKENS = 8;
/** Longest context of a sequence. */
export const CONTEXT_TOKENS = 1024;
/** Longest prompt. */
export const PREFILL_TOKENS_MAX = 512;

/** Tokens of a prompt, the same for all subjects. */
export function promptTokens(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => 10 + (i * 37 + seed * 101) % 200);
}
