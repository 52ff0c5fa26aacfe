// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** No merge. */
export const NO_RANK = 0x7fffffff;

/**
 * The merges: for a pair of neighbours its rank, which is low where it comes first, and the token
 * that the two become. Slots are `left, right, rank, result` in one table, at most half full.
 */
export class MergeTable {
  readonly #slots: Int32Array;
  readonly #mask: number;
  readonly #results: Int32Array;

  /** Room for `count` merges with ranks below `count`. */
  constructor(count: number) {
    const slots = 2 ** Math.ceil(Math.log2(Math.max(count, 8) * 2));
    this.#slots = new Int32Array(slots * 4).fill(-1);
    this.#mask = slots - 1;
    this.#results = new Int32Array(count);
  }

  /** Sets the merge of a pair; of two for one pair the later stands, as in Hugging Face's. */
  add(left: number, right: number, rank: number, result: number): void {
    let slot = slotOf(left, right) & this.#mask;
    const slots = this.#slots;
    while (slots[slot * 4] !== -1) {
      if (slots[slot * 4] === left && slots[slot * 4 + 1] === right) break;
      slot = slot + 1 & this.#mask;
    }
    slots[slot * 4] = left;
    slots[slot * 4 + 1] = right;
    slots[slot * 4 + 2] = rank;
    this.#results[rank] = result;
  }

  /** Rank of a pair, {@linkcode NO_RANK} when it does not merge. */
  rankOf(left: number, right: number): number {
    const slots = this.#slots;
    for (let slot = slotOf(left, right) & this.#mask;; slot = slot + 1 & this.#mask) {
      const found = slots[slot * 4]!;
      if (found === left && slots[slot * 4 + 1] === right) return slots[slot * 4 + 2]!;
      if (found === -1) return NO_RANK;
    }
  }

  /** What the pair of a rank becomes. */
  resultOf(rank: number): number {
    return this.#results[rank]!;
  }
}

function slotOf(left: number, right: number): number {
  const hash = Math.imul(Math.imul(left, 0x9e3779b1) ^ right, 0x85ebca6b);
  return hash ^ hash >>> 15;
}
