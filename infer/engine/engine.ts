// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { BackendMemory } from "../backend/backend.ts";
import type { ChatMessage } from "../chat/chat_message.ts";
import type { ChatOptions, ChatTemplate } from "../chat/chat_template.ts";
import { type OpenedTokenizer, openTokenizer } from "../chat/open_tokenizer.ts";
import type { GenerationConfig } from "../model/generation_config.ts";
import type { ModelConfig } from "../model/model_config.ts";
import { openModel } from "../model/open_model.ts";
import type { SampledToken } from "../sampling/sampler.ts";
import {
  checkSamplingParams,
  type SamplingParams,
  withoutAbsent,
} from "../sampling/sampling_params.ts";
import type { EncodeOptions, Tokenizer } from "../tokenizer/tokenizer.ts";
import { checkEngineOptions, type EngineOptions, type PlainOptions } from "./engine_options.ts";
import { type Prompt, type PromptOptions, tokensOf } from "./engine_prompt.ts";
import type { LoadedEngine } from "./engine_protocol.ts";
import type { EngineRequest } from "./engine_request.ts";
import type { EngineStats } from "./engine_statistics.ts";
import { EngineThread, type RequestListener } from "./engine_thread.ts";
import { type Generation, GenerationStream } from "./generation.ts";

/** What every request may say beside its prompt. */
export interface RequestOptions {
  /** Gives the request up: its blocks are free within a step, and it rejects with the reason. */
  signal?: AbortSignal;
  /**
   * Lower is more urgent.
   *
   * @default {0}
   */
  priority?: number;
  /**
   * Only requests of the same salt use what was computed for each other, so that none can tell by
   * its speed what another has asked.
   *
   * @default {""}
   */
  cacheSalt?: string;
  /** How a prompt that is a text becomes tokens. */
  encoding?: EncodeOptions;
}

/** How an answer is made; what is left open, the model's own configuration says. */
export interface GenerateOptions extends SamplingParams, RequestOptions {
  /**
   * Whether special tokens are left out of the text.
   *
   * @default {true}
   */
  skipSpecialTokens?: boolean;
  /** How a conversation is rendered: tools, thinking, variables of the template. */
  chat?: ChatOptions;
}

// Data: what of a request, and of a model's configuration, says nothing about the next token.
const NOT_SAMPLING = [
  ...["signal", "priority", "cacheSalt", "encoding", "skipSpecialTokens", "chat", "eosTokenIds"],
];

/** How an embedding is made. */
export interface EmbedOptions extends RequestOptions {
  /**
   * What the vector is of: what the output head sees of the last token, or the mean of all.
   *
   * @default {"last"}
   */
  pooling?: "last" | "mean";
}

/** How likely a text is to the model. */
export interface Score {
  /** Its tokens with their log probabilities; the first of a text without a context has none. */
  readonly tokens: readonly SampledToken[];
  /** The sum of those. */
  readonly logprob: number;
  /** `exp` of minus their mean; NaN when there is none. */
  readonly perplexity: number;
}

/**
 * A model that answers: many requests at a time, computed together, in a worker of its own, so that
 * the caller's event loop stays free.
 *
 * The process stays until the engine is closed. It needs the permission to read the model, and the
 * files of this library.
 *
 * @example An answer as it comes, and as a whole
 * ```ts
 * import { Engine } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * await using engine = await Engine.load("tests/fixtures/infer/models/llama-tied-default");
 * let text = "";
 * for await (const delta of engine.generate("the cat", { temperature: 0, maxTokens: 8 })) {
 *   text += delta.text;
 * }
 * const whole = await engine.generate("the cat", { temperature: 0, maxTokens: 8 });
 * assertEquals(text, whole.text);
 * ```
 */
export class Engine implements AsyncDisposable {
  #opened: OpenedEngine | null = null;
  #lastId = 0;
  #closing: Promise<void> | null = null;

  /**
   * Loads a model: a directory in Hugging Face's layout, or a GGUF file.
   *
   * @throws {ModelFileError} when the files are wrong
   * @throws {RangeError} when an option makes no sense
   * @throws {Deno.errors.NotFound} when there is no such model, or no native library where that is
   * asked for
   */
  static async load(path: string, options: EngineOptions = {}): Promise<Engine> {
    const engine = new Engine();
    engine.#opened = await openEngine(path, checkEngineOptions(options));
    return engine;
  }

  /** What the model is. */
  get config(): ModelConfig {
    return this.#loaded.config;
  }

  /** How its makers want it sampled. */
  get generation(): GenerationConfig {
    return this.#loaded.generation;
  }

  /** Text to tokens and back. */
  get tokenizer(): Tokenizer {
    return this.#loaded.text.tokenizer;
  }

  /** How a conversation is written; undefined where the model has no template. */
  get chatTemplate(): ChatTemplate | undefined {
    return this.#loaded.text.chatTemplate;
  }

  /** What computes, and why nothing faster does. */
  get backend(): string {
    return this.#loaded.description;
  }

  /**
   * Memory that was taken where the model is computed, when it was loaded, without that of a
   * smaller model that guesses; undefined in plain TypeScript.
   */
  get memory(): BackendMemory | undefined {
    return this.#loaded.memory;
  }

  /** Most tokens of a sequence, prompt and answer. */
  get contextTokensMax(): number {
    const { bounds: { blocksPerSequenceMax, blockTokens } } = this.#loaded.plan;
    return Math.min(this.config.contextTokensMax, blocksPerSequenceMax * blockTokens);
  }

  /**
   * Answers a text, tokens, or a conversation, which the model's template renders.
   *
   * What is wrong with the request, the generation rejects with: `RangeError` for a parameter or a
   * prompt that is too long, `ChatTemplateError` for a conversation that the template refuses,
   * `Deno.errors.Busy` when there are too many requests, `WorkerDied` when the worker ends.
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): Generation {
    const id = this.#nextId();
    const abort = () => this.#opened?.thread.abort(id);
    try {
      const request = this.#generateRequest(id, prompt, options);
      const { n, logprobs } = request.params;
      const generation = new GenerationStream(n, logprobs !== undefined, abort);
      const over = this.#start(request, generation.listener(), options.signal);
      generation.then(over, over);
      return generation;
    } catch (error) {
      const generation = new GenerationStream(1, false, abort);
      generation.fail(error);
      return generation;
    }
  }

  /**
   * A vector of length 1 for what a text means to the model.
   *
   * @throws what a generation rejects with
   */
  async embed(
    input: string | ArrayLike<number>,
    options: EmbedOptions = {},
  ): Promise<Float32Array> {
    const tokens = this.#tokens(input, options);
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>();
    const request = {
      ...this.#request("embed", tokens, options),
      pooling: options.pooling ?? "last",
    } as const;
    const over = this.#start(request, { embedding: resolve, failed: reject }, options.signal);
    return await promise.finally(over);
  }

  /**
   * How likely a text is to the model, after `context` where there is one.
   *
   * @throws what a generation rejects with
   */
  async score(
    text: string | ArrayLike<number>,
    options: RequestOptions & { context?: string | ArrayLike<number> } = {},
  ): Promise<Score> {
    const { context } = options;
    const before = context === undefined ? [] : [...this.#tokens(context, options)];
    const encoding = { ...options.encoding, ...before.length > 0 && { addSpecialTokens: false } };
    const tokens = Int32Array.from([...before, ...this.#tokens(text, { encoding })]);
    const { promise, resolve, reject } = Promise.withResolvers<SampledToken[]>();
    const request = this.#request("score", tokens, options);
    const over = this.#start(request, { prompt: resolve, failed: reject }, options.signal);
    return scoreOf((await promise.finally(over)).slice(before.length));
  }

  /** Tokens of a text, or of a conversation. */
  tokenize(
    prompt: string | readonly ChatMessage[],
    options: Pick<GenerateOptions, "encoding" | "chat"> = {},
  ): Int32Array<ArrayBuffer> {
    return this.#tokens(prompt, options);
  }

  /** What the engine is doing, and has done. */
  stats(): EngineStats {
    return this.#loaded.thread.statistics;
  }

  /** Makes the engine forget what it has computed for others than those that run. */
  resetPrefixCache(): void {
    this.#loaded.thread.resetPrefixCache();
  }

  /** Ends the worker and frees the model. Requests on their way reject with `BadResource`. */
  close(): Promise<void> {
    const closed = new Deno.errors.BadResource("The engine is closed");
    return this.#closing ??= this.#loaded.thread.close(closed);
  }

  /** {@linkcode close} */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  get #loaded(): OpenedEngine {
    if (this.#opened !== null) return this.#opened;
    throw new TypeError("Cannot use an engine that was not made by Engine.load()");
  }

  #nextId(): number {
    return this.#lastId = this.#lastId + 1 & 0x7fff_ffff;
  }

  #tokens(prompt: Prompt, options: PromptOptions): Int32Array<ArrayBuffer> {
    const { text, config } = this.#loaded;
    return tokensOf(prompt, text, config.vocabularySize, options);
  }

  #generateRequest(id: number, prompt: Prompt, options: GenerateOptions): EngineRequest {
    const { vocabularySize } = this.config;
    const params: Record<string, unknown> = { ...this.generation, ...withoutAbsent(options) };
    for (const name of NOT_SAMPLING) delete params[name];
    return {
      ...this.#request("generate", this.#tokens(prompt, options), options),
      id,
      params: checkSamplingParams(params, vocabularySize),
      skipSpecialTokens: options.skipSpecialTokens ?? true,
    };
  }

  #request(
    kind: EngineRequest["kind"],
    tokens: Int32Array<ArrayBuffer>,
    { priority = 0, cacheSalt = "" }: RequestOptions,
  ): EngineRequest {
    if (!Number.isSafeInteger(priority)) {
      throw new RangeError(`Cannot schedule with priority ${priority}: a whole number is needed`);
    }
    return {
      id: this.#nextId(),
      kind,
      tokens,
      params: checkSamplingParams({}, this.config.vocabularySize),
      priority,
      salt: cacheSalt,
      skipSpecialTokens: true,
      pooling: "last",
    };
  }

  /** Sends a request; gives what is to be called when it is over. */
  #start(
    request: EngineRequest,
    listener: RequestListener,
    signal: AbortSignal | undefined,
  ): () => void {
    const { thread, requestsMax } = this.#loaded;
    signal?.throwIfAborted();
    if (thread.activeCount >= requestsMax) {
      throw new Deno.errors.Busy(`Cannot take more than ${requestsMax} requests at a time`);
    }
    const abort = () => {
      thread.abort(request.id);
      listener.failed(signal!.reason);
    };
    thread.start(request, listener);
    signal?.addEventListener("abort", abort, { once: true });
    return () => {
      signal?.removeEventListener("abort", abort);
      thread.done(request.id);
    };
  }
}

/** What {@linkcode Engine.load} has made. */
interface OpenedEngine extends LoadedEngine {
  readonly config: ModelConfig;
  readonly generation: GenerationConfig;
  readonly text: OpenedTokenizer;
  readonly thread: EngineThread;
  readonly requestsMax: number;
}

async function openEngine(path: string, options: PlainOptions): Promise<OpenedEngine> {
  using source = await openModel(path);
  const { config, generation } = source;
  const text = await openTokenizer(source);
  const eosTokenIds = new Set(generation.eosTokenIds);
  if (text.endId !== undefined) eosTokenIds.add(text.endId);
  const thread = new EngineThread(path, options, [...eosTokenIds]);
  const { requestsMax } = options;
  return { ...await thread.ready, config, generation, text, thread, requestsMax };
}

function scoreOf(tokens: readonly SampledToken[]): Score {
  const known = tokens.filter(({ logprob }) => logprob !== undefined);
  const logprob = known.reduce((sum, token) => sum + token.logprob!, 0);
  return { tokens, logprob, perplexity: Math.exp(-logprob / known.length) };
}
