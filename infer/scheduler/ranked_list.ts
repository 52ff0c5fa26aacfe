// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { compareRank, type Sequence } from "./sequence.ts";

/** Sequences in the order in which they are served. */
export class RankedList {
  /** Last served first, as taking from the end of an array moves nothing. */
  readonly #reversed: Sequence[] = [];

  /** How many there are. */
  get length(): number {
    return this.#reversed.length;
  }

  /** The one that is served `index` others after the first. */
  at(index: number): Sequence {
    return this.#reversed[this.#reversed.length - 1 - index]!;
  }

  /** The first one; undefined when there is none. */
  get first(): Sequence | undefined {
    return this.#reversed.at(-1);
  }

  /** The last one; undefined when there is none. */
  get last(): Sequence | undefined {
    return this.#reversed[0];
  }

  /** Puts one in its place. */
  add(sequence: Sequence): void {
    this.#reversed.splice(this.#place(sequence), 0, sequence);
  }

  /** Takes one out; says whether it was there. */
  remove(sequence: Sequence): boolean {
    const index = this.#place(sequence);
    if (this.#reversed[index] !== sequence) return false;
    this.#reversed.splice(index, 1);
    return true;
  }

  /** The index of the first one that is not served after it. */
  #place(sequence: Sequence): number {
    let [low, high] = [0, this.#reversed.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (compareRank(this.#reversed[middle]!, sequence) > 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
