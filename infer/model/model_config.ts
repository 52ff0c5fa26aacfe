// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { JsonNode } from "./json_node.ts";
import type { RopeConfig } from "./rope.ts";

/** What the arithmetic of a model needs to know; the same from config.json and from GGUF. */
export interface ModelConfig {
  /** Which architecture. */
  readonly family: ModelFamily;
  /** Width of the residual stream. */
  readonly hiddenSize: number;
  /** Width inside the feed-forward network. */
  readonly intermediateSize: number;
  /** Transformer layers. */
  readonly layerCount: number;
  /** Query heads. */
  readonly headCount: number;
  /** Key and value heads; each serves `headCount / kvHeadCount` query heads. */
  readonly kvHeadCount: number;
  /** Width of a head; `headCount * headSize` may differ from `hiddenSize`. */
  readonly headSize: number;
  /** Rows of the embedding, which may be more than the tokenizer has tokens. */
  readonly vocabularySize: number;
  /** Most tokens of a sequence. */
  readonly contextTokensMax: number;
  /** Added to the mean square by RMSNorm. */
  readonly normEpsilon: number;
  /** How positions become angles. */
  readonly rope: RopeConfig;
  /** Whether the output head is the embedding. */
  readonly tiedEmbeddings: boolean;
  /** Whether queries, keys, values and the output of the attention have biases. */
  readonly attentionBias: boolean;
  /** Whether the feed-forward network has biases. */
  readonly mlpBias: boolean;
  /** Token that begins a text, where the model has one. */
  readonly bosTokenId: number | null;
  /** Tokens that end a text, as the model's own configuration says. */
  readonly eosTokenIds: readonly number[];
  /** How the weights of the file are quantised; null for floating point. */
  readonly quantization: GroupQuantization | null;
}

/** Architectures that are understood. */
export type ModelFamily = "llama" | "qwen3";

/** The architectures, as config.json and GGUF name them. */
export const MODEL_FAMILIES: readonly ModelFamily[] = ["llama", "qwen3"];

/**
 * The family that a file names.
 *
 * @throws {ModelFileError} when it is another
 */
export function familyOf(node: JsonNode): ModelFamily {
  const name = node.text();
  const family = MODEL_FAMILIES.find((family) => family === name);
  return family ?? node.fail(`is "${name}"; supported are ${MODEL_FAMILIES.join(" and ")}`);
}

/** INT8 in groups along the rows of a matrix, one scale a group. */
export interface GroupQuantization {
  /** Bits of a level. */
  readonly bits: 8;
  /** Weights that share a scale. */
  readonly groupSize: number;
}

/** Largest sizes that are believed; a file that says more is taken for damaged. */
// Data: ten times and more what the largest dense models have.
// deno-fmt-ignore
export const CONFIG_LIMITS = {
  hiddenSize:       131_072,
  intermediateSize: 1_048_576,
  layerCount:       1_024,
  headCount:        4_096,
  headSize:         1_024,
  vocabularySize:   4_194_304,
  contextTokensMax: 16_777_216,
} as const;

/** Why the sizes cannot belong together, or undefined where they can. */
export function configContradiction(config: ModelConfig): string | undefined {
  const { headCount, kvHeadCount, headSize, vocabularySize } = config;
  if (kvHeadCount > headCount || headCount % kvHeadCount !== 0) {
    return `${headCount} query heads cannot share ${kvHeadCount} key-value heads`;
  }
  if (headSize % 2 !== 0) return `a head of ${headSize} has no pairs to rotate`;
  const ids = [...config.eosTokenIds, config.bosTokenId ?? 0];
  const outside = ids.find((id) => id >= vocabularySize);
  if (outside !== undefined) {
    return `token ${outside} is outside the vocabulary of ${vocabularySize}`;
  }
  return undefined;
}
