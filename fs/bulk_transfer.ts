// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { BULK_BLOCK_BYTES } from "../io/bulk_blocks.ts";
import type { Engine } from "../io/engine.ts";
import { transferError } from "./block_transfer.ts";
import { ringCall } from "./ring_call.ts";

/** Most bytes that {@linkcode readBulk} moves. */
export const BULK_READ_BYTES_MAX = BULK_BLOCK_BYTES;
/** Writes of one call that are in flight at once: one is copied while the other is written. */
const LANES = 2;
/** The first piece is small, so that the kernel gets to work while the next is copied. */
const FIRST_BYTES = BULK_BLOCK_BYTES / 8;

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
 * Writes a large buffer at a position. The copy of one piece goes on beside the write of the one
 * before; the kernel writes them in the order in which they come.
 *
 * @returns How many bytes from the start on were written
 * @throws {Error} when not one was
 */
export async function writeBulkAt(
  engine: Engine,
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number> {
  let next = 0;
  let end = p.length;
  let failure: unknown = null;
  async function lane(): Promise<void> {
    while (next < end) {
      using block = await engine.pool.bulk.takeSoon();
      if (next >= end) return;
      const start = next;
      const most = start === 0 ? FIRST_BYTES : BULK_BLOCK_BYTES;
      next = Math.min(p.length, start + most);
      const expected = next - start;
      const count = await writeFrom(engine, fd, block, p.subarray(start, next), position + start);
      if (count === expected || start > end) continue;
      end = Math.min(end, start + Math.max(count, 0));
      if (count < 0) failure = transferError(count);
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane));
  if (end === 0 && failure !== null) throw failure;
  return end;
}

/**
 * Writes a large buffer at the cursor, one piece after the other: where only the kernel knows the
 * position, as with a file that is appended to.
 */
export async function writeBulkAtCursor(
  engine: Engine,
  fd: number,
  p: Uint8Array,
): Promise<number> {
  let written = 0;
  using block = await engine.pool.bulk.takeSoon();
  while (written < p.length) {
    const piece = p.subarray(written, written + BULK_BLOCK_BYTES);
    const count = await writeFrom(engine, fd, block, piece, -1);
    if (count < 0 && written === 0) throw transferError(count);
    if (count > 0) written += count;
    if (count < piece.length) break;
  }
  return written;
}

/** A piece of memory that the kernel may read. */
interface Block {
  readonly bytes: Uint8Array;
  readonly addressLow: number;
  readonly addressHigh: number;
}

function writeFrom(
  engine: Engine,
  fd: number,
  block: Block,
  bytes: Uint8Array,
  position: number,
): Promise<number> {
  block.bytes.set(bytes);
  const { addressLow: address, addressHigh } = block;
  return ringCall(engine, {
    head: Op.WRITE,
    fd,
    offset: position,
    address,
    addressHigh,
    length: bytes.length,
  });
}
