// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Candidates } from "../sampling/candidates.ts";
import { philox } from "../sampling/philox.ts";
import type { SampledToken, Sampler } from "../sampling/sampler.ts";
import type { Draft, TokenDistribution } from "./draft.ts";

/** Draws of a position that are not the token itself, each with noise of its own. */
// Data: what it is for, the last word of the counter.
export const PURPOSE = { accept: 1, residual: 2, draft: 3 } as const;

/** What a draft came to. */
export interface VerifiedDraft {
  /** Tokens to go on with, at least one: those of the draft that were right, then the model's. */
  readonly tokens: readonly SampledToken[];
  /** Tokens of the draft among them. */
  readonly acceptedTokens: number;
}

/**
 * Verifies a draft against what the model makes of it. The tokens have exactly the distribution
 * that they have without a draft; the sampler has accepted them all.
 *
 * A plain guess is compared with the token that the sampler draws there, so that a seeded answer
 * is the same, token by token, with guesses and without. Where the draft has distributions `q`,
 * a token is taken with the probability `min(1, p / q)`, and in place of the first that is not
 * one is drawn from what is left, `max(p - q, 0)` (Leviathan et al. 2023, algorithm 1).
 *
 * @param rows logits after the last token of the sequence, and after each token of the draft
 * @param position tokens of the sequence before the draft
 * @param isEnd whether a token ends the answer: nothing comes after it
 *
 * @example A guess that is wrong in its second token
 * ```ts
 * import { createSampler, verifyDraft } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const rows = [3, 1, 0].map((likely) => new Float32Array(4).fill(0).fill(9, likely, likely + 1));
 * const sampler = createSampler({ temperature: 0 }, 4);
 * const verified = verifyDraft(sampler, rows, { tokens: [3, 2] }, 5);
 * assertEquals(verified.tokens.map(({ token }) => token), [3, 1]);
 * assertEquals(verified.acceptedTokens, 1);
 * ```
 * @throws {RangeError} as {@linkcode Sampler.sample}
 */
export function verifyDraft(
  sampler: Sampler,
  rows: readonly Float32Array[],
  draft: Draft,
  position: number,
  isEnd: (token: number) => boolean = () => false,
): VerifiedDraft {
  if (rows.length !== draft.tokens.length + 1) {
    throw new RangeError(`Cannot verify ${draft.tokens.length} tokens with ${rows.length} rows`);
  }
  return followDraft(sampler, draft.tokens, isEnd, (i) => {
    const guess = draft.tokens[i];
    const q = draft.distributions?.[i];
    return guess === undefined || q === undefined
      ? sampler.sample(rows[i]!, position + i)
      : acceptOrReplace(sampler, rows[i]!, guess, q, position + i);
  });
}

/**
 * Takes the guesses that are right, and one token more. The sampler has accepted them all.
 *
 * @param choose the token after so many guesses
 */
export function followDraft(
  sampler: Sampler,
  guesses: readonly number[],
  isEnd: (token: number) => boolean,
  choose: (offset: number) => SampledToken,
): VerifiedDraft {
  const tokens: SampledToken[] = [];
  let acceptedTokens = 0;
  for (let i = 0; i <= guesses.length; i++) {
    const sampled = choose(i);
    sampler.accept(sampled.token);
    tokens.push(sampled);
    if (sampled.token !== guesses[i]) break;
    acceptedTokens++;
    if (isEnd(sampled.token)) break;
  }
  return { tokens, acceptedTokens };
}

function acceptOrReplace(
  sampler: Sampler,
  logits: Float32Array,
  guess: number,
  q: TokenDistribution,
  position: number,
): SampledToken {
  const { params: { seed }, answer } = sampler;
  const raw = sampler.params.logprobs === undefined ? undefined : logits.slice();
  const p = sampler.distribution(logits);
  const ratio = probabilityIn(p, guess) / (q.probabilities[q.ids.indexOf(guess)] ?? 0);
  const isTaken = uniform(seed, position, answer) < ratio;
  const token = isTaken ? guess : residualToken(p, q, seed, position, answer);
  return raw === undefined ? { token } : { token, ...sampler.logprobsOf(raw, token) };
}

function probabilityIn(p: Candidates, token: number): number {
  const at = p.ids.subarray(0, p.count).indexOf(token);
  return at < 0 ? 0 : p.weights[at]! / p.total;
}

/** Draws from `max(p - q, 0)`, which is left in the candidates. */
function residualToken(
  p: Candidates,
  q: TokenDistribution,
  seed: number,
  position: number,
  answer: number,
): number {
  const total = p.total;
  const taken = new Map(Array.from(q.ids, (id, i) => [id, q.probabilities[i]!]));
  for (let i = 0; i < p.count; i++) {
    p.weights[i] = Math.max(p.weights[i]! / total - (taken.get(p.ids[i]!) ?? 0), 0);
  }
  return p.draw(seed, position, answer, PURPOSE.residual);
}

/** A number between 0 and 1 for whether a guess is taken. */
function uniform(seed: number, position: number, answer: number): number {
  philox(noise, 0, position, answer, PURPOSE.accept, seed >>> 0, Math.floor(seed / 2 ** 32));
  return (noise[0]! + 0.5) / 2 ** 32;
}

const noise = new Uint32Array(4);
