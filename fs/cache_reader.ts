// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Semaphore } from "../thread/semaphore.ts";
import type { CachedEntry, Refill } from "./cache_entry.ts";
import type { CacheStore } from "./cache_store.ts";
import type { RandomAccessFile } from "./file_system.ts";
import { readFullAt } from "./whole_file.ts";

/** Sizes that {@linkcode CacheReader} works with, in bytes. */
export interface CacheReaderOptions {
  /** A block. */
  blockBytes: number;
  /** What is read from the source at once, at most; a whole number of blocks. */
  refillBytesMax: number;
}

/** Refills that are read or stored at once; more wait, so that memory stays bounded. */
const REFILLS_MAX = 16;
/** Blocks of one read; longer ones give fewer bytes than were asked for. */
const READ_BLOCKS_MAX = 64;

/** Reads blocks from the cache, and those that are not there from the source, each once. */
export class CacheReader {
  readonly #store: CacheStore;
  readonly #blockBytes: number;
  readonly #runBlocksMax: number;
  readonly #permits = new Semaphore(REFILLS_MAX);
  readonly #storing = new Set<Promise<void>>();

  /** A reader of a store. */
  constructor(store: CacheStore, options: CacheReaderOptions) {
    this.#store = store;
    this.#blockBytes = options.blockBytes;
    this.#runBlocksMax = Math.max(1, Math.floor(options.refillBytesMax / options.blockBytes));
  }

  /**
   * Reads from a file whose state is known.
   *
   * @param source The same file, to read what is not there from
   * @param offset Below the size that the file has in that state
   * @returns How many bytes; 0 when the source has become shorter
   */
  read(
    entry: CachedEntry,
    source: RandomAccessFile,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    const first = Math.floor(offset / this.#blockBytes);
    const rest = Math.min((first + 1) * this.#blockBytes, entry.version.size) - offset;
    if (into.length > rest || !entry.blocks.has(first)) {
      return this.#readBlocks(entry, source, into, offset);
    }
    return this.#readBlock(entry, source, into, offset, undefined);
  }

  /** Reads from several blocks at the same time. */
  async #readBlocks(
    entry: CachedEntry,
    source: RandomAccessFile,
    into: Uint8Array,
    offset: number,
  ): Promise<number> {
    const first = Math.floor(offset / this.#blockBytes);
    const last = (first + READ_BLOCKS_MAX) * this.#blockBytes;
    const end = Math.min(offset + into.length, entry.version.size, last);
    const reads = this.#parts(entry, source, first, end).map(async ({ block, refill }) => {
      const start = Math.max(offset, block * this.#blockBytes);
      const stop = Math.min(end, (block + 1) * this.#blockBytes);
      const target = into.subarray(start - offset, stop - offset);
      return {
        stop,
        lacking: stop - start - await this.#readBlock(entry, source, target, start, refill),
      };
    });
    for (const { stop, lacking } of await Promise.all(reads)) {
      // What comes after a gap does not count.
      if (lacking > 0) return stop - lacking - offset;
    }
    return end - offset;
  }

  /** Brings a range into the cache. */
  async prefetch(
    entry: CachedEntry,
    source: RandomAccessFile,
    offset: number,
    end: number,
  ): Promise<void> {
    const step = this.#runBlocksMax * this.#blockBytes;
    const begin = Math.floor(offset / this.#blockBytes);
    for (let at = begin * this.#blockBytes; at < end && !entry.dropped; at += step) {
      const stop = Math.min(end, at + step);
      const parts = this.#parts(entry, source, at / this.#blockBytes, stop);
      await Promise.all(parts.map(({ refill }) => refill?.promise));
    }
    await this.idle();
  }

  /** Resolves when all that was read is stored. */
  async idle(): Promise<void> {
    while (this.#storing.size > 0) await Promise.all(this.#storing);
  }

  /** The blocks up to an offset; what is missing is being fetched, neighbours together. */
  #parts(entry: CachedEntry, source: RandomAccessFile, first: number, end: number): Part[] {
    const parts: Part[] = [];
    const count = Math.ceil(end / this.#blockBytes);
    for (let block = first; block < count;) {
      if (entry.blocks.has(block)) parts.push({ block: block++, refill: undefined });
      else if (entry.refills.has(block)) {
        const promise = entry.refills.get(block)!;
        parts.push({ block: block++, refill: { promise, isShared: true } });
      } else {
        let stop = block + 1;
        while (
          stop < count && stop < block + this.#runBlocksMax && !entry.blocks.has(stop) &&
          !entry.refills.has(stop)
        ) stop++;
        const promise = this.#refill(entry, source, block, stop);
        for (; block < stop; block++) {
          entry.refills.set(block, promise);
          parts.push({ block, refill: { promise, isShared: false } });
        }
      }
    }
    return parts;
  }

  /** Reads within one block; gives how many bytes. */
  async #readBlock(
    entry: CachedEntry,
    source: RandomAccessFile,
    into: Uint8Array,
    offset: number,
    refill: Part["refill"],
  ): Promise<number> {
    if (refill === undefined) {
      const block = Math.floor(offset / this.#blockBytes);
      const count = await this.#store.read(entry, block, into, offset - block * this.#blockBytes);
      if (count !== undefined) {
        for (const counts of [entry.statistics, this.#store.total]) {
          counts.hits++;
          counts.hitBytes += count;
        }
        return count;
      }
    }
    entry.statistics.misses++;
    this.#store.total.misses++;
    try {
      if (refill !== undefined) return copyFrom(await refill.promise, into, offset);
    } catch (error) {
      // Whoever began it may have closed its file meanwhile.
      if (!refill!.isShared) throw error;
    }
    const count = await readFullAt(source, into, offset);
    this.#countSource(entry, count);
    return count;
  }

  /** Reads blocks from the source; they are stored after it has resolved. */
  async #refill(
    entry: CachedEntry,
    source: RandomAccessFile,
    first: number,
    stop: number,
  ): Promise<Refill> {
    entry.handles++;
    try {
      await this.#permits.wait();
    } catch (error) {
      this.#endRefill(entry, first, stop);
      throw error;
    }
    let isStoring = false;
    try {
      const offset = first * this.#blockBytes;
      const end = Math.min(stop * this.#blockBytes, entry.version.size);
      const bytes = new Uint8Array(end - offset);
      const count = await readFullAt(source, bytes, offset);
      this.#countSource(entry, count);
      // A source that became shorter is in another state.
      isStoring = count === bytes.length;
      if (isStoring) this.#storeLater(entry, first, stop, bytes);
      return { offset, bytes: bytes.subarray(0, count) };
    } finally {
      if (!isStoring) {
        this.#permits.signal();
        this.#endRefill(entry, first, stop);
      }
    }
  }

  #storeLater(entry: CachedEntry, first: number, stop: number, bytes: Uint8Array): void {
    const storing = this.#storeAll(entry, first, bytes).finally(() => {
      this.#permits.signal();
      this.#endRefill(entry, first, stop);
      this.#storing.delete(storing);
    });
    this.#storing.add(storing);
  }

  async #storeAll(entry: CachedEntry, first: number, bytes: Uint8Array): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; at += this.#blockBytes) {
        const block = first + at / this.#blockBytes;
        await this.#store.put(entry, block, bytes.subarray(at, at + this.#blockBytes));
      }
    } catch {
      // A full or broken disk makes the cache useless, not the files.
      this.#store.total.failures++;
      entry.statistics.failures++;
    }
  }

  #endRefill(entry: CachedEntry, first: number, stop: number): void {
    for (let block = first; block < stop; block++) entry.refills.delete(block);
    this.#store.leave(entry);
  }

  #countSource(entry: CachedEntry, byteLength: number): void {
    entry.statistics.sourceBytes += byteLength;
    this.#store.total.sourceBytes += byteLength;
  }
}

/** One block of a read. */
interface Part {
  readonly block: number;
  /** How it is being fetched; undefined when it is in the cache. */
  readonly refill: { readonly promise: Promise<Refill>; readonly isShared: boolean } | undefined;
}

function copyFrom(refill: Refill, into: Uint8Array, offset: number): number {
  const start = offset - refill.offset;
  const bytes = refill.bytes.subarray(start, start + into.length);
  into.set(bytes);
  return bytes.length;
}
