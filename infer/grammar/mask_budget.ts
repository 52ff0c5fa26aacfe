// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes of masks that all grammars of a compiler keep together. */
export const MASK_BYTES_MAX = 2 ** 26;

/** Who keeps masks. */
export interface MaskKeeper {
  /** Lets go of all: they are made again when they are needed. */
  forget(): void;
}

/** Bounds what grammars keep: the one that was used longest ago forgets all of its masks first. */
export class MaskBudget {
  readonly #bytesMax: number;
  /** Bytes of each, in the order of use, the least recent first. */
  readonly #kept = new Map<MaskKeeper, number>();
  #bytes = 0;

  /** Nothing is kept yet. */
  constructor(bytesMax: number = MASK_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that are kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Counts what a keeper is about to make, and makes room; the last to go are its own. */
  take(keeper: MaskKeeper, byteLength: number): void {
    this.use(keeper);
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes + byteLength <= this.#bytesMax) break;
      this.release(oldest);
    }
    this.#kept.set(keeper, (this.#kept.get(keeper) ?? 0) + byteLength);
    this.#bytes += byteLength;
  }

  /** Notes that a keeper is in use. */
  use(keeper: MaskKeeper): void {
    const bytes = this.#kept.get(keeper);
    if (bytes === undefined) return;
    this.#kept.delete(keeper);
    this.#kept.set(keeper, bytes);
  }

  /** Has a keeper forget all. */
  release(keeper: MaskKeeper): void {
    const bytes = this.#kept.get(keeper);
    if (bytes === undefined) return;
    this.#kept.delete(keeper);
    this.#bytes -= bytes;
    keeper.forget();
  }
}
