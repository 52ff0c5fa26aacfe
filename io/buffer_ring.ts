// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { mapMemory } from "../ffi/memory.ts";
import type { Ring } from "../ffi/ring.ts";

/** Bytes of one place in a buffer ring. */
const ENTRY_BYTES = 16;
const PAGE_BYTES = 4096;

/**
 * Receive blocks that the kernel picks from when data arrives (`io_uring_register_buf_ring(3)`),
 * so that a connection that only waits holds no memory.
 *
 * ```
 *   entry   | address u64 | length u32 | block u16 | unused u16 |   16 bytes, `count` of them
 *   tail      sits in the unused u16 of entry 0
 * ```
 *
 * A block belongs to the reader from its completion until {@linkcode giveBack}, which happens
 * before the turn is over: bytes that are kept longer are copied out first, so that no reader,
 * however slow, can use up the blocks of the others.
 */
export class BufferRing {
  /** The blocks' memory. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The number under which entries name this ring (`buf_group`). */
  readonly group: number;
  /** Size of each block. */
  readonly blockBytes: number;
  /** Blocks in the ring. */
  readonly count: number;

  readonly #entries: Uint32Array<ArrayBuffer>;
  readonly #tails: Uint16Array<ArrayBuffer>;
  readonly #addressLow: number;
  readonly #addressHigh: number;
  #tail = 0;
  #out = 0;

  /**
   * Maps the blocks and registers them.
   *
   * @param count Blocks, a power of two up to 32768
   * @throws {Error} when the kernel refuses (`EINVAL` before 5.19)
   */
  constructor(ring: Ring, group: number, count: number, blockBytes: number) {
    this.group = group;
    this.count = count;
    this.blockBytes = blockBytes;
    const ringBytes = Math.ceil(count * ENTRY_BYTES / PAGE_BYTES) * PAGE_BYTES;
    const mapping = mapMemory(ringBytes + count * blockBytes);
    const buffer = mapping.bytes.buffer;
    this.bytes = new Uint8Array(buffer, ringBytes);
    this.#addressLow = mapping.addressLow + ringBytes;
    this.#addressHigh = mapping.addressHigh;
    this.#entries = new Uint32Array(buffer, 0, count * ENTRY_BYTES / 4);
    this.#tails = new Uint16Array(buffer, 0, count * ENTRY_BYTES / 2);
    const address = { low: mapping.addressLow, high: mapping.addressHigh };
    ring.registry.registerBufferRing(address, count, group);
    this.#out = count;
    for (let block = 0; block < count; block++) this.giveBack(block);
    this.publish();
  }

  /** Blocks that a reader holds at this moment. */
  get out(): number {
    return this.#out;
  }

  /** Where a block starts in {@linkcode bytes}. */
  start(block: number): number {
    return block * this.blockBytes;
  }

  /** Notes that the kernel has handed out a block. */
  took(): void {
    this.#out++;
  }

  /** Returns a block, which the kernel may use once it is published. */
  giveBack(block: number): void {
    const at = (this.#tail & (this.count - 1)) * 4;
    const entries = this.#entries;
    entries[at] = this.#addressLow + block * this.blockBytes;
    entries[at + 1] = this.#addressHigh;
    entries[at + 2] = this.blockBytes;
    // The upper half of entry 0's last word is the tail itself: only the lower half is written.
    this.#tails[at * 2 + 6] = block;
    this.#tail = (this.#tail + 1) & 0xffff;
    this.#out--;
  }

  /** Shows the kernel all blocks that were given back; once a turn is enough. */
  publish(): void {
    // The kernel reads the tail when it takes a block, on this or on a worker thread.
    Atomics.store(this.#tails, 7, this.#tail);
  }
}
