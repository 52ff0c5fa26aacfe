// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import type { Engine } from "../io/engine.ts";
import type { Completion } from "../io/slot_table.ts";

/** Most bytes that {@linkcode readBlock} and {@linkcode writeBlock} move. */
export const BLOCK_TRANSFER_BYTES_MAX = LARGE_BLOCK_BYTES;

/**
 * Reads through a block of the engine, in one operation on the ring.
 *
 * @param p At most {@linkcode BLOCK_TRANSFER_BYTES_MAX}; the rest stays as it is
 * @param position Where to begin; -1 is the cursor
 */
export function readBlock(
  engine: Engine,
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    whenBlock(engine, p.length, (offset) => {
      new BlockRead(engine, fd, p, position, offset, resolve, reject);
    }, reject);
  });
}

/** Writes through a block of the engine, as {@linkcode readBlock} reads. */
export function writeBlock(
  engine: Engine,
  fd: number,
  p: Uint8Array,
  position: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    whenBlock(engine, p.length, (offset) => {
      new BlockWrite(engine, fd, p, position, offset, resolve, reject);
    }, reject);
  });
}

/** The error of a read or write: one that was cancelled ended with its file. */
export function transferError(result: number): Error {
  if (result === -Errno.ECANCELED) return new Deno.errors.Interrupted("operation canceled");
  return osError(result);
}

type Resolve = (count: number) => void;
type Reject = (reason: unknown) => void;

/** A transfer in flight; it gives its block back at the end. */
abstract class BlockTransfer implements Completion {
  readonly engine: Engine;
  readonly offset: number;
  readonly resolve: Resolve;
  readonly reject: Reject;

  constructor(engine: Engine, offset: number, resolve: Resolve, reject: Reject) {
    this.engine = engine;
    this.offset = offset;
    this.resolve = resolve;
    this.reject = reject;
  }

  start(op: number, fd: number, position: number, byteLength: number): void {
    const { engine, offset } = this;
    const { pool } = engine;
    const low = position < HALF ? position : position % HALF;
    const high = position < HALF ? (position < 0 ? -1 : 0) : Math.floor(position / HALF);
    const at = pool.addressLow + offset;
    try {
      engine.submit(this, true, op, fd, low, high, at, pool.addressHigh, byteLength, 0);
    } catch (error) {
      pool.release(offset);
      this.reject(error);
    }
  }

  abstract complete(result: number): void;
}

class BlockRead extends BlockTransfer {
  readonly p: Uint8Array;

  constructor(
    engine: Engine,
    fd: number,
    p: Uint8Array,
    position: number,
    offset: number,
    resolve: Resolve,
    reject: Reject,
  ) {
    super(engine, offset, resolve, reject);
    this.p = p;
    const most = Math.min(p.length, engine.pool.capacity(offset));
    this.start(Op.READ, fd, position, most);
  }

  complete(result: number): void {
    const { offset, p } = this;
    const { pool } = this.engine;
    if (result > 0 && p.length >= result) p.set(pool.bytes.subarray(offset, offset + result));
    pool.release(offset);
    if (result < 0) this.reject(transferError(result));
    else if (p.length >= result) this.resolve(result);
    else this.reject(new TypeError("Cannot read: the buffer was detached meanwhile"));
  }
}

class BlockWrite extends BlockTransfer {
  constructor(
    engine: Engine,
    fd: number,
    p: Uint8Array,
    position: number,
    offset: number,
    resolve: Resolve,
    reject: Reject,
  ) {
    super(engine, offset, resolve, reject);
    const { pool } = engine;
    const most = Math.min(p.length, pool.capacity(offset));
    pool.bytes.set(most === p.length ? p : p.subarray(0, most), offset);
    this.start(Op.WRITE, fd, position, most);
  }

  complete(result: number): void {
    this.engine.pool.release(this.offset);
    if (result < 0) this.reject(transferError(result));
    else this.resolve(result);
  }
}

/** Hands a block over, at once when one is free. */
function whenBlock(
  engine: Engine,
  byteLength: number,
  use: (offset: number) => void,
  reject: Reject,
): void {
  const { pool } = engine;
  const offset = pool.take(byteLength);
  if (offset >= 0) return use(offset);
  try {
    pool.whenFree(() => whenBlock(engine, byteLength, use, reject));
  } catch (error) {
    reject(error);
  }
}

const HALF = 2 ** 32;
