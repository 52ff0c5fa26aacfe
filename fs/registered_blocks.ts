// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { BULK_BLOCK_BYTES, BULK_BLOCKS, type BulkBlock } from "../io/bulk_blocks.ts";
import type { Engine } from "../io/engine.ts";

/**
 * The engine's blocks of a mebibyte as buffers that the kernel knows: it need not find and pin
 * their pages for every read past the page cache. They count against the limit of locked memory;
 * where that is too low, the same operations work without.
 */
export class RegisteredBlocks {
  readonly #engine: Engine;
  #state: "unasked" | "registered" | "refused" = "unasked";

  /** Registers them at the first use. */
  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** The number by which the kernel knows a block, -1 when it does not. */
  indexOf(block: BulkBlock): number {
    if (this.#state === "unasked") this.#register();
    if (this.#state === "refused") return -1;
    return (block.addressLow - this.#engine.pool.bulk.memory.addressLow) / BULK_BLOCK_BYTES;
  }

  #register(): void {
    const pieces = Array.from({ length: BULK_BLOCKS }, (_, index) => ({
      offset: index * BULK_BLOCK_BYTES,
      byteLength: BULK_BLOCK_BYTES,
    }));
    try {
      this.#engine.ring.registry.registerBuffers(this.#engine.pool.bulk.memory, pieces);
      this.#state = "registered";
    } catch {
      // ENOMEM: the limit (see ulimit -l). EBUSY: others have registered theirs.
      this.#state = "refused";
    }
  }
}
