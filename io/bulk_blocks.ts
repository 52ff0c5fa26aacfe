// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { mapMemory, type Mapping } from "../ffi/memory.ts";
import type { RingRegistry } from "../ffi/ring_registry.ts";

/** Size of a bulk block: what one operation of a copy between connections moves at most. */
export const BULK_BLOCK_BYTES = 1_048_576;
/** Bulk blocks; whoever finds none free waits for one, or moves less at a time. */
export const BULK_BLOCKS = 8;
/** Who may wait for a bulk block; one more is refused with `Deno.errors.Busy`. */
export const BULK_WAITERS_MAX = 65_536;

/**
 * Blocks for moving much at a time from one descriptor to another. A block is held for one read
 * and one send that do not wait for a peer, so few serve many connections, however slow.
 *
 * ```
 *   0           1 MiB       2 MiB                   8 MiB
 *   | block 0   | block 1   |  ...      | block 7   |      mapped when first needed
 * ```
 */
export class BulkBlocks {
  readonly #free: number[] = [];
  readonly #waiters: Set<(block: BulkBlock) => void> = new Set();
  #mapping: Mapping | null = null;
  #fixed: boolean | null = null;

  /** Blocks in use. */
  get leased(): number {
    return this.#mapping === null ? 0 : BULK_BLOCKS - this.#free.length;
  }

  /** The memory of all blocks. */
  get memory(): Mapping {
    return this.#mapping ??= this.#map();
  }

  /**
   * Takes a block that is free, or null.
   *
   * @throws {Error} when the kernel has no memory to map
   */
  take(): BulkBlock | null {
    const mapping = this.#mapping ??= this.#map();
    const offset = this.#free.pop();
    return offset === undefined ? null : this.#blockAt(mapping, offset);
  }

  /**
   * Takes a block as soon as one is free; first come, first served.
   *
   * @throws {Deno.errors.Busy} when {@linkcode BULK_WAITERS_MAX} are waiting
   */
  takeSoon(signal?: AbortSignal): Promise<BulkBlock> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const block = this.take();
    if (block) return Promise.resolve(block);
    if (this.#waiters.size >= BULK_WAITERS_MAX) {
      const reason = `Cannot take a bulk block: ${BULK_WAITERS_MAX} are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    return this.#wait(signal);
  }

  #wait(signal: AbortSignal | undefined): Promise<BulkBlock> {
    const { promise, resolve, reject } = Promise.withResolvers<BulkBlock>();
    const abort = () => {
      this.#waiters.delete(take);
      reject(signal!.reason);
    };
    const take = (block: BulkBlock) => {
      signal?.removeEventListener("abort", abort);
      resolve(block);
    };
    this.#waiters.add(take);
    signal?.addEventListener("abort", abort, { once: true });
    return promise;
  }

  /**
   * Has the blocks registered with the ring (`io_uring_register(2)`, BUFFERS), once: the kernel
   * then need not look their pages up for each zero-copy send. They count against `ulimit -l`.
   *
   * @returns Whether they are; a kernel that refuses is not asked again
   */
  fix(registry: RingRegistry): boolean {
    if (this.#fixed !== null) return this.#fixed;
    const mapping = this.#mapping ??= this.#map();
    const byteLength = BULK_BLOCK_BYTES;
    const pieces = Array.from({ length: BULK_BLOCKS }, (_, index) => {
      return { offset: index * byteLength, byteLength };
    });
    try {
      registry.registerBuffers(mapping, pieces);
      return this.#fixed = true;
    } catch {
      return this.#fixed = false;
    }
  }

  #blockAt(mapping: Mapping, offset: number): BulkBlock {
    let owners = 1;
    const release = () => {
      if (--owners === 0) this.#release(mapping, offset);
    };
    return {
      bytes: mapping.bytes.subarray(offset, offset + BULK_BLOCK_BYTES),
      index: offset / BULK_BLOCK_BYTES,
      addressLow: mapping.addressLow + offset,
      addressHigh: mapping.addressHigh,
      share: () => {
        owners++;
        return once(release);
      },
      [Symbol.dispose]: once(release),
    };
  }

  #release(mapping: Mapping, offset: number): void {
    const [waiter] = this.#waiters;
    if (waiter === undefined) return void this.#free.push(offset);
    this.#waiters.delete(waiter);
    waiter(this.#blockAt(mapping, offset));
  }

  #map(): Mapping {
    const mapping = mapMemory(BULK_BLOCKS * BULK_BLOCK_BYTES);
    for (let block = BULK_BLOCKS - 1; block >= 0; block--) {
      this.#free.push(block * BULK_BLOCK_BYTES);
    }
    return mapping;
  }
}

/** A function that does nothing when it is called again. */
function once(run: () => void): () => void {
  let done = false;
  return () => {
    if (!done) run();
    done = true;
  };
}

/** A bulk block on loan; `using` gives it back. */
export interface BulkBlock extends Disposable {
  /** Which of the blocks it is: its number as a registered buffer. */
  readonly index: number;
  /** Adds an owner: the block stays out of use until the function that is returned was called. */
  share(): () => void;
  /** Its bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lower half of its address. */
  readonly addressLow: number;
  /** Upper half of its address. */
  readonly addressHigh: number;
}
