// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { GrammarCompiler } from "../grammar/structured_output.ts";
import type { SampledToken, Sampler } from "../sampling/sampler.ts";
import { StopStrings } from "../sampling/stop_strings.ts";
import type { Sequence } from "../scheduler/sequence.ts";
import { Detokenizer, type TokenBytes } from "../tokenizer/detokenizer.ts";
import type { AnswerEnd, EngineRequest, FinishReason } from "./engine_request.ts";

/** What the texts of all answers need. */
export interface AnswerContext {
  /** The bytes of tokens. */
  readonly tokens: TokenBytes;
  /** Tokens that end an answer of the model. */
  readonly eosTokenIds: readonly number[];
  /** Follows answers that have to look like something. */
  readonly grammars?: Pick<GrammarCompiler, "matcher">;
}

/** One answer as it comes: its tokens, their text, and whether they end it. */
export class Answer {
  /** What it answers. */
  readonly request: EngineRequest;
  /** Which of the request's answers. */
  readonly index: number;
  /** Its tokens on their way through the model. */
  readonly sequence: Sequence;
  /** Chooses them. */
  readonly sampler: Sampler;
  /** Those that were chosen since the last delta. */
  readonly fresh: SampledToken[] = [];
  /** Text since the last delta. */
  text = "";
  readonly #context: AnswerContext;
  readonly #detokenizer: Detokenizer;
  readonly #stops: StopStrings;
  #finishReason: FinishReason | null = null;
  #stopReason: number | string | null = null;
  #count = 0;

  /** An answer without tokens. */
  constructor(
    request: EngineRequest,
    index: number,
    sequence: Sequence,
    sampler: Sampler,
    context: AnswerContext,
  ) {
    const { params, skipSpecialTokens } = request;
    this.request = request;
    this.index = index;
    this.sequence = sequence;
    this.sampler = sampler;
    this.#context = context;
    this.#detokenizer = new Detokenizer(context.tokens, { skipSpecialTokens });
    this.#stops = new StopStrings(params.stop, { includeStop: params.includeStop });
  }

  /** Whether it is complete. */
  get isDone(): boolean {
    return this.#finishReason !== null;
  }

  /** Its end, once it is complete. */
  get end(): AnswerEnd {
    const { promptLength, cachedTokens } = this.sequence;
    return {
      finishReason: this.#finishReason!,
      stopReason: this.#stopReason,
      promptTokens: promptLength,
      // What a fork shares was computed for the request itself.
      cachedTokens: this.index === 0 ? Math.max(0, cachedTokens) : 0,
      completionTokens: this.#count,
    };
  }

  /** Whether a token ends the answer. */
  isEnd(token: number): boolean {
    const { stopTokenIds, ignoreEos } = this.request.params;
    return stopTokenIds.includes(token) ||
      !ignoreEos && this.#context.eosTokenIds.includes(token);
  }

  /** Takes a token that was chosen, and that the sampler has accepted. */
  push(sampled: SampledToken): void {
    const { token } = sampled;
    const { params } = this.request;
    this.fresh.push(sampled);
    this.#count++;
    if (this.isEnd(token)) {
      if (params.stopTokenIds.includes(token)) this.#stopReason = token;
      if (params.includeStop) this.text += this.#stops.pass(this.#detokenizer.push(token));
      return this.#finish("stop");
    }
    const piece = this.#detokenizer.push(token);
    const mayEnd = this.#count >= params.minTokens;
    this.text += mayEnd ? this.#stops.push(piece) : this.#stops.pass(piece);
    if (this.#stops.stopped !== undefined) {
      this.#stopReason = this.#stops.stopped;
      this.#finishReason = "stop";
    } else if (this.sequence.promptLength + this.#count >= this.sequence.lengthMax) {
      this.#finish("length");
    }
  }

  #finish(reason: FinishReason): void {
    this.text += this.#stops.push(this.#detokenizer.flush()) + this.#stops.flush();
    this.#finishReason = reason;
  }
}
