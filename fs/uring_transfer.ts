// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { isSeekable, readCached, seekNow } from "../ffi/file.ts";
import { DIRECT_BYTES_MAX, DIRECT_BYTES_MIN, goesDirect } from "../io/direct_budget.ts";
import type { Engine } from "../io/engine.ts";
import { BLOCK_TRANSFER_BYTES_MAX, readBlock, writeBlock } from "./block_transfer.ts";
import { readBulk, writeBulkAt, writeBulkAtCursor } from "./bulk_transfer.ts";
import { ringCall } from "./ring_call.ts";

/**
 * Moves bytes between a user's buffer and a file.
 *
 * ```
 *   read   in memory, few in flight   preadv2(RWF_NOWAIT), into the buffer itself
 *          in memory, 16 KiB and more the same, 256 KiB at a time
 *          many in flight             the ring, all of a round in one system call
 *          not in memory              the ring
 *   write                             the ring
 * ```
 *
 * What is read in place costs one copy, and the kernel promises not to wait; the time for it is
 * taken from the round's budget. Once that is used up, others get their turn.
 */
export class UringTransfer {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #isAppending: boolean;
  #readsDirect: boolean;

  /** For one open file. */
  constructor(engine: Engine, fd: number, isLocal: boolean, isAppending: boolean) {
    this.#engine = engine;
    this.#fd = fd;
    this.#readsDirect = isLocal;
    this.#isAppending = isAppending;
  }

  /** Reads at a position, or the cursor where it is -1. */
  read(p: Uint8Array, position: number): Promise<number> {
    if (p.length >= DIRECT_BYTES_MIN) return this.#readLarge(p, position);
    if (!this.#readsDirect || !this.#engine.direct.takeTime(READ_US)) {
      return readBlock(this.#engine, this.#fd, p, position);
    }
    const count = this.#readNow(p, position);
    if (count === p.length || count === 0) return Promise.resolve(count);
    if (count < 0) return readBlock(this.#engine, this.#fd, p, position);
    return this.#readRest(p, position, count);
  }

  /** Writes at a position, or the cursor where it is -1. */
  write(p: Uint8Array, position: number): Promise<number> {
    const engine = this.#engine;
    const fd = this.#fd;
    if (p.length <= BLOCK_TRANSFER_BYTES_MAX) return writeBlock(engine, fd, p, position);
    if (position >= 0) return writeBulkAt(engine, fd, p, position);
    if (this.#isAppending || !isSeekable(fd)) return writeBulkAtCursor(engine, fd, p);
    return this.#writeAtCursor(p);
  }

  /** The cursor is put where the writes have come to. */
  async #writeAtCursor(p: Uint8Array): Promise<number> {
    const start = seekNow(this.#fd, 0, Deno.SeekMode.Current);
    const count = await writeBulkAt(this.#engine, this.#fd, p, start);
    seekNow(this.#fd, start + count, Deno.SeekMode.Start);
    return count;
  }

  async #readLarge(p: Uint8Array, position: number): Promise<number> {
    let filled = 0;
    const inPlace = goesDirect(p);
    while (filled < p.length) {
      const at = position < 0 ? -1 : position + filled;
      if (inPlace && this.#readsDirect) {
        const piece = p.subarray(filled, filled + DIRECT_BYTES_MAX);
        if (!this.#engine.direct.takeTime(READ_US + piece.length / BYTES_PER_US)) {
          await nextRound(this.#engine);
          continue;
        }
        const count = this.#readNow(piece, at);
        if (count === 0) break;
        filled += Math.max(count, 0);
        if (count > 0) continue;
      }
      const rest = p.subarray(filled);
      const count = await (rest.length <= BLOCK_TRANSFER_BYTES_MAX
        ? readBlock(this.#engine, this.#fd, rest, at)
        : readBulk(this.#engine, this.#fd, rest, at));
      filled += count;
      // The ring reads a file to its end or the buffer's: less is the end, or no file.
      if (count < Math.min(rest.length, RING_BYTES)) {
        break;
      }
    }
    return filled;
  }

  /** After fewer bytes than asked for: the end of the file, or of what is in memory. */
  async #readRest(p: Uint8Array, position: number, filled: number): Promise<number> {
    const at = position < 0 ? -1 : position + filled;
    const rest = p.subarray(filled);
    const count = this.#readNow(rest, at);
    return filled + (count >= 0 ? count : await readBlock(this.#engine, this.#fd, rest, at));
  }

  /** Reads what is in memory; negative when the ring has to do it. */
  #readNow(p: Uint8Array, position: number): number {
    const count = readCached(this.#fd, p, position);
    if (count < 0 && count !== -Errno.EAGAIN) this.#readsDirect = false;
    return count;
  }
}

/** Resolves when the engine has made another round. */
export async function nextRound(engine: Engine): Promise<void> {
  const result = await ringCall(engine, { head: Op.NOP, fd: -1 });
  if (result < 0) throw osError(result);
}

/** What the system call of a small read takes. */
const READ_US = 1;
const BYTES_PER_US = 8192;
/** What one operation of `readBulk` moves at most. */
const RING_BYTES = 1_048_576;
