// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { type BufferPool, LARGE_BLOCK_BYTES, SMALL_BLOCK_BYTES } from "../io/buffer_pool.ts";
import type { Completion } from "../io/slot_table.ts";
import type { UringDescriptor } from "./uring_descriptor.ts";

/** Most bytes that {@linkcode readBlock} and {@linkcode writeBlock} move. */
export const BLOCK_TRANSFER_BYTES_MAX = LARGE_BLOCK_BYTES;

/**
 * Reads through a block of the engine, in one operation on the ring.
 *
 * @param p At most {@linkcode BLOCK_TRANSFER_BYTES_MAX} are filled; the rest stays as it is
 * @param position Where to begin; -1 is the cursor
 * @returns How many bytes; null at the end
 */
export function readBlock(
  descriptor: UringDescriptor,
  p: Uint8Array,
  position: number,
): Promise<number | null> {
  const read = new BlockRead(descriptor, p);
  const result = new Promise<number | null>((resolve, reject) => {
    read.resolve = resolve;
    read.reject = reject;
  });
  descriptor.begin();
  read.start(position);
  return result;
}

/** Writes through a block of the engine, as {@linkcode readBlock} reads. */
export function writeBlock(
  descriptor: UringDescriptor,
  p: Uint8Array,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const write = new BlockWrite(descriptor, p);
    write.resolve = resolve;
    write.reject = reject;
    descriptor.begin();
    write.start(position);
  });
}

/** The error of a read or write: one that was cancelled ended with its file. */
export function transferError(result: number): Error {
  if (result === -Errno.ECANCELED) return new Deno.errors.Interrupted("operation canceled");
  return osError(result);
}

/** A transfer in flight; it gives its block back at the end. */
abstract class BlockTransfer implements Completion {
  readonly descriptor: UringDescriptor;
  readonly p: Uint8Array;
  offset = -1;
  reject: (reason: unknown) => void = () => {};

  constructor(descriptor: UringDescriptor, p: Uint8Array) {
    this.descriptor = descriptor;
    this.p = p;
  }

  /** Begins as soon as there is a block. */
  start(position: number): void {
    const { descriptor: { engine }, p } = this;
    const { pool } = engine;
    this.offset = pool.take(p.length);
    try {
      if (this.offset < 0) return void pool.whenFree(() => this.start(position));
      this.submit(position, Math.min(p.length, pool.capacity(this.offset)));
    } catch (error) {
      if (this.offset >= 0) pool.release(this.offset);
      this.descriptor.end();
      this.reject(error);
    }
  }

  abstract submit(position: number, byteLength: number): void;

  abstract complete(result: number): void;
}

class BlockRead extends BlockTransfer {
  resolve: (count: number | null) => void = () => {};

  submit(position: number, byteLength: number): void {
    const { descriptor } = this;
    const { engine, hotFd } = descriptor;
    const { addressLow, addressHigh } = engine.pool;
    const head = Op.READ | descriptor.hotFlags;
    const [low, high] = [lowHalf(position), highHalf(position)];
    const at = addressLow + this.offset;
    engine.submit(this, true, head, hotFd, low, high, at, addressHigh, byteLength, 0);
    descriptor.countRead();
  }

  complete(result: number): void {
    const { offset, p, descriptor } = this;
    const { files } = descriptor;
    const { pool } = files.engine;
    files.traffic.note();
    const fits = p.length >= result;
    if (result > 0 && fits) p.set(blockView(pool, offset, result));
    pool.release(offset);
    descriptor.end();
    if (result < 0) this.reject(transferError(result));
    else if (fits) this.resolve(result === 0 ? null : result);
    else this.reject(new TypeError("Cannot read: the buffer was detached meanwhile"));
  }
}

class BlockWrite extends BlockTransfer {
  resolve: (count: number) => void = () => {};

  submit(position: number, byteLength: number): void {
    const { descriptor: { engine, fd }, p, offset } = this;
    const { pool } = engine;
    pool.bytes.set(byteLength === p.length ? p : p.subarray(0, byteLength), offset);
    const [low, high] = [lowHalf(position), highHalf(position)];
    const at = pool.addressLow + offset;
    engine.submit(this, true, Op.WRITE, fd, low, high, at, pool.addressHigh, byteLength, 0);
  }

  complete(result: number): void {
    this.descriptor.engine.pool.release(this.offset);
    this.descriptor.end();
    if (result < 0) this.reject(transferError(result));
    else this.resolve(result);
  }
}

/** Views of small blocks are made once: most reads of many small ones are of a whole block. */
const views: Uint8Array[] = [];

function blockView(pool: BufferPool, offset: number, byteLength: number): Uint8Array {
  if (byteLength !== SMALL_BLOCK_BYTES) return pool.bytes.subarray(offset, offset + byteLength);
  const index = offset / SMALL_BLOCK_BYTES;
  const view = views[index];
  if (view !== undefined && view.buffer === pool.bytes.buffer) return view;
  return views[index] = pool.bytes.subarray(offset, offset + byteLength);
}

/** The lower half of a position; all ones for the cursor. */
function lowHalf(position: number): number {
  return position < HALF ? position : position % HALF;
}

function highHalf(position: number): number {
  if (position < HALF) return position < 0 ? -1 : 0;
  return Math.floor(position / HALF);
}

const HALF = 2 ** 32;
