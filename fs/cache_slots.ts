// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CachedEntry } from "./cache_entry.ts";
import type { CacheRecord } from "./cache_record.ts";
import { RecencyList } from "./recency_list.ts";

/** What a slot is used for. */
export interface SlotUse {
  /** The file. */
  readonly entry: CachedEntry;
  /** Which of its blocks. */
  readonly block: number;
  /** Bytes of it; the last block of a file is shorter. */
  readonly byteLength: number;
  /** CRC-32C of the bytes. */
  readonly check: number;
  /** Whether this program wrote them, or has compared them with the check. */
  verified: boolean;
  /** Reads in flight, during which the slot is not used for anything else. */
  readers: number;
}

/**
 * Which block is in which place of the cache's data file. A slot is free, being filled, in use, or
 * on its way to be free.
 *
 *     data file   0          blockBytes   2 x blockBytes
 *                 slot 0     slot 1       slot 2 ...      (count)
 */
export class CacheSlots {
  /** How many there are. */
  readonly count: number;
  readonly #uses: (SlotUse | undefined)[] = [];
  readonly #recency: RecencyList;
  /** Slots that were used and are free; all from {@linkcode #end} on are free too. */
  readonly #free: number[] = [];
  /** The first slot that was never used: the data file grows only as it must. */
  #end = 0;
  /** What waits until the last reader is gone. */
  readonly #leaving = new Map<SlotUse, () => void>();

  /** Slots that are all free. */
  constructor(count: number) {
    this.count = count;
    this.#recency = new RecencyList(count);
  }

  /** Slots that are not free. */
  get used(): number {
    return this.#end - this.#free.length;
  }

  /** A free slot, which is not free any more; undefined where there is none. */
  take(): number | undefined {
    return this.#free.pop() ?? (this.#end < this.count ? this.#end++ : undefined);
  }

  /** Takes certain slots, of those that were never used. */
  claim(slots: ReadonlySet<number>): void {
    const end = slots.values().reduce((end, slot) => Math.max(end, slot + 1), this.#end);
    for (; this.#end < end; this.#end++) if (!slots.has(this.#end)) this.#free.push(this.#end);
  }

  /** Gives slots back that nothing is in, as far as the journal knows. */
  release(slots: readonly number[]): void {
    this.#free.push(...slots);
  }

  /** Puts a slot to use, and makes it the most recently used. */
  assign(slot: number, use: SlotUse): void {
    this.#uses[slot] = use;
    this.#recency.use(slot);
    use.entry.blocks.set(use.block, slot);
  }

  /** What is in a slot. */
  use(slot: number): SlotUse | undefined {
    return this.#uses[slot];
  }

  /** Makes a slot the most recently used. */
  touch(slot: number): void {
    this.#recency.use(slot);
  }

  /** Slots in use, least recently used first. */
  [Symbol.iterator](): Iterator<number> {
    return this.#recency[Symbol.iterator]();
  }

  /**
   * Takes a slot out of use: from now on nobody finds it. It is not free before it is released.
   *
   * @returns Resolves when nobody reads it any more; undefined when nobody does
   */
  withdraw(slot: number): Promise<void> | undefined {
    const use = this.#uses[slot]!;
    this.#uses[slot] = undefined;
    this.#recency.remove(slot);
    use.entry.blocks.delete(use.block);
    if (use.readers === 0) return undefined;
    return new Promise((resolve) => this.#leaving.set(use, resolve));
  }

  /** One reader less. */
  leave(use: SlotUse): void {
    if (--use.readers > 0) return;
    this.#leaving.get(use)?.();
    this.#leaving.delete(use);
  }
}

/** What the journal says about a slot. */
export function blockRecord(slot: number, use: SlotUse): CacheRecord {
  const { entry, block, byteLength, check } = use;
  return { kind: "block", slot, file: entry.id, block, byteLength, check };
}
