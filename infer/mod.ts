// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Inference of Llama 3.x and Qwen3 from Hugging Face files.
 *
 * Text goes in and out by a {@linkcode Tokenizer} and a {@linkcode ChatTemplate}, which
 * {@linkcode openTokenizer} reads from a model's directory:
 *
 * ```ts
 * import { openTokenizer } from "@photon/std/infer";
 *
 * export async function prompt(directory: string, question: string): Promise<Uint32Array> {
 *   const { tokenizer, chatTemplate } = await openTokenizer(directory);
 *   // A special token in the question stays text.
 *   return chatTemplate!.encode(tokenizer, [{ role: "user", content: question }]);
 * }
 * ```
 *
 * @module
 */
export { inspectModel } from "./inspect_model.ts";
export { ModelFileError } from "./model_file_error.ts";

export { type Backend, runStep, type StepOutput } from "./backend/backend.ts";
export { ReferenceBackend, type ReferenceBackendOptions } from "./backend/reference_backend.ts";
export { StepBatch, type StepBounds, type StepSequence } from "./backend/step_batch.ts";
export type { GenerationConfig } from "./model/generation_config.ts";
export { JsonNode } from "./model/json_node.ts";
export { loadWeights, type LoadWeightsOptions } from "./model/load_weights.ts";
export type { FloatMatrix, GroupMatrix, Matrix } from "./model/matrix.ts";
export type { GroupQuantization, ModelConfig, ModelFamily } from "./model/model_config.ts";
export type { ModelSource, TokenizerSource } from "./model/model_source.ts";
export type { LayerWeights, Linear, ModelWeights } from "./model/model_weights.ts";
export { openModel } from "./model/open_model.ts";
export { quantizeDirectory, type QuantizeOptions } from "./model/quantize_directory.ts";
export type {
  FactorScaling,
  Llama3Scaling,
  RopeConfig,
  RopeScaling,
  YarnScaling,
} from "./model/rope.ts";
export type { TensorInfo, TensorLayout, TensorType } from "./model/tensor.ts";
export { WeightFiles } from "./model/weight_files.ts";
export { type GgufWeightType, writeGguf, type WriteGgufOptions } from "./model/write_gguf.ts";
export type { ChatMessage, ChatToolCall } from "./chat/chat_message.ts";
export { type ChatOptions, ChatTemplate, type ChatTemplateOptions } from "./chat/chat_template.ts";
export { ChatTemplateError } from "./chat/chat_template_error.ts";
export { type OpenedTokenizer, openTokenizer } from "./chat/open_tokenizer.ts";
export type { AddedToken, Recognized } from "./tokenizer/added_tokens.ts";
export { type DecodeOptions, Detokenizer, type TokenBytes } from "./tokenizer/detokenizer.ts";
export { type DecodeTextOptions, type EncodeOptions, Tokenizer } from "./tokenizer/tokenizer.ts";
