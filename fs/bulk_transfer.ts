// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { writeSoon } from "../ffi/file_soon.ts";
import { BULK_BLOCK_BYTES } from "../io/bulk_blocks.ts";
import { goesDirect } from "../io/direct_budget.ts";
import type { Engine } from "../io/engine.ts";
import { transferError } from "./block_transfer.ts";
import { ringCall } from "./ring_call.ts";

/** Most bytes that {@linkcode readBulk} moves. */
export const BULK_READ_BYTES_MAX = BULK_BLOCK_BYTES;
/** From this size on {@linkcode writeInPlace} costs less; below, the hand-over does. */
export const IN_PLACE_BYTES_MIN = 262_144;

/**
 * Reads through a block of a mebibyte, in one operation on the ring: what the kernel has to fetch
 * first.
 *
 * @param position Where to begin; -1 is the cursor
 */
export async function readBulk(
  engine: Engine,
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number> {
  using block = await engine.pool.bulk.takeSoon();
  const count = await ringCall(engine, {
    head: Op.READ,
    fd,
    offset: position,
    address: block.addressLow,
    addressHigh: block.addressHigh,
    length: Math.min(p.length, BULK_BLOCK_BYTES),
  });
  if (count < 0) throw transferError(count);
  if (p.length < count) throw new TypeError("Cannot read: the buffer was detached meanwhile");
  p.set(block.bytes.subarray(0, count));
  return count;
}

/**
 * Writes a large buffer through a block of a mebibyte, one piece after the other.
 *
 * @param position Where to begin; -1 is the cursor, or the end of what is appended to
 * @returns How many bytes from the start on were written
 * @throws {Error} when not one was
 */
export async function writeBulk(
  engine: Engine,
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number> {
  let written = 0;
  using block = await engine.pool.bulk.takeSoon();
  while (written < p.length) {
    const piece = p.subarray(written, written + BULK_BLOCK_BYTES);
    block.bytes.set(piece);
    const count = await ringCall(engine, {
      head: Op.WRITE,
      fd,
      offset: position < 0 ? -1 : position + written,
      address: block.addressLow,
      addressHigh: block.addressHigh,
      length: piece.length,
    });
    if (count < 0 && written === 0) throw transferError(count);
    if (count > 0) written += count;
    if (count < piece.length) break;
  }
  return written;
}

/**
 * Writes a large buffer to a file where it lies, in one call on Deno's blocking pool: no copy, and
 * no hand-over from piece to piece. The pool keeps a refusal's reason to itself: what is refused
 * is tried by {@linkcode writeBulk}, which tells it.
 *
 * @returns How many bytes from the start on were written; null when it takes {@linkcode writeBulk}
 */
export async function writeInPlace(
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number | null> {
  if (!goesDirect(p)) return null;
  const count = await writeSoon(fd, p as Uint8Array<ArrayBuffer>, position);
  return count < 0 ? null : count;
}
