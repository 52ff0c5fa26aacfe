// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import type { JsonNode } from "./json_node.ts";
import { GROUP_SIZES } from "./group_quantize.ts";
import {
  CONFIG_LIMITS as LIMITS,
  configContradiction,
  familyOf,
  type GroupQuantization,
  type ModelConfig,
  type ModelFamily,
} from "./model_config.ts";
import { type RopeConfig, type RopeScaling, yarnAttentionFactor } from "./rope.ts";

/** Name that our files carry in `quantization_config.quant_method`. */
export const QUANTIZATION_METHOD = "photon";

const THETA_DEFAULT = 10_000;
const NORM_EPSILON_DEFAULT = 1e-6;
/** The default of transformers' Qwen3Config; Llama's is the hidden size by the heads. */
const QWEN3_HEAD_SIZE_DEFAULT = 128;
const FACTOR_MAX = 65_536;

/**
 * The configuration in a config.json of transformers: version 4 with `rope_theta` and
 * `rope_scaling`, version 5 with `rope_parameters`.
 *
 * What changes the arithmetic and is not supported (sliding windows, other activations, dynamic
 * RoPE) is an error that names it; everything else is ignored.
 *
 * @throws {ModelFileError} that names the member
 */
export function huggingFaceConfig(root: JsonNode): ModelConfig {
  const family = familyOf(root.member("model_type"));
  refuseUnsupported(root);
  const hiddenSize = root.member("hidden_size").integer(1, LIMITS.hiddenSize);
  const headCount = root.member("num_attention_heads").integer(1, LIMITS.headCount);
  const contextTokensMax = integerOr(
    root.member("max_position_embeddings"),
    family === "llama" ? 2048 : 32_768,
    LIMITS.contextTokensMax,
  );
  const config: ModelConfig = {
    family,
    hiddenSize,
    intermediateSize: root.member("intermediate_size").integer(1, LIMITS.intermediateSize),
    layerCount: root.member("num_hidden_layers").integer(1, LIMITS.layerCount),
    headCount,
    kvHeadCount: integerOr(root.member("num_key_value_heads"), headCount, LIMITS.headCount),
    headSize: headSizeOf(root.member("head_dim"), family, hiddenSize, headCount),
    vocabularySize: root.member("vocab_size").integer(1, LIMITS.vocabularySize),
    contextTokensMax,
    normEpsilon: numberOr(root.member("rms_norm_eps"), NORM_EPSILON_DEFAULT, 0, 1),
    rope: ropeOf(root, contextTokensMax),
    tiedEmbeddings: booleanOr(root.member("tie_word_embeddings"), false),
    attentionBias: booleanOr(root.member("attention_bias"), false),
    mlpBias: family === "llama" && booleanOr(root.member("mlp_bias"), false),
    bosTokenId: tokenIds(root.member("bos_token_id"))[0] ?? null,
    eosTokenIds: tokenIds(root.member("eos_token_id")),
    quantization: quantizationOf(root.member("quantization_config")),
  };
  const contradiction = configContradiction(config);
  if (contradiction !== undefined) throw new ModelFileError(root.file, "", contradiction);
  return config;
}

/** Token ids of a member that is a number, a list of numbers, or absent. */
export function tokenIds(node: JsonNode): number[] {
  if (node.isAbsent) return [];
  const nodes = Array.isArray(node.value) ? node.elements() : [node];
  return nodes.map((id) => id.integer(0, LIMITS.vocabularySize));
}

function refuseUnsupported(root: JsonNode): void {
  const activation = root.member("hidden_act");
  if (!activation.isAbsent && activation.text() !== "silu") {
    activation.fail(`is "${activation.text()}"; supported is silu`);
  }
  const sliding = root.member("use_sliding_window");
  if (booleanOr(sliding, false)) sliding.fail("is true; sliding windows are not supported");
  const layers = root.member("layer_types");
  if (layers.isAbsent) return;
  for (const layer of layers.elements()) {
    if (layer.text() !== "full_attention") {
      layer.fail(`is "${layer.text()}"; supported is full_attention`);
    }
  }
}

function headSizeOf(
  node: JsonNode,
  family: ModelFamily,
  hiddenSize: number,
  headCount: number,
): number {
  if (!node.isAbsent) return node.integer(2, LIMITS.headSize);
  if (family === "qwen3") return QWEN3_HEAD_SIZE_DEFAULT;
  const size = hiddenSize / headCount;
  if (Number.isInteger(size) && size <= LIMITS.headSize) return size;
  return node.fail(`is missing, and ${hiddenSize} / ${headCount} is no head size`);
}

function ropeOf(root: JsonNode, contextTokensMax: number): RopeConfig {
  const version5 = root.member("rope_parameters");
  const scaling = version5.isAbsent ? root.member("rope_scaling") : version5;
  if (scaling.isAbsent) {
    return { theta: thetaOf(root.member("rope_theta")), type: "default" };
  }
  const inner = scaling.member("rope_theta");
  const theta = thetaOf(inner.isAbsent ? root.member("rope_theta") : inner);
  const partial = scaling.member("partial_rotary_factor");
  if (numberOr(partial, 1, 0, 1) !== 1) partial.fail("is not 1; heads are rotated as a whole");
  return { theta, ...scalingOf(scaling, contextTokensMax) };
}

function thetaOf(node: JsonNode): number {
  return numberOr(node, THETA_DEFAULT, 1, 1e12);
}

function scalingOf(node: JsonNode, contextTokensMax: number): RopeScaling {
  const named = node.member("rope_type");
  const type = named.isAbsent ? node.member("type") : named;
  if (type.isAbsent) {
    if (node.member("full_attention").isAbsent) return { type: "default" };
    return node.fail("has a RoPE for each kind of layer, which is not supported");
  }
  const factor = node.member("factor");
  switch (type.text()) {
    case "default":
      return { type: "default" };
    case "linear":
      return { type: "linear", factor: factor.number(1 / FACTOR_MAX, FACTOR_MAX) };
    case "llama3":
      return llama3Of(node);
    case "yarn":
      return yarnOf(node, contextTokensMax);
  }
  return type.fail(`is "${type.text()}"; supported are default, linear, llama3 and yarn`);
}

function llama3Of(node: JsonNode): RopeScaling {
  const low = node.member("low_freq_factor").number(1 / FACTOR_MAX, FACTOR_MAX);
  const high = node.member("high_freq_factor");
  if (high.number(0, FACTOR_MAX) <= low) high.fail(`is not above low_freq_factor, ${low}`);
  const original = node.member("original_max_position_embeddings");
  return {
    type: "llama3",
    factor: node.member("factor").number(1 / FACTOR_MAX, FACTOR_MAX),
    lowFrequencyFactor: low,
    highFrequencyFactor: high.number(),
    originalContext: original.integer(1, LIMITS.contextTokensMax),
  };
}

function yarnOf(node: JsonNode, contextTokensMax: number): RopeScaling {
  const original = node.member("original_max_position_embeddings");
  const originalContext = integerOr(original, contextTokensMax, LIMITS.contextTokensMax);
  const factor = numberOr(
    node.member("factor"),
    contextTokensMax / originalContext,
    1 / FACTOR_MAX,
    FACTOR_MAX,
  );
  const mscale = numberOr(node.member("mscale"), 0, 0, FACTOR_MAX);
  const mscaleAll = numberOr(node.member("mscale_all_dim"), 0, 0, FACTOR_MAX);
  const implied = mscale > 0 && mscaleAll > 0
    ? yarnAttentionFactor(factor, mscale) / yarnAttentionFactor(factor, mscaleAll)
    : yarnAttentionFactor(factor);
  return {
    type: "yarn",
    factor,
    originalContext,
    betaFast: numberOr(node.member("beta_fast"), 32, 1 / FACTOR_MAX, FACTOR_MAX),
    betaSlow: numberOr(node.member("beta_slow"), 1, 1 / FACTOR_MAX, FACTOR_MAX),
    attentionFactor: numberOr(node.member("attention_factor"), implied, 0, FACTOR_MAX),
    truncate: booleanOr(node.member("truncate"), true),
  };
}

function quantizationOf(node: JsonNode): GroupQuantization | null {
  if (node.isAbsent) return null;
  const method = node.member("quant_method");
  if (method.text() !== QUANTIZATION_METHOD) {
    method.fail(`is "${method.text()}"; supported is ${QUANTIZATION_METHOD}`);
  }
  node.member("bits").integer(8, 8);
  const group = node.member("group_size");
  const groupSize = group.integer(1, LIMITS.hiddenSize);
  if (!GROUP_SIZES.includes(groupSize)) {
    group.fail(`is ${groupSize}; supported are ${GROUP_SIZES.join(", ")}`);
  }
  return { bits: 8, groupSize };
}

function integerOr(node: JsonNode, otherwise: number, most: number): number {
  return node.isAbsent ? otherwise : node.integer(1, most);
}

function numberOr(node: JsonNode, otherwise: number, least: number, most: number): number {
  return node.isAbsent ? otherwise : node.number(least, most);
}

function booleanOr(node: JsonNode, otherwise: boolean): boolean {
  return node.isAbsent ? otherwise : node.boolean();
}
