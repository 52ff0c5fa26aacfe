// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Tokens by their bytes and back: all bytes in one block, and a hash table that is asked without
 * making a string.
 *
 * ```text
 *   table   ... | hash, id + 1, start, length | 0, 0, 0, 0 | ...      at most half full
 *                                 │
 *   bytes                ...the one token...
 *
 *   starts, lengths [id]   for the way back, and for tokens that are not to be found
 * ```
 */
export class Vocabulary {
  /** Ids are below this; not every one of them needs to have a token. */
  readonly size: number;
  #bytes: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #lengths: Int32Array;
  readonly #table: Int32Array;
  readonly #mask: number;
  #used = 0;

  /** Room for ids below `size`, `count` of them to be found by their bytes. */
  constructor(size: number, count: number, bytes: number) {
    this.size = size;
    this.#bytes = new Uint8Array(bytes);
    this.#starts = new Uint32Array(size);
    this.#lengths = new Int32Array(size).fill(-1);
    const slots = 2 ** Math.ceil(Math.log2(Math.max(count, 8) * 2));
    this.#table = new Int32Array(slots * 4);
    this.#mask = slots - 1;
  }

  /** Sets the bytes of an id; `find` finds it when `isFound`. */
  add(id: number, bytes: Uint8Array, isFound: boolean): void {
    this.#starts[id] = this.#used;
    this.#lengths[id] = bytes.length;
    if (this.#used + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
    if (!isFound) return;
    const hash = hashOf(bytes, 0, bytes.length);
    let slot = hash & this.#mask;
    while (this.#table[slot * 4 + 1] !== 0) slot = slot + 1 & this.#mask;
    this.#table[slot * 4] = hash;
    this.#table[slot * 4 + 1] = id + 1;
    this.#table[slot * 4 + 2] = this.#starts[id]!;
    this.#table[slot * 4 + 3] = bytes.length;
  }

  /** Whether the id has a token. */
  has(id: number): boolean {
    return id >= 0 && id < this.size && this.#lengths[id]! >= 0;
  }

  /** The id whose bytes are `bytes[start..end)`, or -1; `hash` is that of {@linkcode hashOf}. */
  find(bytes: Uint8Array, start: number, end: number, hash: number): number {
    const table = this.#table;
    const length = end - start;
    for (let slot = hash & this.#mask;; slot = slot + 1 & this.#mask) {
      const entry = slot * 4;
      const id = table[entry + 1]! - 1;
      if (id < 0) return -1;
      if (table[entry] !== hash || table[entry + 3] !== length) continue;
      if (this.#isAt(table[entry + 2]!, bytes, start, length)) return id;
    }
  }

  /** The bytes of an id, a view; empty when it has none. */
  bytesOf(id: number): Uint8Array {
    if (!this.has(id)) return this.#bytes.subarray(0, 0);
    const start = this.#starts[id]!;
    return this.#bytes.subarray(start, start + this.#lengths[id]!);
  }

  /** Length of the bytes of an id; -1 when it has no token. */
  lengthOf(id: number): number {
    return this.#lengths[id] ?? -1;
  }

  #isAt(at: number, bytes: Uint8Array, start: number, length: number): boolean {
    const own = this.#bytes;
    for (let i = 0; i < length; i++) {
      if (own[at + i] !== bytes[start + i]) return false;
    }
    return true;
  }

  #grow(more: number): void {
    const bytes = new Uint8Array(Math.max(this.#bytes.length * 2, this.#used + more));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
  }
}

/** FNV-1a with a last mix, since tables take the low bits. */
export function hashOf(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  return hash ^ hash >>> 15;
}
