// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a {@linkcode TagTable} holds; the link is the table's. */
export interface Tagged<T> {
  /** Its tag, unique in the table. */
  readonly tag: number;
  /** The next one of the same slot. */
  nextOfSlot: T | null;
}

/** Slots at first, and at least. */
const FIRST_SLOTS = 16;

/**
 * What is in flight, by tag.
 *
 * ```
 *   slots  | 0 | 1 | 2 | 3 |      tag & 3; tags that follow each other have a slot each
 *            |       |
 *            4       2 -> 6 -> null
 * ```
 *
 * A `Map` would do but for the collector: as calls come and go V8 copies it again and again, and an
 * old copy that has grown old keeps the next one alive, with the calls that were in flight then,
 * until a full collection. Young collections took 15 ms that way; they take 0.2 ms.
 */
export class TagTable<T extends Tagged<T>> {
  #slots: (T | null)[] = emptySlots(FIRST_SLOTS);
  #mask = FIRST_SLOTS - 1;
  #size = 0;

  /** How many it holds. */
  get size(): number {
    return this.#size;
  }

  /** The one with this tag. */
  get(tag: number): T | undefined {
    let entry = this.#slots[tag & this.#mask];
    while (entry !== null && entry.tag !== tag) entry = entry.nextOfSlot;
    return entry ?? undefined;
  }

  /** Adds one, whose tag nothing has that it holds. */
  add(entry: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#link(entry);
    this.#size++;
  }

  /** Takes out the one with this tag. */
  take(tag: number): T | undefined {
    const slot = tag & this.#mask;
    let before: T | null = null;
    let entry = this.#slots[slot];
    while (entry !== null && entry.tag !== tag) {
      before = entry;
      entry = entry.nextOfSlot;
    }
    if (entry === null) return undefined;
    if (before === null) this.#slots[slot] = entry.nextOfSlot;
    else before.nextOfSlot = entry.nextOfSlot;
    entry.nextOfSlot = null;
    this.#size--;
    return entry;
  }

  /** All that it holds, in no order. */
  entries(): T[] {
    const entries: T[] = [];
    for (let entry of this.#slots) {
      for (; entry !== null; entry = entry.nextOfSlot) entries.push(entry);
    }
    return entries;
  }

  #grow(): void {
    const entries = this.entries();
    this.#slots = emptySlots(this.#slots.length * 2);
    this.#mask = this.#slots.length - 1;
    for (const entry of entries) this.#link(entry);
  }

  #link(entry: T): void {
    const slot = entry.tag & this.#mask;
    entry.nextOfSlot = this.#slots[slot];
    this.#slots[slot] = entry;
  }
}

function emptySlots(length: number): null[] {
  return new Array(length).fill(null);
}
