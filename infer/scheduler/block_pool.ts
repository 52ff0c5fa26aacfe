// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { PrefixCache } from "./prefix_cache.ts";

/**
 * The blocks of keys and values of a backend: how many sequences use each, and which may be had.
 *
 * A block that nobody uses is free and keeps its content until it is taken, so that the prefix
 * cache may still find it. Free blocks are a list from the one to take first:
 *
 *     head ─► never used, or unfinished ─► least recently used of the known ─► ... ─► tail
 *
 * As a sequence gives back its last block first, the end of a text is forgotten before its
 * beginning.
 */
export class BlockPool {
  /** Blocks, numbered from 0. */
  readonly blockCount: number;
  /** Which blocks hold what; empty where the cache is switched off. */
  readonly prefixes: PrefixCache;
  readonly #users: Int32Array;
  /** Neighbours in the list of free blocks; the last element is both its ends. */
  readonly #previous: Int32Array;
  readonly #next: Int32Array;
  #freeCount: number;

  /** All blocks free, none known. */
  constructor(blockCount: number, blockTokens: number) {
    this.blockCount = blockCount;
    this.prefixes = new PrefixCache(blockCount, blockTokens);
    this.#users = new Int32Array(blockCount);
    this.#previous = Int32Array.from({ length: blockCount + 1 }, (_, i) => i - 1);
    this.#next = Int32Array.from({ length: blockCount + 1 }, (_, i) => i + 1);
    this.#previous[0] = blockCount;
    this.#next[blockCount] = 0;
    this.#freeCount = blockCount;
  }

  /** Blocks that nobody uses. */
  get freeCount(): number {
    return this.#freeCount;
  }

  /** Sequences that use a block. */
  usersOf(block: number): number {
    return this.#users[block]!;
  }

  /**
   * Takes a free block; what the cache knew of it is forgotten.
   *
   * @throws {RangeError} when none is free
   */
  take(): number {
    const block = this.#next[this.blockCount]!;
    if (block === this.blockCount) throw new RangeError("Cannot take a block: none is free");
    this.#unlink(block);
    this.prefixes.remove(block);
    this.#users[block] = 1;
    return block;
  }

  /** Uses a block once more: one of another sequence, or a free one that the cache has found. */
  share(block: number): void {
    if (this.#users[block]!++ === 0) this.#unlink(block);
  }

  /**
   * Gives a block back.
   *
   * @throws {RangeError} when nobody uses it
   */
  release(block: number): void {
    const users = this.#users[block]!;
    if (!(users > 0)) throw new RangeError(`Cannot release block ${block}: nobody uses it`);
    this.#users[block] = users - 1;
    if (users > 1) return;
    const end = this.blockCount;
    if (this.prefixes.has(block)) this.#link(this.#previous[end]!, block, end);
    else this.#link(end, block, this.#next[end]!);
  }

  /** The free blocks in the order in which they would be taken; for tests. */
  freeBlocks(): number[] {
    const blocks: number[] = [];
    for (let at = this.#next[this.blockCount]!; at !== this.blockCount; at = this.#next[at]!) {
      blocks.push(at);
    }
    return blocks;
  }

  #link(before: number, block: number, after: number): void {
    this.#next[before] = block;
    this.#previous[block] = before;
    this.#next[block] = after;
    this.#previous[after] = block;
    this.#freeCount++;
  }

  #unlink(block: number): void {
    const before = this.#previous[block]!;
    const after = this.#next[block]!;
    this.#next[before] = after;
    this.#previous[after] = before;
    this.#freeCount--;
  }
}
