// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CachedEntry, type CacheStatistics, isSameVersion, noStatistics } from "./cache_entry.ts";
import { CacheIndex } from "./cache_index.ts";
import { CacheJournal } from "./cache_journal.ts";
import type { Version } from "./cache_record.ts";
import { replay, type Replayed } from "./cache_replay.ts";
import type { SlotUse } from "./cache_slots.ts";
import { CacheSpace } from "./cache_space.ts";
import { crc32c } from "./crc32c.ts";
import type { FileSystem, RandomAccessFile } from "./file_system.ts";
import { readFullAt, writeAllAt } from "./whole_file.ts";

/** Where a {@linkcode CacheStore} is, and how large it may become. */
export interface CacheStoreOptions {
  /** The file system that it is on. */
  system: FileSystem;
  /** The directory that it has for itself. */
  folder: string;
  /** Bytes that it may take up there. */
  quotaBytes: number;
  /** Bytes of a block. */
  blockBytes: number;
  /** Part of the slots at which it begins to evict. */
  highWatermark: number;
  /** Part of the slots at which it stops. */
  lowWatermark: number;
}

/** Part of the quota for the journal, and half as much again while it is written anew. */
const JOURNAL_SHARE = 1 / 32;
/** Bytes that the journal has at least. */
const JOURNAL_BYTES_MIN = 16_384;
/** Fewer blocks than these are no cache. */
const SLOTS_MIN = 4;

/**
 * The blocks of a cache on the disk. Three files are in its directory: `data`, with the blocks;
 * `journal`, which says what they are; `lock`, which keeps other programs out.
 *
 * Whatever happens, no byte is given out that was not stored for the file in the state that is
 * asked for. A slot is used again only after the journal says that it is free, and what another
 * run of the program stored is compared with its check before it is believed.
 */
export class CacheStore {
  /** What it did for all files. */
  readonly total: CacheStatistics = noStatistics();
  readonly #options: CacheStoreOptions;
  readonly #journalBytesMax: number;
  readonly #data: RandomAccessFile;
  readonly #lock: RandomAccessFile;
  readonly #slotCount: number;
  readonly #space: CacheSpace;
  readonly #index = new CacheIndex();
  #journal!: CacheJournal;
  #lastId = 0;

  /** Use {@linkcode CacheStore.open}. */
  constructor(options: CacheStoreOptions, lock: RandomAccessFile, data: RandomAccessFile) {
    const { quotaBytes, blockBytes } = options;
    this.#options = options;
    this.#lock = lock;
    this.#data = data;
    this.#journalBytesMax = Math.max(JOURNAL_BYTES_MIN, Math.floor(quotaBytes * JOURNAL_SHARE));
    const count = Math.floor((quotaBytes - 1.5 * this.#journalBytesMax) / blockBytes);
    if (!(count >= SLOTS_MIN)) {
      throw new RangeError(
        `Cannot open a cache: ${quotaBytes} bytes have no room for ${SLOTS_MIN} blocks of ` +
          `${blockBytes} and what is written about them`,
      );
    }
    this.#slotCount = count;
    this.#space = new CacheSpace({
      ...options,
      slots: count,
      // The rest is room for what is appended until the journal is written anew.
      recordBytesMax: this.#journalBytesMax / 2,
      total: this.total,
      onEmpty: (entry) => this.#removeUnused(entry),
    });
  }

  /**
   * Opens a cache with what it has; makes the directory where there is none.
   *
   * @throws {Deno.errors.Busy} when another program, or another part of this, uses it
   * @throws {RangeError} when the quota is too small for a few blocks
   */
  static async open(options: CacheStoreOptions): Promise<CacheStore> {
    const { system, folder } = options;
    await system.mkdir(folder, { recursive: true });
    const files: RandomAccessFile[] = [];
    try {
      const mode = { read: true, write: true, create: true };
      const lock = await system.open(`${folder}/lock`, mode);
      files.push(lock);
      if (await lock.tryLock?.(true) === false) {
        throw new Deno.errors.Busy(`Cannot open a cache: "${folder}" is in use`);
      }
      const data = await system.open(`${folder}/data`, mode);
      files.push(data);
      const store = new CacheStore(options, lock, data);
      await store.#load();
      return store;
    } catch (error) {
      for (const file of files) file.close();
      throw error;
    }
  }

  /** Whether blocks are stored; not after the journal could not be written. */
  get usable(): boolean {
    return !this.#journal.failed;
  }

  /** What is kept of a file in a certain state; what is kept of another state is dropped. */
  enter(path: string, version: Version): CachedEntry {
    let entry = this.#index.find(path);
    if (entry !== undefined && !isSameVersion(entry.version, version)) {
      this.#space.track(this.drop([entry]));
      entry = undefined;
    }
    if (entry === undefined) {
      this.#index.add(entry = new CachedEntry(++this.#lastId, path, version));
    }
    entry.handles++;
    return entry;
  }

  /** Says that an open file, or a refill, is done with an entry. */
  leave(entry: CachedEntry): void {
    entry.handles--;
    this.#removeUnused(entry);
  }

  /** What is kept of the file at a path, and of the files below it. */
  below(path: string): CachedEntry[] {
    return this.#index.below(path);
  }

  /** What is kept of a file by whatever path. */
  aliases(identity: string): CachedEntry[] {
    return this.#index.aliases(identity);
  }

  /**
   * Forgets files.
   *
   * @returns Resolves when they are forgotten even if the program dies
   * @throws {Error} when that cannot be written down
   */
  async drop(entries: readonly CachedEntry[]): Promise<void> {
    for (const entry of entries) {
      entry.dropped = true;
      this.#index.remove(entry);
    }
    try {
      await this.#space.drop(entries);
    } catch {
      // What could not be taken out of the journal must not be read from it.
      await this.#journal.discard();
    }
  }

  /** Stores a block, unless there is no room, or the file is in another state by then. */
  async put(entry: CachedEntry, block: number, bytes: Uint8Array): Promise<void> {
    const isWanted = () => this.usable && !entry.dropped && !entry.blocks.has(block);
    if (!isWanted()) return;
    const slot = await this.#space.take(entry);
    if (slot === undefined) return;
    let isStored = false;
    try {
      await writeAllAt(this.#data, bytes, slot * this.#options.blockBytes);
      isStored = isWanted();
    } finally {
      if (!isStored) this.#space.giveBack(slot);
    }
    if (!isStored) return;
    const [byteLength, check] = [bytes.length, crc32c(bytes)];
    await this.#space.assign(slot, { entry, block, byteLength, check, verified: true, readers: 0 });
  }

  /**
   * Reads from a block.
   *
   * @returns How many bytes; undefined when the block is not there, or is damaged
   */
  async read(
    entry: CachedEntry,
    block: number,
    into: Uint8Array,
    offset: number,
  ): Promise<number | undefined> {
    const slot = entry.blocks.get(block);
    if (slot === undefined) return undefined;
    const use = this.#space.read(slot);
    try {
      const isWhole = await this.#read(slot, use, into, offset);
      if (isWhole) return Math.min(into.length, use.byteLength - offset);
      this.#space.discard(slot, use);
      return undefined;
    } finally {
      this.#space.leave(use);
    }
  }

  /** Waits until all is written, and would survive a loss of power. */
  async sync(): Promise<void> {
    await this.#data.sync();
    await this.#journal.sync();
  }

  /** Closes its files, when nothing is read or stored any more. */
  async close(): Promise<void> {
    try {
      await this.#space.settle();
      await this.sync();
    } finally {
      await this.#journal.close();
      this.#data.close();
      this.#lock.close();
    }
  }

  async #load(): Promise<void> {
    const { system, folder, blockBytes } = this.#options;
    const { journal, records } = await CacheJournal.open({
      system,
      path: `${folder}/journal`,
      blockBytes,
      byteLengthMax: this.#journalBytesMax,
      snapshot: () => this.#space.snapshot(),
    });
    this.#journal = journal;
    try {
      await this.#restore(journal, replay(records));
      await journal.shrink();
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Takes over what an earlier run has left. */
  async #restore(journal: CacheJournal, { entries, uses, lastId }: Replayed): Promise<void> {
    this.#lastId = lastId;
    for (const entry of entries) this.#index.add(entry);
    await this.#space.restore(journal, uses);
    for (const entry of entries) this.#removeUnused(entry);
    const { size } = await this.#data.stat();
    await this.#data.truncate(Math.min(size, this.#slotCount * this.#options.blockBytes));
  }

  #removeUnused(entry: CachedEntry): void {
    if (entry.handles === 0 && entry.blocks.size === 0) this.#index.remove(entry);
  }

  /** Whether all that was asked for is there, and is what was stored. */
  async #read(slot: number, use: SlotUse, into: Uint8Array, offset: number): Promise<boolean> {
    const at = slot * this.#options.blockBytes;
    try {
      if (!use.verified) {
        const bytes = new Uint8Array(use.byteLength);
        const count = await readFullAt(this.#data, bytes, at);
        use.verified = count === bytes.length && crc32c(bytes) === use.check;
        if (use.verified) into.set(bytes.subarray(offset, offset + into.length));
        return use.verified;
      }
      const wanted = into.subarray(0, use.byteLength - offset);
      return await readFullAt(this.#data, wanted, at + offset) === wanted.length;
    } catch {
      // The source has it too.
      return false;
    }
  }
}
