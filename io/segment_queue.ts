// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { BufferPool } from "./buffer_pool.ts";
import { copyBytes } from "./copy_bytes.ts";

/**
 * Bytes that one stream may have written and the kernel not yet taken. Writes beyond it wait, which
 * is how a slow peer slows its writer down.
 */
export const WRITE_QUEUE_BYTES_MAX = 131_072;
/** Most bytes that one queued write takes; a longer one is partial, as `write` may be. */
export const WRITE_BYTES_MAX = 65_536;
/** Shorter views of leased blocks are copied all the same. */
const LEASED_BYTES_MIN = 1024;

/** A piece of the queue: bytes in a block of the pool. */
export interface Segment {
  /** Where they begin in the pool. */
  offset: number;
  /** How many they are; never 0. */
  byteLength: number;
  /** Bytes that could still be appended to the block. */
  room: number;
}

/**
 * Bytes on their way to the kernel, in blocks of the pool: small writes share a block, and views
 * of leased blocks are queued as they are, with one more owner.
 */
export class SegmentQueue {
  readonly #pool: BufferPool;
  readonly #segments: Segment[] = [];
  #bytes = 0;

  /** Takes blocks from a pool. */
  constructor(pool: BufferPool) {
    this.#pool = pool;
  }

  /** Segments in the queue. */
  get length(): number {
    return this.#segments.length;
  }

  /** The oldest segment, closed to further bytes: the kernel may be reading it. */
  seal(): Segment {
    const [segment] = this.#segments;
    segment.room = 0;
    return segment;
  }

  /** Queues what fits of the bytes, and says how many that is; 0 when none. */
  push(bytes: Uint8Array): number {
    const room = WRITE_QUEUE_BYTES_MAX - this.#bytes;
    const count = Math.min(bytes.length, WRITE_BYTES_MAX, room);
    if (count <= 0) return 0;
    // Telling whose memory it is costs as much as copying a small message.
    const leased = count < LEASED_BYTES_MIN ? -1 : this.#pool.offsetOf(bytes);
    if (leased >= 0) {
      this.#pool.share(leased);
      this.#segments.push({ offset: leased, byteLength: count, room: 0 });
    } else if (!this.#append(bytes, count)) {
      return 0;
    }
    this.#bytes += count;
    return count;
  }

  /**
   * Makes room for so many bytes behind the last, to be written in place; {@linkcode commit} has to
   * follow at once. Not more than a small block has.
   *
   * @returns Where, in the pool; -1 when there is no room
   */
  reserve(byteLength: number): number {
    if (this.#bytes + byteLength > WRITE_QUEUE_BYTES_MAX) return -1;
    const last = this.#segments.at(-1);
    if (last !== undefined && last.room >= byteLength) return last.offset + last.byteLength;
    const offset = this.#pool.take(byteLength);
    if (offset < 0) return -1;
    this.#segments.push({ offset, byteLength: 0, room: this.#pool.capacity(offset) });
    return offset;
  }

  /** Queues what was written where {@linkcode reserve} said: one byte at least. */
  commit(byteLength: number): void {
    const last = this.#segments[this.#segments.length - 1];
    last.byteLength += byteLength;
    last.room -= byteLength;
    this.#bytes += byteLength;
  }

  /** Takes bytes off the oldest segment, and gives its block back when they were the last. */
  shift(byteLength: number): void {
    const [segment] = this.#segments;
    this.#bytes -= byteLength;
    segment.offset += byteLength;
    segment.byteLength -= byteLength;
    if (segment.byteLength > 0) return;
    // Most often it is the only one, and taking the last is the cheaper call.
    if (this.#segments.length === 1) this.#segments.pop();
    else this.#segments.shift();
    this.#pool.release(segment.offset - 1);
  }

  /** Gives all blocks back. */
  clear(): void {
    for (const { offset } of this.#segments.splice(0)) this.#pool.release(offset);
    this.#bytes = 0;
  }

  /** Copies bytes behind the last ones, into a new block if need be; false when none is free. */
  #append(bytes: Uint8Array, count: number): boolean {
    const pool = this.#pool;
    let last = this.#segments.at(-1);
    if (last === undefined || last.room < count) {
      const offset = pool.take(count);
      if (offset < 0) return false;
      last = { offset, byteLength: 0, room: pool.capacity(offset) };
      this.#segments.push(last);
    }
    copyBytes(bytes, 0, pool.bytes, last.offset + last.byteLength, count);
    last.byteLength += count;
    last.room -= count;
    return true;
  }
}
