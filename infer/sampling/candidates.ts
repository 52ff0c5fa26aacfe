// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { philox } from "./philox.ts";
import { LOG_WEIGHT_LEAST, MASS_ONE, massOf, raceTime, weightOf } from "./weight.ts";

/**
 * The tokens that may still be drawn, with weights in proportion to their probabilities. Filters
 * take tokens out; {@linkcode draw} takes one.
 *
 * Filters keep those with the greater logits and of equal ones those with lower ids, and sums are
 * of whole numbers, so that the outcome never depends on the order of anything. What a GPU draws
 * (`infer/native/cuda/sample_draw.cuh`) is the same token.
 */
export class Candidates {
  /** How many there are. */
  count = 0;
  /** The tokens, the first {@linkcode count}. */
  readonly ids: Uint32Array;
  /** Their weights, as many; the likeliest of the row had 1. */
  readonly weights: Float64Array;
  /** Filters order by this. */
  readonly #keys: Float64Array;

  /** Room for a vocabulary. */
  constructor(vocabularySize: number) {
    this.ids = new Uint32Array(vocabularySize);
    this.weights = new Float64Array(vocabularySize);
    this.#keys = new Float64Array(vocabularySize);
  }

  /**
   * Starts over with the tokens of a row: softmax at a temperature, without what has less than a
   * share `minP` of the likeliest.
   *
   * @throws {RangeError} when no token is possible, or a logit is not a number
   */
  fill(logits: Float32Array, temperature: number, minP: number): void {
    const max = logits[likeliest(logits)]!;
    const divisor = Math.fround(temperature);
    const least = logWeightLeast(minP);
    this.count = 0;
    for (let id = 0; id < logits.length; id++) {
      const log = Math.fround(Math.fround(logits[id]! - max) / divisor);
      if (log < least) continue;
      this.ids[this.count] = id;
      this.#keys[this.count] = logits[id]!;
      this.weights[this.count++] = weightOf(log);
    }
  }

  /** Starts over with one token. */
  only(id: number): void {
    this.ids[0] = id;
    this.weights[0] = 1;
    this.count = 1;
  }

  /** Keeps the `k` likeliest. */
  keepTopK(k: number): void {
    if (k >= this.count) return;
    this.#keepFrom(this.#leastOf(k));
    this.#keepGreatest((kept) => kept === k);
  }

  /** Keeps the fewest that together have the probability `p`, as an F32. */
  keepTopP(p: number): void {
    const total = this.#mass;
    // The likeliest is enough where an F32 has no such number.
    const enough = Math.max(Math.fround(p) * total, 1);
    // All below this together have less than what may go, so that they need not be ordered. A mass
    // is off by half of one at most.
    this.#keepFrom(((total - enough) / this.count - 1) / MASS_ONE);
    this.#keepGreatest((_, mass) => mass >= enough);
  }

  /** Keeps the fewest that are about as surprising as the average and have the probability `p`. */
  keepTypical(p: number): void {
    const total = this.total;
    let entropy = 0;
    for (let i = 0; i < this.count; i++) {
      const probability = this.weights[i]! / total;
      this.#keys[i] = -Math.log(probability);
      entropy += probability * this.#keys[i]!;
    }
    for (let i = 0; i < this.count; i++) this.#keys[i] = -Math.abs(this.#keys[i]! - entropy);
    const enough = p * this.#mass;
    this.#keepGreatest((_, mass) => mass >= enough);
  }

  /**
   * Draws one in proportion to the weights: the first of a race in which each runs for an
   * exponential time (`argmax weight / Exp(1)`). The time of token `t` is a function of the seed,
   * the position and `t` alone: what other tokens or requests there are changes nothing.
   *
   * @param answer which of the answers of a request it is for
   * @param purpose draws of one position for different ends are independent: 0 is the token itself
   */
  draw(seed: number, position: number, answer: number, purpose: number = 0): number {
    const [seedLow, seedHigh] = [seed >>> 0, Math.floor(seed / 2 ** 32)];
    let [winner, best, group] = [0, -1, -1];
    for (let i = 0; i < this.count; i++) {
      const weight = this.weights[i]!;
      // No time is shorter than that of the least number, so that most of a long tail loses here.
      if (weight <= best * LEAST_TIME) continue;
      const id = this.ids[i]!;
      if (group !== id >>> 2) {
        group = id >>> 2;
        philox(noise, group, position, answer, purpose, seedLow, seedHigh);
      }
      const uniform = (noise[id & 3]! + 0.5) / 2 ** 32;
      // -log(u) is at least 1 - u: the logarithm is only taken where it can matter.
      if (weight <= best * (1 - uniform)) continue;
      const ratio = weight / raceTime(noise[id & 3]!);
      if (ratio > best || ratio === best && id < winner) [winner, best] = [id, ratio];
    }
    return winner;
  }

  /** Sum of the weights: a weight by it is a probability. */
  get total(): number {
    let total = 0;
    for (let i = 0; i < this.count; i++) total += this.weights[i]!;
    return total;
  }

  /** Sum of the masses. */
  get #mass(): number {
    let mass = 0;
    for (let i = 0; i < this.count; i++) mass += massOf(this.weights[i]!);
    return mass;
  }

  /**
   * A weight that at least `k` have, and not many more: of a histogram over the upper bits of the
   * weights, whose order as numbers is that of the weights.
   */
  #leastOf(k: number): number {
    histogram.fill(0);
    for (let i = 0; i < this.count; i++) {
      float[0] = this.weights[i]!;
      histogram[bits[0]! >>> BUCKET_SHIFT]!++;
    }
    let bucket = histogram.length - 1;
    for (let count = histogram[bucket]!; count < k;) count += histogram[--bucket]!;
    bits[0] = bucket << BUCKET_SHIFT;
    // Weights are rounded to be counted: one just below a bucket may be counted in it.
    return float[0]! * (1 - 2 ** -20);
  }

  #keepFrom(least: number): void {
    let kept = 0;
    for (let i = 0; i < this.count; i++) {
      if (this.weights[i]! < least) continue;
      this.#swap(i, kept++);
    }
    this.count = kept;
  }

  /** Keeps those with the greatest keys, one by one until it is enough. */
  #keepGreatest(isEnough: (kept: number, mass: number) => boolean): void {
    // A heap in the first `left` places; what is taken from it stands behind, greatest last.
    let left = this.count;
    for (let i = (left >> 1) - 1; i >= 0; i--) this.#sift(i, left);
    let [kept, mass] = [0, 0];
    while (left > 0 && !isEnough(kept, mass)) {
      mass += massOf(this.weights[0]!);
      kept++;
      this.#swap(0, --left);
      this.#sift(0, left);
    }
    for (let i = 0; i < kept; i++) this.#swap(i, this.count - 1 - i);
    this.count = kept;
  }

  #sift(from: number, count: number): void {
    for (let parent = from;;) {
      let child = 2 * parent + 1;
      if (child >= count) return;
      if (child + 1 < count && this.#isBefore(child + 1, child)) child++;
      if (!this.#isBefore(child, parent)) return;
      this.#swap(child, parent);
      parent = child;
    }
  }

  #isBefore(a: number, b: number): boolean {
    const [keyA, keyB] = [this.#keys[a]!, this.#keys[b]!];
    return keyA > keyB || keyA === keyB && this.ids[a]! < this.ids[b]!;
  }

  #swap(a: number, b: number): void {
    const [id, weight, key] = [this.ids[a]!, this.weights[a]!, this.#keys[a]!];
    this.ids[a] = this.ids[b]!;
    this.weights[a] = this.weights[b]!;
    this.#keys[a] = this.#keys[b]!;
    this.ids[b] = id;
    this.weights[b] = weight;
    this.#keys[b] = key;
  }
}

/** What the logarithm of a weight must be: `minP` as an F32, and no weight is 0. */
export function logWeightLeast(minP: number): number {
  return Math.max(Math.fround(Math.log(minP)), LOG_WEIGHT_LEAST);
}

/**
 * The token with the greatest logit, of equal ones that with the lowest id.
 *
 * @throws {RangeError} when no token is possible, or a logit is not a number
 */
export function likeliest(logits: Float32Array): number {
  let [best, max] = [-1, -Infinity];
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id]!;
    if (logit > max) [best, max] = [id, logit];
    else if (Number.isNaN(logit)) throw new RangeError(`The logit of token ${id} is not a number`);
  }
  if (best < 0) throw new RangeError("No token is left to choose from");
  if (max === Infinity) throw new RangeError(`The logit of token ${best} is infinite`);
  return best;
}

/** That of the greatest noise. */
const LEAST_TIME = raceTime(2 ** 32 - 1);

/** Bits of an F32 that are left out of a bucket: 16 buckets for each power of two. */
const BUCKET_SHIFT = 19;

const noise = new Uint32Array(4);
const histogram = new Uint32Array(2 ** (31 - BUCKET_SHIFT));
const float = new Float32Array(1);
const bits = new Uint32Array(float.buffer);
