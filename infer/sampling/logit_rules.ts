// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CheckedParams } from "./sampling_params.ts";

/**
 * What a request's parameters do to logits before they are probabilities: masks, biases and
 * penalties, and the history that the penalties look at.
 */
export class LogitRules {
  readonly #params: CheckedParams;
  readonly #vocabularySize: number;
  readonly #endTokenIds: readonly number[];
  readonly #bias: readonly (readonly [id: number, value: number])[];
  /** Words with a bit for each allowed token. */
  readonly #allowed: Uint32Array | undefined;
  readonly #promptTokens: ReadonlySet<number>;
  /** How often each token is in the output. */
  #counts = new Map<number, number>();
  #outputTokens = 0;

  /** `endTokenIds` end an answer and are masked until it may end. */
  constructor(
    params: CheckedParams,
    vocabularySize: number,
    promptTokens: Iterable<number>,
    endTokenIds: readonly number[],
  ) {
    this.#params = params;
    this.#vocabularySize = vocabularySize;
    this.#endTokenIds = endTokenIds;
    this.#bias = Object.entries(params.logitBias).map(([id, value]) => [Number(id), value]);
    this.#allowed = bitsOf(params.allowedTokenIds, vocabularySize);
    this.#promptTokens = new Set(params.repetitionPenalty === 1 ? [] : promptTokens);
  }

  /** Another with the same history, which goes its own way. */
  fork(): LogitRules {
    const fork = new LogitRules(
      this.#params,
      this.#vocabularySize,
      this.#promptTokens,
      this.#endTokenIds,
    );
    fork.#counts = new Map(this.#counts);
    fork.#outputTokens = this.#outputTokens;
    return fork;
  }

  /** Notes a token of the output. */
  accept(token: number): void {
    this.#counts.set(token, (this.#counts.get(token) ?? 0) + 1);
    this.#outputTokens++;
  }

  /** Whether the row stays as it is. */
  get areIdle(): boolean {
    const { bannedTokenIds, minTokens } = this.#params;
    return this.#allowed === undefined && bannedTokenIds.length === 0 && this.#bias.length === 0 &&
      this.#outputTokens >= minTokens && !this.#hasPenalties;
  }

  /** Changes a row of logits, in vLLM's order: masks, bias, penalties. */
  apply(logits: Float32Array): void {
    if (this.#allowed) keepOnly(logits, this.#allowed);
    for (const id of this.#params.bannedTokenIds) logits[id] = -Infinity;
    if (this.#outputTokens < this.#params.minTokens) {
      for (const id of this.#endTokenIds) logits[id] = -Infinity;
    }
    for (const [id, value] of this.#bias) logits[id]! += value;
    if (this.#hasPenalties) this.#penalise(logits);
  }

  get #hasPenalties(): boolean {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#params;
    return repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  }

  #penalise(logits: Float32Array): void {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#params;
    const repeat = (id: number) => {
      const logit = logits[id]!;
      logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    };
    if (repetitionPenalty !== 1) {
      for (const id of this.#promptTokens) repeat(id);
      for (const id of this.#counts.keys()) if (!this.#promptTokens.has(id)) repeat(id);
    }
    for (const [id, count] of this.#counts) {
      logits[id]! -= frequencyPenalty * count + presencePenalty;
    }
  }
}

/** Makes every logit whose bit is not set impossible. */
export function keepOnly(logits: Float32Array, allowed: Uint32Array): void {
  for (let id = 0; id < logits.length; id += 32) {
    const bits = allowed[id >>> 5] ?? 0;
    if (bits === 0xffff_ffff) continue;
    const end = Math.min(id + 32, logits.length);
    if (bits === 0) logits.fill(-Infinity, id, end);
    else for (let i = id; i < end; i++) if ((bits >>> (i - id) & 1) === 0) logits[i] = -Infinity;
  }
}

function bitsOf(ids: readonly number[] | undefined, size: number): Uint32Array | undefined {
  if (ids === undefined) return undefined;
  const words = new Uint32Array(Math.ceil(size / 32));
  for (const id of ids) words[id >>> 5]! |= 1 << (id & 31);
  return words;
}
