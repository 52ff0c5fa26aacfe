// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Matrix } from "./matrix.ts";
import type { ModelConfig } from "./model_config.ts";

/** All weights of a model, in memory. */
export interface ModelWeights {
  /** Its sizes. */
  readonly config: ModelConfig;
  /** A row a token. */
  readonly embedding: Matrix;
  /** From the embedding to the output. */
  readonly layers: readonly LayerWeights[];
  /** Of the residual stream before the output head. */
  readonly finalNorm: Float32Array;
  /** The embedding itself where the two are tied. */
  readonly head: Matrix;
}

/** A matrix and the bias that is added to its outputs. */
export interface Linear {
  /** From inputs to outputs. */
  readonly matrix: Matrix;
  /** One number an output; null for none. */
  readonly bias: Float32Array | null;
}

/** The weights of a layer. */
export interface LayerWeights {
  /** Of the residual stream before the attention. */
  readonly attentionNorm: Float32Array;
  /** To the queries of all heads. */
  readonly query: Linear;
  /** To the keys of all key-value heads. */
  readonly key: Linear;
  /** To the values of all key-value heads. */
  readonly value: Linear;
  /** Qwen3 only: of each head's queries. */
  readonly queryNorm: Float32Array | null;
  /** Qwen3 only: of each head's keys. */
  readonly keyNorm: Float32Array | null;
  /** From what the heads found back to the residual stream. */
  readonly output: Linear;
  /** Of the residual stream before the feed-forward network. */
  readonly mlpNorm: Float32Array;
  /** To what opens and closes the inner numbers. */
  readonly gate: Linear;
  /** To the inner numbers. */
  readonly up: Linear;
  /** From the inner numbers back to the residual stream. */
  readonly down: Linear;
}
