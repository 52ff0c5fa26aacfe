// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A place in a chain of full blocks: what all the tokens up to there are. Never used twice. */
export type ChainId = number;

/**
 * Salts whose chains are remembered; one more, and the chains of the oldest are not found again.
 */
const SALTS_MAX = 4096;

/**
 * Which block holds the keys and values of which tokens, after which others.
 *
 * A full block is found by the chain that it goes on and by its own tokens:
 *
 *     root of a salt ──► block of tokens 0..15 ──► block of tokens 16..31 ──► ...
 *           id 1                  id 7                     id 9
 *
 * The hash only finds a bucket; the chain before and every token are compared, so that no request
 * is ever given the block of another text, however the texts were chosen.
 */
export class PrefixCache {
  readonly #blockTokens: number;
  /** The tokens of each block that is known. */
  readonly #tokens: Int32Array;
  readonly #before: Float64Array;
  /** 0 where a block is not known. */
  readonly #ids: Float64Array;
  readonly #hashes: Int32Array;
  /** First block of each bucket, and the next one in the same; -1 ends. */
  readonly #buckets: Int32Array;
  readonly #next: Int32Array;
  readonly #roots = new Map<string, ChainId>();
  #lastId = 0;
  #size = 0;

  /** Knows no block yet. */
  constructor(blockCount: number, blockTokens: number) {
    this.#blockTokens = blockTokens;
    this.#tokens = new Int32Array(blockCount * blockTokens);
    this.#before = new Float64Array(blockCount);
    this.#ids = new Float64Array(blockCount);
    this.#hashes = new Int32Array(blockCount);
    this.#buckets = new Int32Array(2 ** Math.ceil(Math.log2(blockCount + 1))).fill(-1);
    this.#next = new Int32Array(blockCount);
  }

  /** Blocks that can be found. */
  get size(): number {
    return this.#size;
  }

  /** Where the chains of a salt begin. */
  root(salt: string): ChainId {
    let id = this.#roots.get(salt);
    if (id !== undefined) return id;
    if (this.#roots.size >= SALTS_MAX) this.#roots.delete(this.#roots.keys().next().value!);
    id = ++this.#lastId;
    this.#roots.set(salt, id);
    return id;
  }

  /** Whether the block can be found. */
  has(block: number): boolean {
    return this.#ids[block] !== 0;
  }

  /** The place that a block which can be found is. */
  idOf(block: number): ChainId {
    return this.#ids[block]!;
  }

  /** The block with the tokens from `offset` on that goes on a chain; -1 when there is none. */
  find(chain: ChainId, tokens: Int32Array, offset: number): number {
    return this.#find(this.#hash(chain, tokens, offset), chain, tokens, offset);
  }

  /**
   * Makes a full block known. When an equal one is, that one stays the one to be found.
   *
   * @returns the chain with this block
   */
  add(block: number, chain: ChainId, tokens: Int32Array, offset: number): ChainId {
    const hash = this.#hash(chain, tokens, offset);
    const equal = this.#find(hash, chain, tokens, offset);
    if (equal >= 0) return this.#ids[equal]!;
    const size = this.#blockTokens;
    for (let i = 0; i < size; i++) this.#tokens[block * size + i] = tokens[offset + i]!;
    this.#before[block] = chain;
    this.#hashes[block] = hash;
    const bucket = this.#bucket(hash);
    this.#next[block] = this.#buckets[bucket]!;
    this.#buckets[bucket] = block;
    this.#size++;
    return this.#ids[block] = ++this.#lastId;
  }

  /** Forgets a block, where it is known. */
  remove(block: number): void {
    if (!this.has(block)) return;
    const bucket = this.#bucket(this.#hashes[block]!);
    let at = this.#buckets[bucket]!;
    if (at === block) {
      this.#buckets[bucket] = this.#next[block]!;
    } else {
      while (this.#next[at] !== block) at = this.#next[at]!;
      this.#next[at] = this.#next[block]!;
    }
    this.#ids[block] = 0;
    this.#size--;
  }

  /** Forgets all blocks. */
  clear(): void {
    this.#ids.fill(0);
    this.#buckets.fill(-1);
    this.#roots.clear();
    this.#size = 0;
  }

  #find(hash: number, chain: ChainId, tokens: Int32Array, offset: number): number {
    let block = this.#buckets[this.#bucket(hash)]!;
    while (block >= 0 && !this.#isEqual(block, hash, chain, tokens, offset)) {
      block = this.#next[block]!;
    }
    return block;
  }

  #isEqual(
    block: number,
    hash: number,
    chain: ChainId,
    tokens: Int32Array,
    offset: number,
  ): boolean {
    if (this.#hashes[block] !== hash || this.#before[block] !== chain) return false;
    const size = this.#blockTokens;
    for (let i = 0; i < size; i++) {
      if (this.#tokens[block * size + i] !== tokens[offset + i]) return false;
    }
    return true;
  }

  /** Chain ids are whole numbers of up to 53 bits. */
  #hash(chain: ChainId, tokens: Int32Array, offset: number): number {
    let hash = Math.imul(chain | 0, 0x9e3779b1) ^ Math.imul(chain / 2 ** 32 | 0, 0x85ebca6b);
    const end = offset + this.#blockTokens;
    for (let i = offset; i < end; i++) {
      hash = Math.imul(hash ^ tokens[i]!, 0x01000193);
      hash ^= hash >>> 15;
    }
    return hash;
  }

  #bucket(hash: number): number {
    return hash & this.#buckets.length - 1;
  }
}
