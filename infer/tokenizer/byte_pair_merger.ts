// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { IdList } from "./id_list.ts";
import { type MergeTable, NO_RANK } from "./merge_table.ts";

/** Up to this many symbols looking at all of them for each merge is faster than a heap. */
const SCAN_SYMBOLS_MAX = 40;

/** A heap's key is `rank * POSITIONS + position`, exact in a double while ranks are below 2^22. */
const POSITIONS = 2 ** 31;

/** Every symbol enters once, and each merge, of which there are fewer, takes one and adds two. */
const HEAP_KEYS_PER_SYMBOL = 2;

/** Symbols for which memory is kept between pieces. */
const KEPT_SYMBOLS_MAX = 2 ** 16;

/**
 * Byte-pair encoding of one piece: begins with a token a byte and merges the pair of neighbours
 * with the lowest rank, the leftmost of equal ones, until none is left.
 *
 * Short pieces are scanned; long ones go through a heap, so that 100 000 letters take n log n.
 */
export class BytePairMerger {
  readonly #merges: MergeTable;
  readonly #byteIds: Int32Array;
  #symbols = new Int32Array(256);
  #ranks = new Int32Array(256);
  #next = new Int32Array(256);
  #previous = new Int32Array(256);
  #heap = new Float64Array(256 * HEAP_KEYS_PER_SYMBOL);
  #heapLength = 0;

  /** `byteIds` are the tokens of the 256 bytes. */
  constructor(merges: MergeTable, byteIds: Int32Array) {
    this.#merges = merges;
    this.#byteIds = byteIds;
  }

  /** Appends the tokens of `bytes[start..end)`. */
  merge(bytes: Uint8Array, start: number, end: number, ids: IdList): void {
    const count = end - start;
    if (count > this.#symbols.length) this.#allocate(count);
    const symbols = this.#symbols;
    for (let i = 0; i < count; i++) symbols[i] = this.#byteIds[bytes[start + i]!]!;
    for (let i = 0; i + 1 < count; i++) this.#ranks[i] = this.#rankAt(i, i + 1);
    this.#ranks[count - 1] = NO_RANK;
    if (count > SCAN_SYMBOLS_MAX) {
      this.#mergeByHeap(count, ids);
      if (count > KEPT_SYMBOLS_MAX) this.#allocate(KEPT_SYMBOLS_MAX);
      return;
    }
    const left = this.#mergeByScan(count);
    for (let i = 0; i < left; i++) ids.push(symbols[i]!);
  }

  /** Leaves the tokens at the front of the symbols and returns how many they are. */
  #mergeByScan(count: number): number {
    const symbols = this.#symbols;
    const ranks = this.#ranks;
    for (;;) {
      let best = 0;
      let rank = NO_RANK;
      for (let i = 0; i < count - 1; i++) {
        if (ranks[i]! < rank) {
          rank = ranks[i]!;
          best = i;
        }
      }
      if (rank === NO_RANK) return count;
      symbols[best] = this.#merges.resultOf(rank);
      count--;
      for (let i = best + 1; i < count; i++) {
        symbols[i] = symbols[i + 1]!;
        ranks[i] = ranks[i + 1]!;
      }
      if (best > 0) ranks[best - 1] = this.#rankAt(best - 1, best);
      ranks[best] = best + 1 < count ? this.#rankAt(best, best + 1) : NO_RANK;
    }
  }

  /** Symbols stay in place and are linked; a heap's entry is stale when its rank has gone. */
  #mergeByHeap(count: number, ids: IdList): void {
    const symbols = this.#symbols;
    const ranks = this.#ranks;
    const next = this.#next;
    const previous = this.#previous;
    this.#heapLength = 0;
    for (let i = 0; i < count; i++) {
      next[i] = i + 1;
      previous[i] = i - 1;
      if (ranks[i] !== NO_RANK) this.#push(i);
    }
    while (this.#heapLength > 0) {
      const key = this.#pop();
      const rank = Math.floor(key / POSITIONS);
      const at = key - rank * POSITIONS;
      if (ranks[at] !== rank) continue;
      symbols[at] = this.#merges.resultOf(rank);
      const gone = next[at]!;
      ranks[gone] = NO_RANK;
      next[at] = next[gone]!;
      if (next[at]! < count) previous[next[at]!] = at;
      this.#rerank(at, count);
      if (previous[at]! >= 0) this.#rerank(previous[at]!, count);
    }
    for (let i = 0; i < count; i = next[i]!) ids.push(symbols[i]!);
  }

  #rerank(at: number, count: number): void {
    const next = this.#next[at]!;
    this.#ranks[at] = next < count ? this.#rankAt(at, next) : NO_RANK;
    if (this.#ranks[at] !== NO_RANK) this.#push(at);
  }

  #rankAt(left: number, right: number): number {
    return this.#merges.rankOf(this.#symbols[left]!, this.#symbols[right]!);
  }

  #push(position: number): void {
    const heap = this.#heap;
    const key = this.#ranks[position]! * POSITIONS + position;
    let i = this.#heapLength++;
    while (i > 0 && heap[(i - 1) >> 1]! > key) {
      heap[i] = heap[(i - 1) >> 1]!;
      i = (i - 1) >> 1;
    }
    heap[i] = key;
  }

  #pop(): number {
    const heap = this.#heap;
    const least = heap[0]!;
    const key = heap[--this.#heapLength]!;
    let i = 0;
    for (let child = 1; child < this.#heapLength; child = 2 * i + 1) {
      if (child + 1 < this.#heapLength && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= key) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = key;
    return least;
  }

  #allocate(count: number): void {
    this.#symbols = new Int32Array(count);
    this.#ranks = new Int32Array(count);
    this.#next = new Int32Array(count);
    this.#previous = new Int32Array(count);
    this.#heap = new Float64Array(count * HEAP_KEYS_PER_SYMBOL);
  }
}
