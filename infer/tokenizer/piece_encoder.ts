// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { BytePairMerger } from "./byte_pair_merger.ts";
import { IdList } from "./id_list.ts";
import type { MergeTable } from "./merge_table.ts";
import { hashOf, type Vocabulary } from "./vocabulary.ts";

/** Pieces whose tokens are remembered; a newer one takes the place of an older with its slot. */
const CACHE_SLOTS = 2 ** 14;
/** Longer pieces are merged each time. */
const CACHED_BYTES_MAX = 32;
/** Pieces of more tokens are merged each time. */
const CACHED_IDS_MAX = 12;

/** Not asked yet whether merges make the token. */
const UNKNOWN = 0;
const MERGED = 1;
const UNREACHABLE = 2;

/** Byte-level BPE of one piece after the other, with what is known of earlier ones. */
export class PieceEncoder {
  readonly #vocabulary: Vocabulary;
  readonly #merger: BytePairMerger;
  readonly #ignoreMerges: boolean;
  /** By id: whether merging the bytes of the token gives the token. */
  readonly #reachable: Uint8Array;
  readonly #cacheKeys = new Uint8Array(CACHE_SLOTS * CACHED_BYTES_MAX);
  readonly #cacheIds = new Uint32Array(CACHE_SLOTS * CACHED_IDS_MAX);
  /** Per slot the hash, the bytes and the count of ids; no bytes when it is free. */
  readonly #cacheSlots = new Int32Array(CACHE_SLOTS * 4);

  /** With `ignoreMerges` a piece that is a token becomes it, whether or not merges lead there. */
  constructor(
    vocabulary: Vocabulary,
    merges: MergeTable,
    byteIds: Int32Array,
    ignoreMerges: boolean,
  ) {
    this.#vocabulary = vocabulary;
    this.#merger = new BytePairMerger(merges, byteIds);
    this.#ignoreMerges = ignoreMerges;
    this.#reachable = new Uint8Array(vocabulary.size);
  }

  /** Appends the ids of the piece `bytes[start..end)`. */
  encode(bytes: Uint8Array, start: number, end: number, ids: IdList): void {
    const hash = hashOf(bytes, start, end);
    const id = this.#vocabulary.find(bytes, start, end, hash);
    if (id >= 0 && (this.#ignoreMerges || this.#isReachable(id, bytes, start, end))) {
      ids.push(id);
      return;
    }
    const slot = hash & CACHE_SLOTS - 1;
    if (this.#pushCached(slot, hash, bytes, start, end, ids)) return;
    const first = ids.length;
    this.#merger.merge(bytes, start, end, ids);
    if (end - start <= CACHED_BYTES_MAX && ids.length - first <= CACHED_IDS_MAX) {
      this.#remember(slot, hash, bytes, start, end, ids, first);
    }
  }

  #isReachable(id: number, bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#reachable[id] === UNKNOWN) {
      const ids = new IdList();
      this.#merger.merge(bytes, start, end, ids);
      this.#reachable[id] = ids.length === 1 && ids.at(0) === id ? MERGED : UNREACHABLE;
    }
    return this.#reachable[id] === MERGED;
  }

  #pushCached(
    slot: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    ids: IdList,
  ): boolean {
    const slots = this.#cacheSlots;
    const length = end - start;
    if (slots[slot * 4] !== hash || slots[slot * 4 + 1] !== length) return false;
    const key = slot * CACHED_BYTES_MAX;
    for (let i = 0; i < length; i++) {
      if (this.#cacheKeys[key + i] !== bytes[start + i]) return false;
    }
    const value = slot * CACHED_IDS_MAX;
    const count = slots[slot * 4 + 2]!;
    for (let i = 0; i < count; i++) ids.push(this.#cacheIds[value + i]!);
    return true;
  }

  #remember(
    slot: number,
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    ids: IdList,
    first: number,
  ): void {
    const slots = this.#cacheSlots;
    slots[slot * 4] = hash;
    slots[slot * 4 + 1] = end - start;
    slots[slot * 4 + 2] = ids.length - first;
    for (let i = start; i < end; i++) {
      this.#cacheKeys[slot * CACHED_BYTES_MAX + i - start] = bytes[i]!;
    }
    for (let i = first; i < ids.length; i++) {
      this.#cacheIds[slot * CACHED_IDS_MAX + i - first] = ids.at(i);
    }
  }
}
