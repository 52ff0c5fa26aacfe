// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Draft, Drafter } from "./draft.ts";

/** Options of {@linkcode PromptLookup}. */
export interface PromptLookupOptions {
  /**
   * Fewest last tokens that must have been there before.
   *
   * @default {2}
   */
  readonly ngramMin?: number;
  /**
   * Most last tokens that are looked for.
   *
   * @default {4}
   */
  readonly ngramMax?: number;
}

/**
 * Guesses that a sequence goes on as it did before: it looks for the last tokens earlier in the
 * prompt and the output, the longest match first and of equal ones the earliest, and proposes what
 * followed (prompt lookup decoding). It costs one pass over the tokens and no model.
 *
 * @example What was said before
 * ```ts
 * import { PromptLookup } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const tokens = [7, 1, 2, 3, 4, 9, 1, 2];
 * const { tokens: guess } = new PromptLookup().propose(tokens, 2);
 * assertEquals(guess, [3, 4]);
 * ```
 */
export class PromptLookup implements Drafter {
  readonly #ngramMin: number;
  readonly #ngramMax: number;

  /**
   * Looks for n-grams of these lengths.
   *
   * @throws {RangeError} when they are not whole numbers above 0, the least up to the most
   */
  constructor({ ngramMin = 2, ngramMax = 4 }: PromptLookupOptions = {}) {
    const areLengths = Number.isSafeInteger(ngramMin) && Number.isSafeInteger(ngramMax) &&
      ngramMin >= 1 && ngramMin <= ngramMax;
    if (!areLengths) throw new RangeError(`Cannot look for ${ngramMin} to ${ngramMax} tokens`);
    this.#ngramMin = ngramMin;
    this.#ngramMax = ngramMax;
  }

  /** See {@linkcode Drafter.propose}; the sampler has no say. */
  propose(tokens: ArrayLike<number>, count: number): Draft {
    const { length, end } = longestRepeat(tokens, this.#ngramMax);
    if (length < this.#ngramMin) return { tokens: [] };
    const size = Math.min(count, tokens.length - end);
    return { tokens: Array.from({ length: size }, (_, i) => tokens[end + i]!) };
  }
}

/**
 * The most last tokens, up to `most`, that also stand earlier, and where their earliest occurrence
 * ends. It is the prefix function of Knuth, Morris and Pratt on the tokens backwards, of which only
 * the first `most` values are kept: one pass.
 */
function longestRepeat(tokens: ArrayLike<number>, most: number): { length: number; end: number } {
  const last = tokens.length - 1;
  const borders = new Int32Array(most);
  let [length, end, border] = [0, 0, 0];
  for (let back = 1; back <= last; back++) {
    if (border === most) border = borders[border - 1]!;
    const token = tokens[last - back]!;
    while (border > 0 && tokens[last - border] !== token) border = borders[border - 1]!;
    if (tokens[last - border] === token) border++;
    if (back < most) borders[back] = border;
    // Further back is earlier, so that an equal length counts for more.
    if (border > 0 && border >= length) [length, end] = [border, last - back + border];
  }
  return { length, end };
}
