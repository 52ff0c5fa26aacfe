// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { tokenIds } from "./huggingface_config.ts";
import type { JsonNode } from "./json_node.ts";
import type { ModelConfig } from "./model_config.ts";

/** How a model's makers want it sampled; what they leave open is absent. */
export interface GenerationConfig {
  /** Tokens that end an answer: of the configuration and of generation_config.json together. */
  readonly eosTokenIds: readonly number[];
  /** What logits are divided by; 0 is greedy. */
  readonly temperature?: number;
  /** Only so many of the likeliest tokens; 0 is all. */
  readonly topK?: number;
  /** Only the likeliest tokens that together have this probability. */
  readonly topP?: number;
  /** Only tokens with this share of the probability of the likeliest. */
  readonly minP?: number;
  /** What the logits of tokens that were there already are divided by. */
  readonly repetitionPenalty?: number;
}

// Data: what is taken from generation_config.json, with the least and most that is believed.
// deno-fmt-ignore
const SAMPLING = [
  { member: "temperature",        name: "temperature",       least: 0, most: 100 },
  { member: "top_k",              name: "topK",              least: 0, most: 4_194_304 },
  { member: "top_p",              name: "topP",              least: 0, most: 1 },
  { member: "min_p",              name: "minP",              least: 0, most: 1 },
  { member: "repetition_penalty", name: "repetitionPenalty", least: 0, most: 100 },
] as const;

/** What a `top_p` of 0 is read as: the likeliest token alone is kept, as by transformers. */
const TOP_P_LEAST = 1e-6;

/**
 * What generation_config.json says, for a model; without the file (null) what the model's
 * configuration says of the end of a text. Greedy models (`do_sample` false) get temperature 0.
 *
 * @throws {ModelFileError} that names the member
 */
export function generationConfig(root: JsonNode | null, config: ModelConfig): GenerationConfig {
  const eosTokenIds = new Set(config.eosTokenIds);
  if (root === null) return { eosTokenIds: [...eosTokenIds] };
  const eos = root.member("eos_token_id");
  for (const id of tokenIds(eos)) {
    if (id >= config.vocabularySize) {
      eos.fail(`names token ${id}, outside the vocabulary of ${config.vocabularySize}`);
    }
    eosTokenIds.add(id);
  }
  const sampling: Partial<Record<(typeof SAMPLING)[number]["name"], number>> = {};
  for (const { member, name, least, most } of SAMPLING) {
    const node = root.member(member);
    if (!node.isAbsent) sampling[name] = node.number(least, most);
  }
  if (sampling.topP === 0) sampling.topP = TOP_P_LEAST;
  // transformers refuses it as well, with the first request.
  if (sampling.repetitionPenalty === 0) root.member("repetition_penalty").fail("is 0");
  const sample = root.member("do_sample");
  if (!sample.isAbsent && !sample.boolean()) sampling.temperature = 0;
  return { eosTokenIds: [...eosTokenIds], ...sampling };
}
