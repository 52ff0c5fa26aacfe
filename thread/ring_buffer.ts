// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * First in, first out, in one array that is used round and round; it grows by doubling.
 *
 * ```
 *   [ 4 | 5 |   |   | 1 | 2 | 3 ]     head 4, size 5; the length is a power of two, so that the
 *           free  ^head               next place is (head + size) & mask
 * ```
 */
export class RingBuffer<T> {
  /** How many it holds. */
  size = 0;
  #slots: (T | undefined)[] = new Array(SLOTS_MIN).fill(undefined);
  #head = 0;

  /** Adds one at the end; whoever calls keeps to a bound. */
  push(value: T): void {
    if (this.size === this.#slots.length) this.#grow();
    this.#slots[(this.#head + this.size++) & (this.#slots.length - 1)] = value;
  }

  /** Takes the oldest one; there must be one. */
  shift(): T {
    const head = this.#head;
    const value = this.#slots[head] as T;
    this.#slots[head] = undefined;
    this.#head = (head + 1) & (this.#slots.length - 1);
    this.size--;
    return value;
  }

  /** The oldest one, if any, which stays. */
  peek(): T | undefined {
    return this.#slots[this.#head];
  }

  #grow(): void {
    const { length } = this.#slots;
    const slots = new Array(2 * length).fill(undefined);
    for (let i = 0; i < length; i++) slots[i] = this.#slots[(this.#head + i) & (length - 1)];
    this.#slots = slots;
    this.#head = 0;
  }
}

/** A power of two. */
const SLOTS_MIN = 8;
