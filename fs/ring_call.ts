// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";
import type { Completion } from "../io/slot_table.ts";

/** The fields of one operation on the ring; those left out are 0. */
export interface RingFields {
  /** Opcode, entry flags << 8. */
  head: number;
  /** The descriptor, or that of a directory. */
  fd: number;
  /** Where to begin in the file, or the address of a second piece of memory. */
  offset?: number;
  /** Upper half of the offset, where it is an address; `offset` is the lower then. */
  offsetHigh?: number;
  /** Lower half of the address of the memory, which lies in the engine's pool. */
  address?: number;
  /** Upper half of the address, when that is not the pool's. */
  addressHigh?: number;
  /** Bytes of it. */
  length?: number;
  /** Flags of the operation. */
  flags?: number;
  /** The number of registered memory. */
  bufferIndex?: number;
}

/**
 * Does one operation on the ring. The memory that it points into is the engine's, and stays the
 * call's own until the promise resolves: also a cancelled operation is over only then.
 *
 * @param signal Cancels it; then the result is the error number of a cancelled operation, or what
 * the operation came to when it was faster
 * @returns The kernel's result, a negative error number on failure
 * @throws {Deno.errors.Busy} when too many operations are in flight
 */
export function ringCall(
  engine: Engine,
  fields: RingFields,
  signal?: AbortSignal,
): Promise<number> {
  return new Promise((resolve) => void new RingCall(engine, fields, signal, resolve));
}

class RingCall implements Completion {
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined;
  readonly #resolve: (result: number) => void;
  readonly #slot: number;
  readonly #abort = () => void this.#engine.cancel(this.#slot, this);

  constructor(
    engine: Engine,
    fields: RingFields,
    signal: AbortSignal | undefined,
    resolve: (result: number) => void,
  ) {
    this.#engine = engine;
    this.#signal = signal;
    this.#resolve = resolve;
    const { head, fd, offset = 0, address = 0, length = 0, flags = 0, bufferIndex = 0 } = fields;
    const high = fields.addressHigh ?? (address === 0 ? 0 : engine.pool.addressHigh);
    const [low, upper] = fields.offsetHigh === undefined
      ? halves(offset)
      : [offset, fields.offsetHigh];
    // deno-fmt-ignore
    this.#slot = engine.submit(
      this, true, head, fd, low, upper, address, high, length, flags, bufferIndex,
    );
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  complete(result: number): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#resolve(result);
  }
}

/** The two halves of a 64-bit number; -1, the cursor of a file, is all ones. */
export function halves(offset: number): [low: number, high: number] {
  return offset < 0 ? [-1, -1] : [offset % HALF, Math.floor(offset / HALF)];
}

const HALF = 2 ** 32;
