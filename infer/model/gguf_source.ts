// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { decodeFloats } from "./float_format.ts";
import { generationConfig } from "./generation_config.ts";
import { type GgufHeader, readGgufHeader } from "./gguf_header.ts";
import { END_KEYS, ggufTokenizer, ggufTokenizerConfig } from "./gguf_tokenizer.ts";
import { JsonNode } from "./json_node.ts";
import {
  CONFIG_LIMITS as LIMITS,
  configContradiction,
  familyOf,
  type ModelConfig,
} from "./model_config.ts";
import { checkedPlan, type ModelSource } from "./model_source.ts";
import { type RopeScaling, yarnAttentionFactor } from "./rope.ts";
import type { TensorInfo } from "./tensor.ts";
import { WeightFiles } from "./weight_files.ts";
import { weightCount, weightPlan } from "./weight_plan.ts";

/**
 * Opens a GGUF file of Llama or Qwen3: F32, F16, BF16, Q8_0 and Q4_0.
 *
 * @throws {ModelFileError} that names file, key or tensor, and reason
 * @throws {Deno.errors.NotFound} when there is no such file
 */
export function openGguf(path: string): ModelSource {
  const files = new WeightFiles();
  try {
    const header = readGgufHeader(files, path);
    const config = ggufConfig(files, path, header);
    const source: ModelSource = {
      path,
      format: "gguf",
      config,
      generation: generationConfig(null, config),
      tensors: renamed(path, header, config),
      rotaryRows: config.family === "llama" ? "pairs" : "halves",
      tokenizer: () => Promise.resolve(ggufTokenizer(path, header.metadata)),
      tokenizerConfig: () => Promise.resolve(ggufTokenizerConfig(path, header.metadata)),
      chatTemplate: () => Promise.resolve(null),
      files,
      [Symbol.dispose]: () => files.close(),
    };
    checkedPlan(source);
    return source;
  } catch (error) {
    files.close();
    throw error;
  }
}

/** The tensors by the names that Hugging Face gives them. */
function renamed(path: string, header: GgufHeader, config: ModelConfig): Map<string, TensorInfo> {
  if (weightCount(config) > header.tensors.size) {
    const reason = `has ${header.tensors.size} tensors; its metadata needs ${weightCount(config)}`;
    throw new ModelFileError(path, "", reason);
  }
  const names = new Map(weightPlan(config).map(({ ggufName, name }) => [ggufName, name]));
  return new Map([...header.tensors.values()].map((tensor) => {
    return [names.get(tensor.name) ?? tensor.name, tensor];
  }));
}

function ggufConfig(files: WeightFiles, path: string, header: GgufHeader): ModelConfig {
  const { metadata, tensors } = header;
  const node = (key: string) => new JsonNode(path, key, metadata.get(key));
  const family = familyOf(node("general.architecture"));
  const own = (key: string) => node(`${family}.${key}`);
  const optional = (node: JsonNode, otherwise: number, most: number) =>
    node.isAbsent ? otherwise : node.integer(1, most);
  const hiddenSize = own("embedding_length").integer(1, LIMITS.hiddenSize);
  const headCount = own("attention.head_count").integer(1, LIMITS.headCount);
  const contextTokensMax = own("context_length").integer(1, LIMITS.contextTokensMax);
  const headSize = optional(own("attention.key_length"), hiddenSize / headCount, LIMITS.headSize);
  const config: ModelConfig = {
    family,
    hiddenSize,
    intermediateSize: own("feed_forward_length").integer(1, LIMITS.intermediateSize),
    layerCount: own("block_count").integer(1, LIMITS.layerCount),
    headCount,
    kvHeadCount: optional(own("attention.head_count_kv"), headCount, LIMITS.headCount),
    headSize,
    vocabularySize: vocabularySize(path, tensors),
    contextTokensMax,
    normEpsilon: own("attention.layer_norm_rms_epsilon").number(0, 1),
    rope: {
      theta: own("rope.freq_base").isAbsent ? 10_000 : own("rope.freq_base").number(1, 1e12),
      ...scalingOf(own, files, tensors.get("rope_freqs.weight"), headSize, contextTokensMax),
    },
    tiedEmbeddings: !tensors.has("output.weight"),
    attentionBias: tensors.has("blk.0.attn_q.bias"),
    mlpBias: tensors.has("blk.0.ffn_gate.bias"),
    bosTokenId: tokenId(node("tokenizer.ggml.bos_token_id")) ?? null,
    eosTokenIds: endTokens(node),
    quantization: null,
  };
  checkHeads(own, config);
  const contradiction = configContradiction(config);
  if (contradiction !== undefined) throw new ModelFileError(path, "", contradiction);
  return config;
}

function vocabularySize(path: string, tensors: GgufHeader["tensors"]): number {
  const size = tensors.get("token_embd.weight")?.shape[0];
  if (size !== undefined && size >= 1 && size <= LIMITS.vocabularySize) return size;
  throw new ModelFileError(path, "token_embd.weight", size ? `has ${size} rows` : "is missing");
}

function checkHeads(own: (key: string) => JsonNode, config: ModelConfig): void {
  for (const key of ["attention.value_length", "rope.dimension_count"]) {
    const node = own(key);
    if (!node.isAbsent && node.integer(1, LIMITS.headSize) !== config.headSize) {
      node.fail(`is not the size of a head, ${config.headSize}`);
    }
  }
  const experts = own("expert_count");
  if (!experts.isAbsent && experts.integer(0, 65_536) > 0) {
    experts.fail("is not 0; mixtures of experts are not supported");
  }
}

function scalingOf(
  own: (key: string) => JsonNode,
  files: WeightFiles,
  stored: TensorInfo | undefined,
  headSize: number,
  contextTokensMax: number,
): RopeScaling {
  if (stored !== undefined) {
    return { type: "factors", factors: readFactors(files, stored, headSize) };
  }
  const type = own("rope.scaling.type");
  if (type.isAbsent || type.text() === "none") return { type: "default" };
  const factor = own("rope.scaling.factor").number(1 / 65_536, 65_536);
  if (type.text() === "linear") return { type: "linear", factor };
  if (type.text() !== "yarn") {
    return type.fail(`is "${type.text()}"; supported are none, linear and yarn`);
  }
  const original = own("rope.scaling.original_context_length");
  const scale = own("rope.scaling.attn_factor");
  return {
    type: "yarn",
    factor,
    originalContext: original.isAbsent
      ? contextTokensMax
      : original.integer(1, LIMITS.contextTokensMax),
    // Llama.cpp reads these for other families only.
    betaFast: 32,
    betaSlow: 1,
    attentionFactor: (scale.isAbsent ? 1 : scale.number(0, 65_536)) * yarnAttentionFactor(factor),
    truncate: true,
  };
}

function readFactors(files: WeightFiles, tensor: TensorInfo, headSize: number): Float32Array {
  const { file, name, type, shape } = tensor;
  if (type !== "F32" || shape.length !== 1 || shape[0] !== headSize / 2) {
    throw new ModelFileError(file, name, `is ${type} [${shape}], not F32 [${headSize / 2}]`);
  }
  const factors = decodeFloats("F32", files.readTensor(tensor));
  const wrong = factors.find((factor) => !(factor > 0 && factor < Infinity));
  if (wrong === undefined) return factors;
  throw new ModelFileError(file, name, `holds ${wrong}, which frequencies cannot be divided by`);
}

function endTokens(node: (key: string) => JsonNode): number[] {
  const ids = END_KEYS.map((key) => tokenId(node(`tokenizer.ggml.${key}`)));
  return [...new Set(ids.filter((id) => id !== undefined))];
}

function tokenId(node: JsonNode): number | undefined {
  return node.isAbsent ? undefined : node.integer(0, LIMITS.vocabularySize);
}
