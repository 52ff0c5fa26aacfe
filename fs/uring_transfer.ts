// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { readCached } from "../ffi/file.ts";
import { addressOf } from "../ffi/memory.ts";
import { DIRECT_BYTES_MAX, DIRECT_BYTES_MIN, goesDirect } from "../io/direct_budget.ts";
import type { Engine } from "../io/engine.ts";
import { BLOCK_TRANSFER_BYTES_MAX, readBlock, writeBlock } from "./block_transfer.ts";
import {
  BULK_READ_BYTES_MAX,
  IN_PLACE_BYTES_MIN,
  readBulk,
  writeBulk,
  writeInPlace,
} from "./bulk_transfer.ts";
import { ringCall } from "./ring_call.ts";
import type { UringDescriptor } from "./uring_descriptor.ts";

/** What an open file keeps of memory that it read into at most: one direct read's, aligned. */
const MEMORY_KEPT_BYTES_MAX = 2 * DIRECT_BYTES_MAX;

/**
 * Moves bytes between a user's buffer and a file.
 *
 * ```
 *   read   in memory, few in flight     preadv2(RWF_NOWAIT), in place
 *          in memory, 16 KiB and more   the same, 256 KiB at a time
 *          many in flight               the ring, all of a round in one system call
 *          not in memory                the ring
 *   write  less than 256 KiB             the ring
 *          more, to a file              pwrite on Deno's blocking pool, out of the buffer
 * ```
 *
 * The kernel promises not to wait in what is read in place; the time for it is taken from the
 * round's budget. Once that is used up, others get their turn.
 */
export class UringTransfer {
  readonly #descriptor: UringDescriptor;
  #readsInPlace: boolean;
  /** Small memory, kept as long as the file: the next read is likely to be into it as well. */
  #lastBuffer: Uint8Array | null = null;
  #lastAddress = 0n;

  /** For one open file. */
  constructor(descriptor: UringDescriptor, isLocal: boolean) {
    this.#descriptor = descriptor;
    this.#readsInPlace = isLocal;
  }

  /** Reads at a position, or the cursor where it is -1; null at the end. */
  read(p: Uint8Array, position: number): Promise<number | null> {
    return this.readOn(p, position, this.readInPlace(p, position));
  }

  /**
   * Begins a read with what can be had without a wait.
   *
   * @returns How many bytes, 0 at the end; negative where the ring has to do it
   */
  readInPlace(p: Uint8Array, position: number): number {
    if (!this.#readsInPlace) return -1;
    if (p.length >= DIRECT_BYTES_MIN) {
      const isOne = p.length <= DIRECT_BYTES_MAX && goesDirect(p);
      return isOne ? this.#readPaced(p, position) : -1;
    }
    const { traffic, engine: { direct } } = this.#descriptor.files;
    return traffic.isDense || !direct.takeTime(READ_US) ? -1 : this.#readNow(p, position);
  }

  /** Goes on after {@linkcode readInPlace}, if there is more to do. */
  readOn(p: Uint8Array, position: number, count: number): Promise<number | null> {
    if (count === p.length) return Promise.resolve(count);
    if (count === 0) return END;
    if (p.length >= DIRECT_BYTES_MIN) return this.#readLarge(p, position, Math.max(0, count));
    return count < 0
      ? readBlock(this.#descriptor, p, position)
      : this.#readRest(p, position, count);
  }

  /** Writes at a position, or the cursor where it is -1. */
  async write(p: Uint8Array, position: number): Promise<number> {
    const descriptor = this.#descriptor;
    if (p.length <= BLOCK_TRANSFER_BYTES_MAX) return await writeBlock(descriptor, p, position);
    const { engine, fd } = descriptor;
    descriptor.begin();
    try {
      // What waits for a peer, as a pipe does, has to be cancelled when it is closed.
      const inPlace = p.length >= IN_PLACE_BYTES_MIN && descriptor.seekable;
      const count = inPlace ? await writeInPlace(fd, p, position) : null;
      return count ?? await writeBulk(engine, fd, p, position);
    } finally {
      descriptor.end();
    }
  }

  async #readLarge(p: Uint8Array, position: number, filled: number): Promise<number | null> {
    const descriptor = this.#descriptor;
    descriptor.begin();
    try {
      while (filled < p.length) {
        const at = position < 0 ? -1 : position + filled;
        const rest = p.subarray(filled);
        const now = await this.#readPieceNow(rest, at);
        if (now === 0) break;
        filled += Math.max(0, now);
        if (now > 0) continue;
        const count = await (rest.length <= BLOCK_TRANSFER_BYTES_MAX
          ? readBlock(descriptor, rest, at)
          : readBulk(descriptor.engine, descriptor.fd, rest, at)) ?? 0;
        filled += count;
        // The ring reads a file to its end or the buffer's: less is the end, or no file.
        if (count < Math.min(rest.length, BULK_READ_BYTES_MAX)) {
          break;
        }
      }
    } finally {
      descriptor.end();
    }
    if (p.length === 0) throw new TypeError("Cannot read: the buffer was detached meanwhile");
    return filled || null;
  }

  /** Reads what is in memory of the next piece; negative when the ring has to do it. */
  #readPieceNow(p: Uint8Array, position: number): number | Promise<number> {
    if (!this.#readsInPlace || !goesDirect(p)) return -1;
    const piece = p.length > DIRECT_BYTES_MAX ? p.subarray(0, DIRECT_BYTES_MAX) : p;
    const { engine } = this.#descriptor;
    if (engine.direct.hasTime) return this.#readPaced(piece, position);
    return nextRound(engine).then(() => this.#readPieceNow(p, position));
  }

  /** Reads a piece in place; -1 when the round has no time left for it. */
  #readPaced(piece: Uint8Array, position: number): number {
    const { pace, engine: { direct } } = this.#descriptor.files;
    if (!direct.takeTime(pace.expectedUs(piece.length))) return -1;
    return pace.read(() => this.#readNow(piece, position));
  }

  /** After fewer bytes than asked for: the end of the file, or of what is in memory. */
  async #readRest(p: Uint8Array, position: number, filled: number): Promise<number> {
    const at = position < 0 ? -1 : position + filled;
    const rest = p.subarray(filled);
    const count = this.#readNow(rest, at);
    return filled + (count >= 0 ? count : await readBlock(this.#descriptor, rest, at) ?? 0);
  }

  #readNow(p: Uint8Array, position: number): number {
    const { fd } = this.#descriptor;
    const count = p.length < DIRECT_BYTES_MIN
      ? readCached(fd, p, position)
      : readCached(fd, p, position, this.#addressOf(p));
    if (count < 0 && count !== -Errno.EAGAIN) this.#readsInPlace = false;
    return count;
  }

  /** A file is mostly read into the same buffer; its address stays while it has a length. */
  #addressOf(p: Uint8Array): bigint {
    if (p === this.#lastBuffer) return this.#lastAddress;
    const address = addressOf(p as Uint8Array<ArrayBuffer>);
    if (p.buffer.byteLength <= MEMORY_KEPT_BYTES_MAX) {
      this.#lastBuffer = p;
      this.#lastAddress = address;
    }
    return address;
  }
}

/** Resolves when the engine has made another round. */
export async function nextRound(engine: Engine): Promise<void> {
  const result = await ringCall(engine, { head: Op.NOP, fd: -1 });
  if (result < 0) throw osError(result);
}

const END: Promise<null> = Promise.resolve(null);
/** What the system call of a small read takes. */
const READ_US = 1;
