// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CachedEntry } from "./cache_entry.ts";
import type { CacheRecord } from "./cache_record.ts";
import type { SlotUse } from "./cache_slots.ts";

/** What the records of a journal lead to. */
export interface Replayed {
  /** The files, of which some may have no block. */
  readonly entries: CachedEntry[];
  /** What is in the slots, least recently stored first. */
  readonly uses: Map<number, SlotUse>;
  /** The highest number that a file has had. */
  readonly lastId: number;
}

/** Goes through the records of a journal, of which a tail may be missing. */
export function replay(records: readonly CacheRecord[]): Replayed {
  const byId = new Map<number, CachedEntry>();
  const uses = new Map<number, SlotUse>();
  let lastId = 0;
  for (const record of records) {
    switch (record.kind) {
      case "file":
        lastId = Math.max(lastId, record.id);
        if (!byId.has(record.id)) {
          byId.set(record.id, new CachedEntry(record.id, record.path, record.version));
        }
        break;
      case "block": {
        const entry = byId.get(record.file);
        // The slot has other bytes now, whosoever they are.
        uses.delete(record.slot);
        if (entry === undefined) break;
        const { block, byteLength, check } = record;
        uses.set(record.slot, { entry, block, byteLength, check, verified: false, readers: 0 });
        break;
      }
      case "free":
        uses.delete(record.slot);
        break;
      case "drop":
        byId.delete(record.file);
        break;
    }
  }
  return { ...withoutDuplicates(byId, uses), lastId };
}

/** One file for a path and one slot for a block, the later ones; none of dropped files. */
function withoutDuplicates(
  byId: ReadonlyMap<number, CachedEntry>,
  uses: Map<number, SlotUse>,
): Pick<Replayed, "entries" | "uses"> {
  const byPath = new Map<string, CachedEntry>();
  for (const entry of byId.values()) byPath.set(entry.path, entry);
  const slots = new Map<string, number>();
  for (const [slot, { entry, block }] of [...uses]) {
    const key = `${entry.id} ${block}`;
    const earlier = slots.get(key);
    if (earlier !== undefined) uses.delete(earlier);
    slots.set(key, slot);
    if (byPath.get(entry.path) !== entry) uses.delete(slot);
  }
  for (const { entry } of uses.values()) entry.recorded = true;
  return { entries: [...byPath.values()], uses };
}
