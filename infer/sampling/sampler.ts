// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TokenMatcher } from "../grammar/token_matcher.ts";
import { Candidates, likeliest, logWeightLeast } from "./candidates.ts";
import { logprobsOf, type TokenLogprob } from "./log_probabilities.ts";
import type { DrawSettings } from "./draw_settings.ts";
import { keepOnly, LogitRules } from "./logit_rules.ts";
import {
  type CheckedParams,
  checkSamplingParams,
  GREEDY_TEMPERATURE_MAX,
  type SamplingParams,
} from "./sampling_params.ts";

/** A token that was chosen. */
export interface SampledToken {
  /** Its id. */
  readonly token: number;
  /** Log probability that the model gave it, before any parameter; where `logprobs` asks for it. */
  readonly logprob?: number;
  /** The likeliest of the position, likeliest first; where `logprobs` asks for it. */
  readonly top?: readonly TokenLogprob[];
}

/** What a sampler knows beside the parameters. */
export interface SamplerOptions {
  /** Tokens of the prompt, for the repetition penalty. */
  readonly promptTokens?: Iterable<number>;
  /** Tokens that end an answer of the model; `stopTokenIds` come to them. */
  readonly eosTokenIds?: readonly number[];
  /** What the answer has to look like. */
  readonly matcher?: TokenMatcher;
}

/** Chooses the tokens of one answer. */
export interface Sampler {
  /** The parameters with their defaults. */
  readonly params: CheckedParams;
  /** Which of the `n` answers it is for. */
  readonly answer: number;
  /** Whether tokens to come change nothing of how the ones behind them are chosen. */
  readonly isFixed: boolean;

  /**
   * Chooses the token of a position. Nothing but the row changes: call {@linkcode accept} with the
   * token that the answer goes on with.
   *
   * @param logits a row of the model; it is edited in place
   * @param position tokens of the sequence before it, prompt and output: with the seed it decides
   * the noise
   * @throws {RangeError} when masks leave no token, or a logit is not a number
   */
  sample(logits: Float32Array, position: number): SampledToken;

  /**
   * The distribution that {@linkcode sample} draws from, for speculative decoding and for tests.
   * It is good until the next call.
   *
   * @param logits a row of the model; it is edited in place
   * @throws {RangeError} as {@linkcode sample}
   */
  distribution(logits: Float32Array): Candidates;

  /**
   * What a device needs to know to choose the token that {@linkcode sample} would; null when it
   * has to be chosen here.
   */
  settings(position: number): DrawSettings | null;

  /**
   * Log probabilities of a position, as {@linkcode sample} gives them with a token.
   *
   * @param logits a row as the model gave it
   */
  logprobsOf(logits: Float32Array, token: number): Pick<SampledToken, "logprob" | "top">;

  /**
   * Notes a token of the output.
   *
   * @throws {RangeError} when the grammar does not allow it
   */
  accept(token: number): void;

  /**
   * Another with the same history, which goes its own way.
   *
   * @param answer which of the `n` answers it is for: each has noise of its own
   */
  fork(answer?: number): Sampler;
}

/**
 * A sampler for one answer. Logits pass in vLLM's order: log probabilities are taken, then come
 * masks, bias, penalties, grammar, temperature, `minP`, `topK`, `topP`, `typicalP`, and the draw.
 *
 * @example The likelier of two tokens
 * ```ts
 * import { createSampler } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const sampler = createSampler({ temperature: 0, logprobs: 0 }, 2);
 * const { token, logprob } = sampler.sample(Float32Array.of(0, Math.log(3)), 0);
 * assertEquals([token, Math.exp(logprob!).toFixed(2)], [1, "0.75"]);
 * ```
 * @throws {RangeError} when a parameter makes no sense
 */
export function createSampler(
  params: SamplingParams,
  vocabularySize: number,
  options: SamplerOptions = {},
): Sampler {
  const checked = checkSamplingParams(params, vocabularySize);
  const { promptTokens = [], eosTokenIds = [], matcher } = options;
  const endTokenIds = [...eosTokenIds, ...checked.stopTokenIds];
  const rules = new LogitRules(checked, vocabularySize, promptTokens, endTokenIds);
  return new RowSampler(checked, vocabularySize, rules, endTokenIds, matcher, 0);
}

class RowSampler implements Sampler {
  readonly params: CheckedParams;
  readonly answer: number;
  readonly #vocabularySize: number;
  readonly #rules: LogitRules;
  readonly #endTokenIds: readonly number[];
  readonly #matcher: TokenMatcher | undefined;

  constructor(
    params: CheckedParams,
    vocabularySize: number,
    rules: LogitRules,
    endTokenIds: readonly number[],
    matcher: TokenMatcher | undefined,
    answer: number,
  ) {
    this.params = params;
    this.#vocabularySize = vocabularySize;
    this.#rules = rules;
    this.#endTokenIds = endTokenIds;
    this.#matcher = matcher;
    this.answer = answer;
  }

  sample(logits: Float32Array, position: number): SampledToken {
    const { logprobs, seed } = this.params;
    const raw = logprobs === undefined ? undefined : logits.slice();
    const token = this.#isGreedy
      ? likeliest(this.#edited(logits))
      : this.distribution(logits).draw(seed, position, this.answer);
    return raw === undefined ? { token } : { token, ...this.logprobsOf(raw, token) };
  }

  logprobsOf(logits: Float32Array, token: number): Pick<SampledToken, "logprob" | "top"> {
    return logprobsOf(logits, token, this.params.logprobs ?? 0);
  }

  distribution(logits: Float32Array): Candidates {
    const { temperature, minP, topK, topP, typicalP } = this.params;
    const candidates = candidatesFor(this.#vocabularySize);
    const row = this.#edited(logits);
    if (this.#isGreedy) {
      candidates.only(likeliest(row));
      return candidates;
    }
    candidates.fill(row, temperature, minP);
    if (topK > 0) candidates.keepTopK(topK);
    if (topP < 1) candidates.keepTopP(topP);
    if (typicalP < 1) candidates.keepTypical(typicalP);
    return candidates;
  }

  get isFixed(): boolean {
    return this.#rules.areFixed && this.#matcher === undefined;
  }

  settings(position: number): DrawSettings | null {
    const { params, answer } = this;
    if (params.typicalP < 1) return null;
    const edits = this.#rules.edits(this.#mustEnd);
    return {
      ...{ params, answer, position },
      temperature: this.#isGreedy ? 0 : params.temperature,
      logMinP: logWeightLeast(params.minP),
      edits: this.#matcher
        ? { ...edits, allowed: this.#allowedBy(this.#matcher, edits.allowed) }
        : edits,
    };
  }

  accept(token: number): void {
    const isEnd = this.#endTokenIds.includes(token);
    if (!isEnd && this.#matcher?.accept(token) === false) {
      throw new RangeError(`Cannot go on with token ${token}: the grammar does not allow it`);
    }
    this.#rules.accept(token);
  }

  fork(answer: number = this.answer): Sampler {
    return new RowSampler(
      this.params,
      this.#vocabularySize,
      this.#rules.fork(),
      this.#endTokenIds,
      this.#matcher?.fork(),
      answer,
    );
  }

  /** What the grammar allows, and the parameters. */
  #allowedBy(matcher: TokenMatcher, others: Uint32Array | undefined): Uint32Array {
    const words = new Uint32Array(Math.ceil(this.#vocabularySize / 32));
    const allowed = matcher.allowed();
    for (let i = 0; i < words.length; i++) words[i] = allowed[i] ?? 0;
    const mayEnd = matcher.mayEnd;
    for (const id of this.#endTokenIds) {
      const bit = 1 << (id & 31);
      if (mayEnd) words[id >>> 5]! |= bit;
      else words[id >>> 5]! &= ~bit;
    }
    if (others) { for (let i = 0; i < words.length; i++) words[i]! &= others[i]!; }
    return words;
  }

  get #isGreedy(): boolean {
    return this.params.temperature < GREEDY_TEMPERATURE_MAX;
  }

  get #mustEnd(): boolean {
    return this.#matcher?.mustEnd === true;
  }

  #edited(logits: Float32Array): Float32Array {
    if (!this.#rules.areIdle) this.#rules.apply(logits, this.#mustEnd);
    if (this.#matcher) this.#applyGrammar(this.#matcher, logits);
    return logits;
  }

  /** The ends of an answer are no tokens of a grammar: they are possible where it may end. */
  #applyGrammar(matcher: TokenMatcher, logits: Float32Array): void {
    const ends = this.#endTokenIds.map((id) => logits[id]!);
    keepOnly(logits, matcher.allowed());
    const mayEnd = matcher.mayEnd;
    this.#endTokenIds.forEach((id, i) => logits[id] = mayEnd ? ends[i]! : -Infinity);
  }
}

/** Samplers run one at a time, so that those of one vocabulary share the memory. */
function candidatesFor(vocabularySize: number): Candidates {
  if (shared?.ids.length !== vocabularySize) shared = new Candidates(vocabularySize);
  return shared;
}

let shared: Candidates | undefined;
