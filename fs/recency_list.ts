// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const NONE = -1;

/**
 * The numbers from 0 up to a capacity, of which some are in a list, least recently used first.
 * Every call but the iteration is O(1) and allocates nothing.
 *
 *     head                          tail
 *     least recently used -> ... -> most recently used
 */
export class RecencyList {
  readonly #before: Int32Array;
  readonly #after: Int32Array;
  readonly #listed: Uint8Array;
  #head = NONE;
  #tail = NONE;
  #size = 0;

  /** An empty list for numbers below a capacity. */
  constructor(capacity: number) {
    this.#before = new Int32Array(capacity);
    this.#after = new Int32Array(capacity);
    this.#listed = new Uint8Array(capacity);
  }

  /** How many are in the list. */
  get size(): number {
    return this.#size;
  }

  /** Makes a number the most recently used; adds it if it is not there. */
  use(index: number): void {
    if (this.#tail === index) return;
    this.remove(index);
    this.#before[index] = this.#tail;
    this.#after[index] = NONE;
    if (this.#tail === NONE) this.#head = index;
    else this.#after[this.#tail] = index;
    this.#tail = index;
    this.#listed[index] = 1;
    this.#size++;
  }

  /** Takes a number out, if it is in the list. */
  remove(index: number): void {
    if (this.#listed[index] === 0) return;
    const before = this.#before[index]!;
    const after = this.#after[index]!;
    if (before === NONE) this.#head = after;
    else this.#after[before] = after;
    if (after === NONE) this.#tail = before;
    else this.#before[after] = before;
    this.#listed[index] = 0;
    this.#size--;
  }

  /** The numbers, least recently used first; the one just given may be removed. */
  *[Symbol.iterator](): Iterator<number> {
    for (let index = this.#head; index !== NONE;) {
      const after = this.#after[index]!;
      yield index;
      index = after;
    }
  }
}
