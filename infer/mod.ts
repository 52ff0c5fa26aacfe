// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Inference of Llama 3.x and Qwen3 from Hugging Face files.
 *
 * Two backends compute: {@linkcode NativeBackend} in C, on threads of its own, once `deno
 * task build` has compiled it; and {@linkcode ReferenceBackend}, which needs nothing.
 *
 * An {@linkcode Engine} answers many requests at a time, in a worker of its own:
 *
 * ```ts
 * import { Engine } from "@photon/std/infer";
 *
 * await using engine = await Engine.load("tests/fixtures/infer/models/llama-tied-default");
 * const question = [{ role: "user", content: "the cat" }];
 * const answers = await Promise.all([
 *   engine.generate(question, { maxTokens: 16, seed: 1 }),
 *   engine.generate("the dog", { maxTokens: 16, stop: "." }),
 * ]);
 * answers.map(({ text, finishReason, usage }) => [text, finishReason, usage.totalTokens]);
 * ```
 *
 * Its parts can be had one by one. A model is opened, its weights are loaded into a
 * {@linkcode Backend}, and a {@linkcode Tokenizer} and a {@linkcode ChatTemplate} turn text into
 * tokens and back:
 *
 * ```ts
 * import { loadWeights, openModel, openTokenizer } from "@photon/std/infer";
 * import { ReferenceBackend, runStep, StepBatch } from "@photon/std/infer";
 *
 * using source = await openModel("tests/fixtures/infer/models/llama-tied-default");
 * const { tokenizer, chatTemplate } = await openTokenizer(source);
 * const bounds = { tokensMax: 64, sequencesMax: 1, blocksPerSequenceMax: 8, blockTokens: 16 };
 * using backend = new ReferenceBackend(await loadWeights(source), { bounds, blockCount: 8 });
 *
 * // A special token in the question stays text.
 * const question = [{ role: "user", content: "the cat <|eot_id|>" }];
 * let tokens: ArrayLike<number> = chatTemplate!.encode(tokenizer, question);
 * const [batch, blocks] = [new StepBatch(bounds), [0, 1, 2, 3, 4, 5, 6, 7]];
 * const detokenizer = tokenizer.detokenizer({ skipSpecialTokens: true });
 * let [answer, computedTokens] = ["", 0];
 * while (computedTokens < 80) {
 *   batch.clear();
 *   batch.add({ tokens, computedTokens, blocks, logits: "last" });
 *   const { logits } = runStep(backend, batch);
 *   computedTokens += tokens.length;
 *   const likeliest = logits.indexOf(Math.max(...logits));
 *   if (source.generation.eosTokenIds.includes(likeliest)) break;
 *   answer += detokenizer.push(likeliest);
 *   tokens = [likeliest];
 * }
 * answer += detokenizer.flush();
 * ```
 *
 * @module
 */
export { demoModelPath } from "./demo_model.ts";
export { inspectModel } from "./inspect_model.ts";
export { ModelFileError } from "./model_file_error.ts";

export {
  type Backend,
  type BackendMemory,
  type KvType,
  runStep,
  type StepOutput,
} from "./backend/backend.ts";
export type { DrawBatch } from "./backend/draw_batch.ts";
export type { Drawing, DrawOutput } from "./backend/drawing.ts";
export {
  NativeBackend,
  type NativeBackendOptions,
  type NativeBackendSize,
  type NativeLoadOptions,
} from "./backend/native_backend.ts";
export type {
  CudaCommunicator,
  CudaPath,
  DeviceDescription,
  InstructionPath,
  NativeDevice,
  NativeDeviceOptions,
} from "./backend/native_device.ts";
export { NATIVE_SYMBOLS, type NativeCalls, type NativeKind } from "./backend/native_library.ts";
export type { NativeWeights } from "./backend/native_weights.ts";
export { ReferenceBackend, type ReferenceBackendOptions } from "./backend/reference_backend.ts";
export { StepBatch, type StepBounds, type StepSequence } from "./backend/step_batch.ts";
export {
  type EmbedOptions,
  Engine,
  type GenerateOptions,
  type RequestOptions,
  type Score,
} from "./engine/engine.ts";
export type { EngineOptions } from "./engine/engine_options.ts";
export type { BackendChoice, BackendPlan } from "./engine/engine_plan.ts";
export type { Prompt } from "./engine/engine_prompt.ts";
export type { FinishReason } from "./engine/engine_request.ts";
export type { EngineStats } from "./engine/engine_statistics.ts";
export type {
  GeneratedAnswer,
  Generation,
  GenerationDelta,
  GenerationResult,
  TokenUsage,
} from "./engine/generation.ts";
export type { OpenBackend } from "./engine/open_backend.ts";
export type { SpeculativeOptions } from "./speculative/speculative_options.ts";
export { GrammarError } from "./grammar/grammar_node.ts";
export { GrammarCompiler, type StructuredOutput } from "./grammar/structured_output.ts";
export type { TokenMatcher } from "./grammar/token_matcher.ts";
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
export type { SchedulerBounds } from "./scheduler/scheduler_bounds.ts";
export type { TensorInfo, TensorLayout, TensorType } from "./model/tensor.ts";
export { WeightFiles } from "./model/weight_files.ts";
export { type GgufWeightType, writeGguf, type WriteGgufOptions } from "./model/write_gguf.ts";
export type { ChatMessage, ChatToolCall } from "./chat/chat_message.ts";
export { type ChatOptions, ChatTemplate, type ChatTemplateOptions } from "./chat/chat_template.ts";
export { ChatTemplateError } from "./chat/chat_template_error.ts";
export { type OpenedTokenizer, openTokenizer } from "./chat/open_tokenizer.ts";
export {
  type Draft,
  DraftAcceptance,
  type Drafter,
  type TokenDistribution,
} from "./speculative/draft.ts";
export {
  type DraftMethod,
  DraftModel,
  type DraftModelOptions,
  type DraftSequence,
} from "./speculative/draft_model.ts";
export { PromptLookup, type PromptLookupOptions } from "./speculative/prompt_lookup.ts";
export { type VerifiedDraft, verifyDraft } from "./speculative/verify_draft.ts";
export type { AddedToken, Recognized } from "./tokenizer/added_tokens.ts";
export { type DecodeOptions, Detokenizer, type TokenBytes } from "./tokenizer/detokenizer.ts";
export { type DecodeTextOptions, type EncodeOptions, Tokenizer } from "./tokenizer/tokenizer.ts";
export type { Candidates } from "./sampling/candidates.ts";
export type { DrawSettings } from "./sampling/draw_settings.ts";
export type { LogitEdits } from "./sampling/logit_rules.ts";
export { logprobsOf, type TokenLogprob } from "./sampling/log_probabilities.ts";
export {
  createSampler,
  type SampledToken,
  type Sampler,
  type SamplerOptions,
} from "./sampling/sampler.ts";
export {
  ANSWERS_MAX,
  type CheckedParams,
  checkSamplingParams,
  LOGPROBS_MAX,
  type SamplingParams,
  STOP_STRING_UNITS_MAX,
  STOP_STRINGS_MAX,
} from "./sampling/sampling_params.ts";
export { StopStrings } from "./sampling/stop_strings.ts";
