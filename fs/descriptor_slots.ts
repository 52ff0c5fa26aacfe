// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";

/** Slots of the ring's table of files; who finds none free opens a file the long way. */
export const DESCRIPTOR_SLOTS = 512;

/**
 * Places in the ring's own table of files. A file opened into one has no descriptor of the process:
 * it can be opened, read and closed by entries that are linked to each other, all in one system
 * call and without a word in between.
 */
export class DescriptorSlots {
  readonly #engine: Engine;
  readonly #free = new Int16Array(DESCRIPTOR_SLOTS);
  /** The oldest free slot: the others are behind it, in a circle. */
  #oldest = 0;
  #count = -1;

  /** Registers the table at the first use. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /**
   * Takes the slot that has been free for longest, -1 when none is or the kernel has no such table.
   * The close of its last file may still be under way when it is given back; if that should come
   * after the next open, the reads behind it fail and another way is taken.
   */
  take(): number {
    if (this.#count < 0) this.#register();
    if (this.#count === 0) return -1;
    const slot = this.#free[this.#oldest]!;
    this.#oldest = (this.#oldest + 1) % DESCRIPTOR_SLOTS;
    this.#count--;
    return slot;
  }

  /** Takes a slot for as long as a file is open, -1 when half of them are taken. */
  takeForLong(): number {
    const slot = this.take();
    if (slot < 0 || this.#count >= DESCRIPTOR_SLOTS / 2) return slot;
    this.release(slot);
    return -1;
  }

  /** Gives a slot back whose file is closed or about to be. */
  release(slot: number): void {
    this.#free[(this.#oldest + this.#count) % DESCRIPTOR_SLOTS] = slot;
    this.#count++;
  }

  #register(): void {
    this.#count = 0;
    try {
      this.#engine.ring.registry.registerFiles(new Array(DESCRIPTOR_SLOTS).fill(-1));
    } catch {
      // Registered by others, or a kernel that knows no table with gaps (before 5.5).
      return;
    }
    for (let slot = 0; slot < DESCRIPTOR_SLOTS; slot++) this.release(slot);
  }
}
