// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type CachedEntry, type CacheStatistics, fileRecord } from "./cache_entry.ts";
import type { CacheJournal } from "./cache_journal.ts";
import { BLOCK_RECORD_BYTES, type CacheRecord, fileRecordBytes } from "./cache_record.ts";
import { blockRecord, CacheSlots, type SlotUse } from "./cache_slots.ts";

/** How large a {@linkcode CacheSpace} is, and when it makes room. */
export interface CacheSpaceOptions {
  /** Slots. */
  slots: number;
  /** Bytes that may be written about them. */
  recordBytesMax: number;
  /** Part of both at which it begins to evict. */
  highWatermark: number;
  /** Part of both at which it stops. */
  lowWatermark: number;
  /** Where it counts what it does for all files. */
  total: CacheStatistics;
  /** Called when the last block of a file was evicted. */
  onEmpty: (entry: CachedEntry) => void;
}

/** Slots that are evicted at once: what one write of the journal may grow by. */
const EVICTIONS_MAX = 256;

/**
 * The room of a cache: which block is in which slot, what that takes in the journal, and what has
 * to go when there is no more. A slot is free again only after the journal says so, and nobody
 * reads it any more.
 */
export class CacheSpace {
  readonly #options: CacheSpaceOptions;
  readonly #slots: CacheSlots;
  /** Slots on their way to be free, and what else is to end before it closes. */
  readonly #pending = new Set<Promise<void>>();
  #journal!: CacheJournal;
  /** Bytes of the records that a new journal would have. */
  #recordBytes = 0;
  #eviction: Promise<void> | undefined;

  /** Room with nothing in it. */
  constructor(options: CacheSpaceOptions) {
    this.#options = options;
    this.#slots = new CacheSlots(options.slots);
  }

  /** Takes over what an earlier run has left, and evicts what is too much of it. */
  async restore(journal: CacheJournal, uses: ReadonlyMap<number, SlotUse>): Promise<void> {
    this.#journal = journal;
    const kept = [...uses].filter(([slot]) => slot < this.#slots.count);
    this.#slots.claim(new Set(kept.map(([slot]) => slot)));
    for (const [slot, use] of kept) this.#assign(slot, use);
    if (this.#recordBytes > this.#options.recordBytesMax) await this.#evict();
  }

  /**
   * A slot for a block that is written next, evicting others for it.
   *
   * @returns It, to be assigned or given back; undefined when all others are being read
   */
  async take(entry: CachedEntry): Promise<number | undefined> {
    const bytes = BLOCK_RECORD_BYTES + (entry.recorded ? 0 : fileRecordBytes(entry.path));
    const isRecordable = () => this.#recordBytes + bytes <= this.#options.recordBytesMax;
    let slot = isRecordable() ? this.#slots.take() : undefined;
    if (slot === undefined) {
      await this.#evict();
      slot = isRecordable() ? this.#slots.take() : undefined;
    }
    if (this.#slots.used >= this.#slots.count * this.#options.highWatermark) {
      this.track(this.#evict());
    }
    return slot;
  }

  /** Gives a slot back that was taken and not assigned. */
  giveBack(slot: number): void {
    this.#slots.release([slot]);
  }

  /**
   * Puts a slot that was taken to use.
   *
   * @returns Resolves when the journal knows
   */
  async assign(slot: number, use: SlotUse): Promise<void> {
    const { entry } = use;
    this.#assign(slot, use);
    const records = entry.recorded ? [] : [fileRecord(entry)];
    entry.recorded = true;
    await this.#journal.append([...records, blockRecord(slot, use)]);
  }

  /** What is in a slot; it counts as used most recently, and has a reader more. */
  read(slot: number): SlotUse {
    const use = this.#slots.use(slot)!;
    this.#slots.touch(slot);
    use.readers++;
    return use;
  }

  /** One reader less. */
  leave(use: SlotUse): void {
    this.#slots.leave(use);
  }

  /** Frees a slot whose bytes are not those that were stored, or cannot be read. */
  discard(slot: number, use: SlotUse): void {
    if (this.#slots.use(slot) !== use) return;
    this.track(this.#free([{ kind: "free", slot }], [slot]));
  }

  /**
   * Takes files out, whatever they have.
   *
   * @returns Resolves when the journal knows, also of what was evicted before
   */
  async drop(entries: readonly CachedEntry[]): Promise<void> {
    const known = entries.filter((entry) => entry.recorded);
    const records = known.map(({ id }): CacheRecord => ({ kind: "drop", file: id }));
    await this.#free(records, entries.flatMap((entry) => [...entry.blocks.values()]));
  }

  /** Waits for something before it closes. A slot that fails to become free is not used again. */
  track(work: Promise<unknown>): void {
    const tracked: Promise<void> = work.then(() => {}, () => {}).finally(() =>
      this.#pending.delete(tracked)
    );
    this.#pending.add(tracked);
  }

  /** Resolves when no slot is on its way any more. */
  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** The records of what is there, least recently used first: in that order it is read again. */
  snapshot(): CacheRecord[] {
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

  #evict(): Promise<void> {
    return this.#eviction ??= this.#evictAll().finally(() => this.#eviction = undefined);
  }

  /** Evicts down to the low watermark, or as far as nothing is being read. */
  async #evictAll(): Promise<void> {
    const slotsLow = this.#slots.count * this.#options.lowWatermark;
    const bytesLow = this.#options.recordBytesMax * this.#options.lowWatermark;
    while (this.#slots.used > slotsLow || this.#recordBytes > bytesLow) {
      const slots: number[] = [];
      const batch = Math.max(1, Math.min(EVICTIONS_MAX, Math.ceil(this.#slots.used - slotsLow)));
      for (const slot of this.#slots) {
        const { readers, entry } = this.#slots.use(slot)!;
        if (readers > 0) continue;
        if (slots.length === batch) break;
        entry.statistics.evictions++;
        this.#options.total.evictions++;
        this.#withdraw(slot);
        slots.push(slot);
        if (entry.blocks.size === 0) this.#options.onEmpty(entry);
      }
      if (slots.length === 0) return;
      await this.#journal.append(slots.map((slot) => ({ kind: "free", slot })));
      this.#slots.release(slots);
    }
  }

  /** Takes slots out of use, and frees them when the journal knows and nobody reads them. */
  async #free(records: readonly CacheRecord[], slots: readonly number[]): Promise<void> {
    const unread = Promise.all(slots.flatMap((slot) => this.#withdraw(slot)));
    await this.#journal.append(records);
    this.track(unread.then(() => this.#slots.release(slots)));
  }

  #assign(slot: number, use: SlotUse): void {
    const { entry, byteLength } = use;
    if (entry.blocks.size === 0) this.#recordBytes += fileRecordBytes(entry.path);
    this.#recordBytes += BLOCK_RECORD_BYTES;
    this.#slots.assign(slot, use);
    entry.statistics.cachedBytes += byteLength;
    this.#options.total.cachedBytes += byteLength;
  }

  /** Takes a slot out of use; gives what to wait for before it may be released. */
  #withdraw(slot: number): Promise<void>[] {
    const { entry, byteLength } = this.#slots.use(slot)!;
    const unread = this.#slots.withdraw(slot);
    this.#recordBytes -= BLOCK_RECORD_BYTES;
    if (entry.blocks.size === 0) {
      this.#recordBytes -= fileRecordBytes(entry.path);
      entry.recorded = false;
    }
    entry.statistics.cachedBytes -= byteLength;
    this.#options.total.cachedBytes -= byteLength;
    return unread === undefined ? [] : [unread];
  }
}
