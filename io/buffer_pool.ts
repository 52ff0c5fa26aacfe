// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { mapMemory, type Mapping } from "../ffi/memory.ts";
import { BulkBlocks } from "./bulk_blocks.ts";

/** Size of a small block: most messages. */
export const SMALL_BLOCK_BYTES = 4096;
/** Small blocks for sends and leases; pages never touched cost nothing. */
export const SMALL_BLOCKS = 2048;
/** Size of a large block: what one read or write moves at most. */
export const LARGE_BLOCK_BYTES = 65_536;
/** Large blocks for sends and leases. */
export const LARGE_BLOCKS = 256;
/** Bytes before the blocks, for addresses, timeouts and the like; handed out once. */
const FIXED_BYTES = 65_536;
/** Who may wait for a block; one more is refused with `Deno.errors.Busy`. */
const WAITERS_MAX = 65_536;

const SMALL_START = FIXED_BYTES;
const LARGE_START = SMALL_START + SMALL_BLOCKS * SMALL_BLOCK_BYTES;
const POOL_BYTES = LARGE_START + LARGE_BLOCKS * LARGE_BLOCK_BYTES;

/** A block of engine memory on loan; {@linkcode Lease.release} or `using` gives it back. */
export interface Lease extends Disposable {
  /** The block's bytes. Writing a view of them to a connection copies nothing. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Gives the block back; once is enough, further calls do nothing. */
  release(): void;
}

/**
 * The memory that the kernel reads and writes: blocks of two sizes in one mapping that is never
 * unmapped, so that nothing JavaScript does to a buffer can free memory under the kernel.
 *
 * ```
 *   0          64 KiB             8.06 MiB                  24.06 MiB
 *   | fixed    | 2048 x 4 KiB     | 256 x 64 KiB            |  then, mapped apart:
 *   | pieces   | small blocks     | large blocks            |  the buffer rings' blocks
 * ```
 *
 * @example Send without a copy
 * ```ts
 * import { BufferPool, engineInfo, openEngine } from "@photon/std/io";
 * import { socketPair } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const pool: BufferPool = openEngine().pool;
 *   const [left, right] = socketPair();
 *   using lease = pool.lease(4096);
 *   lease.bytes.fill(7);
 *   await left.write(lease.bytes);
 *   assertEquals(await right.read(new Uint8Array(8192)), 4096);
 *   left.close();
 *   right.close();
 * }
 * ```
 *
 * A block is known by its offset. Blocks are counted: {@linkcode share} adds an owner, so a lease
 * given back while it is being sent stays out of use until the send is done.
 */
export class BufferPool {
  /** All the memory; offsets count from its start. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lower half of the address of offset 0. */
  readonly addressLow: number;
  /** Upper half of the address of every offset. */
  readonly addressHigh: number;
  /** Blocks of 1 MiB, in memory of their own. */
  readonly bulk: BulkBlocks = new BulkBlocks();

  readonly #owners: Uint32Array = new Uint32Array(SMALL_BLOCKS + LARGE_BLOCKS);
  readonly #small: Int32Array = new Int32Array(SMALL_BLOCKS);
  readonly #large: Int32Array = new Int32Array(LARGE_BLOCKS);
  readonly #waiters: Set<() => void> = new Set();
  #smallFree = 0;
  #largeFree = 0;
  #fixedUsed = 0;

  /** Maps the memory. */
  constructor(mapping: Mapping = mapMemory(POOL_BYTES)) {
    this.bytes = mapping.bytes;
    this.addressLow = mapping.addressLow;
    this.addressHigh = mapping.addressHigh;
    // Pushed in falling order, so that the first blocks are used first and the rest stay untouched.
    for (let index = SMALL_BLOCKS - 1; index >= 0; index--) {
      this.#small[this.#smallFree++] = SMALL_START + index * SMALL_BLOCK_BYTES;
    }
    for (let index = LARGE_BLOCKS - 1; index >= 0; index--) {
      this.#large[this.#largeFree++] = LARGE_START + index * LARGE_BLOCK_BYTES;
    }
  }

  /** Blocks in use. */
  get leased(): number {
    return SMALL_BLOCKS - this.#smallFree + LARGE_BLOCKS - this.#largeFree + this.bulk.leased;
  }

  /**
   * Takes a block of at least `byteLength` bytes, or of the largest size there is.
   *
   * @returns Its offset, or -1 when none is free
   */
  take(byteLength: number): number {
    let offset = -1;
    if (byteLength <= SMALL_BLOCK_BYTES && this.#smallFree > 0) {
      offset = this.#small[--this.#smallFree];
    } else if (this.#largeFree > 0) {
      offset = this.#large[--this.#largeFree];
    } else {
      return -1;
    }
    this.#owners[blockIndex(offset)] = 1;
    return offset;
  }

  /** Adds an owner to the block around an offset. */
  share(offset: number): void {
    this.#owners[blockIndex(offset)]++;
  }

  /** Ends one ownership of the block around an offset; the last one frees it. */
  release(offset: number): void {
    const index = blockIndex(offset);
    if (this.#owners[index] === 0) throw new Error("Cannot release block: it is free");
    if (--this.#owners[index] > 0) return;
    if (index < SMALL_BLOCKS) this.#small[this.#smallFree++] = blockStart(index);
    else this.#large[this.#largeFree++] = blockStart(index);
    if (this.#waiters.size > 0) this.#offer();
  }

  /** Room in the block that starts at an offset. */
  capacity(offset: number): number {
    return offset < LARGE_START ? SMALL_BLOCK_BYTES : LARGE_BLOCK_BYTES;
  }

  /** The offset of a view of one leased block, or -1 when the view is of other memory. */
  offsetOf(view: Uint8Array): number {
    if (view.buffer !== this.bytes.buffer) return -1;
    const offset = view.byteOffset - this.bytes.byteOffset;
    const index = blockIndex(offset);
    // A lease that was given back is memory like any other: its bytes may be someone else's soon.
    if (offset < SMALL_START || this.#owners[index] === 0) return -1;
    return offset + view.length <= blockStart(index) + this.capacity(offset) ? offset : -1;
  }

  /**
   * Calls back once, when a block has become free; first come, first served. A block that is not
   * taken then goes to the next who waits.
   *
   * @returns A function that withdraws the wish
   * @throws {Deno.errors.Busy} when 65536 are waiting
   */
  whenFree(callback: () => void): () => void {
    if (this.#waiters.size >= WAITERS_MAX) {
      throw new Deno.errors.Busy(`Cannot wait for a block: ${WAITERS_MAX} are waiting`);
    }
    const waiter = () => callback();
    this.#waiters.add(waiter);
    return () => void this.#waiters.delete(waiter);
  }

  /**
   * Lends a block to the caller.
   *
   * @param byteLength Bytes wanted, at most {@linkcode LARGE_BLOCK_BYTES}
   * @throws {RangeError} when more is asked for
   * @throws {Deno.errors.Busy} when no block is free
   */
  lease(byteLength: number = LARGE_BLOCK_BYTES): Lease {
    if (!(byteLength >= 0 && byteLength <= LARGE_BLOCK_BYTES)) {
      throw new RangeError(
        `Cannot lease a block: byteLength must be at most ${LARGE_BLOCK_BYTES}, ` +
          `received ${byteLength}`,
      );
    }
    const offset = this.take(byteLength);
    if (offset < 0) throw new Deno.errors.Busy("Cannot lease a block: all are in use");
    let released = false;
    const release = () => {
      if (!released) this.release(offset);
      released = true;
    };
    const bytes = this.bytes.subarray(offset, offset + byteLength);
    return { bytes, release, [Symbol.dispose]: release };
  }

  /** Reserves a piece of fixed memory, aligned to 64 bytes, for the life of the engine. */
  reserve(byteLength: number): number {
    const offset = this.#fixedUsed;
    this.#fixedUsed += (byteLength + 63) & ~63;
    if (this.#fixedUsed > FIXED_BYTES) throw new RangeError("Cannot reserve memory: none is left");
    return offset;
  }

  /** Asks those who wait, in turn and each once, until one of them takes a block. */
  #offer(): void {
    const free = this.#smallFree + this.#largeFree;
    for (let left = this.#waiters.size; left > 0; left--) {
      const [waiter] = this.#waiters;
      this.#waiters.delete(waiter);
      waiter();
      if (this.#smallFree + this.#largeFree < free || this.#waiters.size === 0) return;
    }
  }
}

function blockIndex(offset: number): number {
  return offset < LARGE_START
    ? Math.floor((offset - SMALL_START) / SMALL_BLOCK_BYTES)
    : SMALL_BLOCKS + Math.floor((offset - LARGE_START) / LARGE_BLOCK_BYTES);
}

function blockStart(index: number): number {
  return index < SMALL_BLOCKS
    ? SMALL_START + index * SMALL_BLOCK_BYTES
    : LARGE_START + (index - SMALL_BLOCKS) * LARGE_BLOCK_BYTES;
}
