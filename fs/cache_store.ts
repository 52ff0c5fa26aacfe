// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  CachedEntry,
  type CacheStatistics,
  fileRecord,
  isSameVersion,
  noStatistics,
} from "./cache_entry.ts";
import { CacheIndex } from "./cache_index.ts";
import { CacheJournal } from "./cache_journal.ts";
import {
  BLOCK_RECORD_BYTES,
  type CacheRecord,
  fileRecordBytes,
  type Version,
} from "./cache_record.ts";
import { replay, type Replayed } from "./cache_replay.ts";
import { blockRecord, CacheSlots, type SlotUse } from "./cache_slots.ts";
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
/** Slots that are evicted at once: what one write of the journal may grow by. */
const EVICTIONS_MAX = 256;
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
  readonly #slots: CacheSlots;
  readonly #index = new CacheIndex();
  /** Slots on their way to be free. */
  readonly #leaving = new Set<Promise<void>>();
  #journal!: CacheJournal;
  /** Bytes of the records that a new journal would have. */
  #liveBytes = 0;
  #lastId = 0;
  #eviction: Promise<void> | undefined;

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
    this.#slots = new CacheSlots(count);
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
      this.#track(this.drop([entry]));
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
    if (--entry.handles === 0 && entry.blocks.size === 0) this.#index.remove(entry);
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
    const records: CacheRecord[] = [];
    const slots: number[] = [];
    const readers: Promise<void>[] = [];
    for (const entry of entries) {
      entry.dropped = true;
      if (entry.recorded) records.push({ kind: "drop", file: entry.id });
      for (const slot of [...entry.blocks.values()]) {
        slots.push(slot);
        readers.push(...this.#withdraw(slot));
      }
      this.#index.remove(entry);
    }
    try {
      // Also without a record: those of an eviction may be on their way.
      await this.#journal.append(records);
      this.#track(Promise.all(readers).then(() => this.#slots.release(slots)));
    } catch {
      // What could not be taken out of the journal must not be read from it.
      await this.#journal.discard();
    }
  }

  /** Stores a block, unless there is no room, or the file is in another state by then. */
  async put(entry: CachedEntry, block: number, bytes: Uint8Array): Promise<void> {
    const isWanted = () => this.usable && !entry.dropped && !entry.blocks.has(block);
    if (!isWanted()) return;
    const recordBytes = BLOCK_RECORD_BYTES + (entry.recorded ? 0 : fileRecordBytes(entry.path));
    const slot = await this.#takeSlot(recordBytes);
    if (slot === undefined) return;
    let isStored = false;
    try {
      const check = crc32c(bytes);
      await writeAllAt(this.#data, bytes, slot * this.#options.blockBytes);
      isStored = isWanted();
      if (!isStored) return;
      const byteLength = bytes.length;
      this.#assign(slot, { entry, block, byteLength, check, verified: true, readers: 0 });
    } finally {
      if (!isStored) this.#slots.release([slot]);
    }
    const use = this.#slots.use(slot)!;
    await this.#journal.append([...this.#fileRecord(entry), blockRecord(slot, use)]);
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
    const use = this.#slots.use(slot)!;
    this.#slots.touch(slot);
    use.readers++;
    try {
      const isWhole = await this.#read(slot, use, into, offset);
      if (isWhole) return Math.min(into.length, use.byteLength - offset);
      this.#discard(slot, use);
      return undefined;
    } finally {
      this.#slots.leave(use);
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
      await this.#eviction;
      while (this.#leaving.size > 0) await Promise.all(this.#leaving);
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
      snapshot: () => this.#snapshot(),
    });
    this.#journal = journal;
    try {
      await this.#take(replay(records));
      await journal.shrink();
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** Takes over what an earlier run has left. */
  async #take({ entries, uses, lastId }: Replayed): Promise<void> {
    this.#lastId = lastId;
    for (const entry of entries) this.#index.add(entry);
    const kept = [...uses].filter(([slot]) => slot < this.#slots.count);
    this.#slots.claim(new Set(kept.map(([slot]) => slot)));
    for (const [slot, use] of kept) this.#assign(slot, use);
    for (const entry of entries) if (entry.blocks.size === 0) this.#index.remove(entry);
    const { size } = await this.#data.stat();
    await this.#data.truncate(Math.min(size, this.#slots.count * this.#options.blockBytes));
    if (this.#liveBytes > this.#journalBytesMax / 2) await this.#evict();
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

  async #takeSlot(recordBytes: number): Promise<number | undefined> {
    const isRecordable = () => this.#liveBytes + recordBytes <= this.#journalBytesMax / 2;
    let slot = isRecordable() ? this.#slots.take() : undefined;
    if (slot === undefined) {
      await this.#evict();
      slot = isRecordable() ? this.#slots.take() : undefined;
    }
    if (this.#slots.used >= this.#slots.count * this.#options.highWatermark) {
      this.#track(this.#evict());
    }
    return slot;
  }

  #evict(): Promise<void> {
    return this.#eviction ??= this.#evictAll().finally(() => this.#eviction = undefined);
  }

  /** Evicts down to the low watermark, or as far as nothing is being read. */
  async #evictAll(): Promise<void> {
    const slotsLow = this.#slots.count * this.#options.lowWatermark;
    const bytesLow = this.#journalBytesMax / 2 * this.#options.lowWatermark;
    while (this.#slots.used > slotsLow || this.#liveBytes > bytesLow) {
      const slots: number[] = [];
      const batch = Math.max(1, Math.min(EVICTIONS_MAX, Math.ceil(this.#slots.used - slotsLow)));
      for (const slot of this.#slots) {
        const { readers, entry } = this.#slots.use(slot)!;
        if (readers > 0) continue;
        if (slots.length === batch) break;
        entry.statistics.evictions++;
        this.total.evictions++;
        this.#withdraw(slot);
        slots.push(slot);
        if (entry.blocks.size === 0 && entry.handles === 0) this.#index.remove(entry);
      }
      if (slots.length === 0) return;
      await this.#journal.append(slots.map((slot) => ({ kind: "free", slot })));
      this.#slots.release(slots);
    }
  }

  #assign(slot: number, use: SlotUse): void {
    const { entry, byteLength } = use;
    if (entry.blocks.size === 0) this.#liveBytes += fileRecordBytes(entry.path);
    this.#liveBytes += BLOCK_RECORD_BYTES;
    this.#slots.assign(slot, use);
    entry.statistics.cachedBytes += byteLength;
    this.total.cachedBytes += byteLength;
  }

  /** Takes a slot out of use; gives what to wait for before it may be released. */
  #withdraw(slot: number): Promise<void>[] {
    const { entry, byteLength } = this.#slots.use(slot)!;
    const unread = this.#slots.withdraw(slot);
    this.#liveBytes -= BLOCK_RECORD_BYTES;
    if (entry.blocks.size === 0) {
      this.#liveBytes -= fileRecordBytes(entry.path);
      entry.recorded = false;
    }
    entry.statistics.cachedBytes -= byteLength;
    this.total.cachedBytes -= byteLength;
    return unread === undefined ? [] : [unread];
  }

  /** Frees a slot whose bytes are not those that were stored, or cannot be read. */
  #discard(slot: number, use: SlotUse): void {
    if (this.#slots.use(slot) !== use) return;
    const readers = this.#withdraw(slot);
    const record = { kind: "free", slot } as const;
    this.#track(
      Promise.all([this.#journal.append([record]), ...readers]).then(() =>
        this.#slots.release([slot])
      ),
    );
  }

  /** Waits for something before it closes. A slot that fails to become free is not used again. */
  #track(work: Promise<unknown>): void {
    const tracked: Promise<void> = work.then(() => {}, () => {}).finally(() =>
      this.#leaving.delete(tracked)
    );
    this.#leaving.add(tracked);
  }

  #fileRecord(entry: CachedEntry): CacheRecord[] {
    if (entry.recorded) return [];
    entry.recorded = true;
    return [fileRecord(entry)];
  }

  /** Least recently used first: in that order it is read again. */
  #snapshot(): CacheRecord[] {
    const records: CacheRecord[] = [];
    const seen = new Set<CachedEntry>();
    for (const slot of this.#slots) {
      const use = this.#slots.use(slot)!;
      if (!seen.has(use.entry)) records.push(fileRecord(use.entry));
      seen.add(use.entry);
      records.push(blockRecord(slot, use));
    }
    return records;
  }
}
