// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CheckedParams } from "./sampling_params.ts";

/** What is done to a row of logits before they are probabilities, in this order. */
export interface LogitEdits {
  /** Words with a bit for each token that is possible; where absent, all are. */
  readonly allowed?: Uint32Array | undefined;
  /** Tokens that are not. */
  readonly banned: readonly number[];
  /** What is added to the logits of tokens. */
  readonly bias: readonly (readonly [id: number, value: number])[];
  /** Tokens that have penalties, and how often each is in the output. */
  readonly seen: ReadonlyMap<number, number>;
}

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
  /** How often each token is in the output; those of the prompt too, where they matter. */
  #counts: Map<number, number>;
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
    this.#counts = new Map();
    if (params.repetitionPenalty === 1) return;
    for (const id of promptTokens) this.#counts.set(id, 0);
  }

  /** Another with the same history, which goes its own way. */
  fork(): LogitRules {
    const fork = new LogitRules(this.#params, this.#vocabularySize, [], this.#endTokenIds);
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
    const { bannedTokenIds } = this.#params;
    return this.areFixed && this.#allowed === undefined && bannedTokenIds.length === 0 &&
      this.#bias.length === 0;
  }

  /** Whether tokens that are still to come change nothing of what is done. */
  get areFixed(): boolean {
    return this.#outputTokens >= this.#params.minTokens && !this.#hasPenalties;
  }

  /** What {@linkcode apply} does now. An answer that must end does so before `minTokens`, too. */
  edits(mustEnd: boolean): LogitEdits {
    const { bannedTokenIds, minTokens } = this.#params;
    const mustGoOn = this.#outputTokens < minTokens && !mustEnd;
    return {
      allowed: this.#allowed,
      banned: mustGoOn ? [...bannedTokenIds, ...this.#endTokenIds] : bannedTokenIds,
      bias: this.#bias,
      seen: this.#hasPenalties ? this.#counts : NONE_SEEN,
    };
  }

  /** Changes a row of logits, in vLLM's order: masks, bias, penalties. */
  apply(logits: Float32Array, mustEnd: boolean): void {
    applyEdits(logits, this.edits(mustEnd), this.#params);
  }

  get #hasPenalties(): boolean {
    const { repetitionPenalty, frequencyPenalty, presencePenalty } = this.#params;
    return repetitionPenalty !== 1 || frequencyPenalty !== 0 || presencePenalty !== 0;
  }
}

/** Penalties of the tokens that were seen. */
export type Penalties = Pick<
  CheckedParams,
  "repetitionPenalty" | "frequencyPenalty" | "presencePenalty"
>;

/** Changes a row of logits. */
export function applyEdits(
  logits: Float32Array,
  { allowed, banned, bias, seen }: LogitEdits,
  { repetitionPenalty, frequencyPenalty, presencePenalty }: Penalties,
): void {
  if (allowed) keepOnly(logits, allowed);
  for (const id of banned) logits[id] = -Infinity;
  for (const [id, value] of bias) logits[id]! += value;
  for (const [id, count] of seen) {
    const logit = logits[id]!;
    if (repetitionPenalty !== 1) {
      logits[id] = logit > 0 ? logit / repetitionPenalty : logit * repetitionPenalty;
    }
    if (count > 0) logits[id]! -= frequencyPenalty * count + presencePenalty;
  }
}

const NONE_SEEN: ReadonlyMap<number, number> = new Map();

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
