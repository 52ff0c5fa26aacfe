// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SampledToken } from "../sampling/sampler.ts";
import type { CheckedParams } from "../sampling/sampling_params.ts";

/** What the thread that computes is asked for. */
export interface EngineRequest {
  /** Tells it from the others of the engine. */
  readonly id: number;
  /** Answers, log probabilities of the prompt alone, or what the output head sees. */
  readonly kind: "generate" | "score" | "embed";
  /** The prompt. */
  readonly tokens: Int32Array<ArrayBuffer>;
  /** How tokens are chosen and when an answer ends. */
  readonly params: CheckedParams;
  /** Lower is more urgent. */
  readonly priority: number;
  /** Only requests of the same salt share what is computed. */
  readonly salt: string;
  /** Whether special tokens are left out of the text. */
  readonly skipSpecialTokens: boolean;
  /** What of the prompt an embedding is made of. */
  readonly pooling: "last" | "mean";
}

/** Why an answer ended: a token or text that stops it, or its greatest length. */
export type FinishReason = "stop" | "length";

/** The end of an answer. */
export interface AnswerEnd {
  /** Why. */
  readonly finishReason: FinishReason;
  /** The token or the text of the request that stopped it; null for the model's own end. */
  readonly stopReason: number | string | null;
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Tokens of the prompt that the prefix cache had. */
  readonly cachedTokens: number;
  /** Tokens of the answer. */
  readonly completionTokens: number;
}

/** Told what becomes of requests, in order for each. What it is given, it must copy. */
export interface EngineSink {
  /** Tokens of an answer, with their log probabilities where asked for, and text. */
  delta(id: number, answer: number, tokens: readonly SampledToken[], text: string): void;
  /** An answer is complete. */
  end(id: number, answer: number, end: AnswerEnd): void;
  /** The prompt's log probabilities; its first token has none. */
  prompt(id: number, tokens: readonly SampledToken[]): void;
  /** What was asked for instead of an answer. */
  embedding(id: number, values: Float32Array): void;
  /** The request is over without an end. */
  failed(id: number, error: unknown): void;
}
