// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { copyBytes } from "./copy_bytes.ts";
import type { Engine } from "./engine.ts";
import type { Flushable } from "./flush_list.ts";
import type { FdKind } from "./receiver.ts";
import type { Completion } from "./slot_table.ts";

/**
 * Bytes that one stream may have written and the kernel not yet taken. Writes beyond it wait, which
 * is how a slow peer slows its writer down.
 */
export const WRITE_QUEUE_BYTES_MAX = 131_072;
/** Most bytes that one write takes; a longer one is partial, as `write` may be. */
export const WRITE_BYTES_MAX = 65_536;
/** Writes that may wait on one stream; one more is refused with `Deno.errors.Busy`. */
export const WRITES_WAITING_MAX = 1024;

interface WriteRequest {
  /** What is still to be queued; none is empty, unless it was detached. */
  readonly pieces: Uint8Array[];
  /** Answered when all is queued, rather than with the first bytes. */
  readonly whole: boolean;
  /** Bytes that are queued. */
  queuedBytes: number;
  readonly resolve: (count: number) => void;
  readonly reject: (reason: unknown) => void;
  /** Set when it is the sending itself that is waited for. */
  readonly borrower: SendBorrower | null;
}

/** Who sends on the descriptor in the sender's stead, see {@linkcode Sender.borrow}. */
export interface SendBorrower {
  /** The stream was closed: ends what is in flight, then gives back. */
  withdraw(reason: unknown): void;
}

/** A piece of the queue: bytes in a block of the pool. */
interface Segment {
  offset: number;
  byteLength: number;
  /** Bytes that could still be appended to the block. */
  room: number;
}

/** Shorter views of leased blocks are copied all the same. */
const LEASED_BYTES_MIN = 1024;
const MSG_NOSIGNAL = 0x4000;
const MSG_WAITALL = 0x100;
const MSG_MORE = 0x8000;

/**
 * The writing half of a descriptor: a queue in engine memory, and one send in flight at most.
 *
 * A write is copied into the queue and answered at once while there is room
 * ({@linkcode WRITE_QUEUE_BYTES_MAX}): the queue extends the kernel's own send buffer, and with it
 * what a completed write means: accepted, not delivered. All that was written in one turn leaves
 * in one send. A failed send ends the stream: the next write rejects with its error.
 */
export class Sender implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #pool: BufferPool;
  readonly #fd: number;
  readonly #kind: FdKind;
  readonly #onQuiet: () => void;
  readonly #segments: Segment[] = [];
  readonly #waiting: WriteRequest[] = [];
  readonly #drainWaiters: (() => void)[] = [];
  #borrower: SendBorrower | null = null;
  #queuedBytes = 0;
  #slot = -1;
  #dirty = false;
  #closed = false;
  #discarded = false;
  #ended = false;
  /** What ended the stream; null while it can be written to. */
  #error: unknown = null;
  #withdrawBlockWish: (() => void) | null = null;

  /** Writes to a descriptor; `onQuiet` is called when a closed sender has nothing left to send. */
  constructor(engine: Engine, fd: number, kind: FdKind, onQuiet: () => void) {
    this.#engine = engine;
    this.#pool = engine.pool;
    this.#fd = fd;
    this.#kind = kind;
    this.#onQuiet = onQuiet;
  }

  /** Whether bytes wait to be taken by the kernel, or the descriptor is borrowed. */
  get busy(): boolean {
    return this.#segments.length > 0 || this.#slot >= 0 || this.#borrower !== null;
  }

  /** Queues bytes, at most {@linkcode WRITE_BYTES_MAX}, and says how many. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#error) return Promise.reject(this.#error);
    if (bytes.length === 0) return Promise.resolve(0);
    if (this.#waiting.length === 0 && this.#borrower === null) {
      const count = this.#enqueue(bytes);
      if (count > 0) return Promise.resolve(count);
    }
    return this.#waitToWrite([bytes], false, null, signal);
  }

  /**
   * Queues all of the buffers with nothing in between, and says how many bytes that were. What is
   * queued by the time it is given up still leaves.
   */
  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#error) return Promise.reject(this.#error);
    return this.#waitToWrite(buffers.filter((buffer) => buffer.length > 0), true, null, signal);
  }

  /**
   * Waits until the kernel has taken all that was written before, and leaves the sending to the
   * caller until {@linkcode giveBack}: writes wait, and a closed stream keeps its descriptor.
   */
  async borrow(borrower: SendBorrower, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#error) throw this.#error;
    await this.#waitToWrite([], true, borrower, signal);
  }

  /** Ends what {@linkcode borrow} began; an error ends the stream, as that of a send does. */
  giveBack(error: unknown = null): void {
    this.#borrower = null;
    if (error) this.#fail(error);
    else this.#becameEmpty();
  }

  /** Resolves when the kernel has taken everything written so far, or refused it. */
  drained(): Promise<void> {
    if (!this.busy && this.#waiting.length === 0) return this.#outcome();
    return new Promise<void>((resolve) => this.#drainWaiters.push(resolve))
      .then(() => this.#outcome());
  }

  /** Lets what was written leave, and refuses further writes with `BrokenPipe`. */
  async end(): Promise<void> {
    await this.drained();
    this.#ended = true;
    this.#error ??= osError(Errno.EPIPE);
  }

  /** Gives up the writes that wait for room; each rejects with the reason. */
  cancel(reason: unknown): void {
    for (const request of this.#waiting.splice(0)) request.reject(reason);
    this.#withdrawBlockWish?.();
    this.#withdrawBlockWish = null;
  }

  /** Takes no more; what is queued still leaves. */
  close(reason: unknown): void {
    this.#closed = true;
    this.cancel(reason);
    this.#borrower?.withdraw(reason);
  }

  /** Gives up what is queued as well. */
  discard(): void {
    this.#discarded = true;
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
    else this.#drop();
  }

  /** Sends the oldest segment, when none is being sent. */
  flush(): void {
    this.#dirty = false;
    const segments = this.#segments;
    if (this.#slot >= 0 || segments.length === 0) return;
    const [segment] = segments;
    // Nothing may be appended to what the kernel may be reading.
    segment.room = 0;
    try {
      this.#send(segment, segments.length > 1 ? MSG_MORE : 0);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes the completion of the send in flight. */
  complete(result: number): void {
    this.#slot = -1;
    if (result < 0) this.#fail(osError(-result));
    else this.#sent(result);
    if (this.#segments.length === 0) this.#becameEmpty();
    // A send that was cancelled half-way only reports what had left by then.
    else if (this.#discarded) this.#drop();
    else this.#flushLater();
  }

  #send({ offset, byteLength }: Segment, more: number): void {
    const socket = this.#kind === "socket";
    const position = socket ? 0 : -1;
    this.#slot = this.#engine.submit(
      this,
      true,
      socket ? Op.SEND : Op.WRITE,
      this.#fd,
      position,
      position,
      this.#pool.addressLow + offset,
      this.#pool.addressHigh,
      byteLength,
      socket ? MSG_NOSIGNAL | MSG_WAITALL | more : 0,
    );
  }

  #sent(byteLength: number): void {
    const [segment] = this.#segments;
    this.#queuedBytes -= byteLength;
    segment.offset += byteLength;
    segment.byteLength -= byteLength;
    if (segment.byteLength === 0) {
      // Most often it is the only one, and taking the last is the cheaper call.
      if (this.#segments.length === 1) this.#segments.pop();
      else this.#segments.shift();
      this.#pool.release(segment.offset - 1);
    }
    if (this.#waiting.length > 0) this.#admit();
  }

  #fail(error: unknown): void {
    this.#error = error;
    this.cancel(error);
    this.#drop();
  }

  #drop(): void {
    for (const { offset } of this.#segments.splice(0)) this.#pool.release(offset);
    this.#queuedBytes = 0;
    if (this.#slot < 0) this.#becameEmpty();
  }

  #becameEmpty(): void {
    this.#admit();
    if (this.busy) return;
    if (this.#waiting.length > 0) this.#wishForBlock();
    if (this.#drainWaiters.length > 0) {
      for (const resolve of this.#drainWaiters.splice(0)) resolve();
    }
    if (this.#closed) this.#onQuiet();
  }

  #outcome(): Promise<void> {
    return this.#error && !this.#ended ? Promise.reject(this.#error) : Promise.resolve();
  }

  /** Copies what fits into the queue; 0 when nothing does. */
  #enqueue(bytes: Uint8Array): number {
    const room = WRITE_QUEUE_BYTES_MAX - this.#queuedBytes;
    const count = Math.min(bytes.length, WRITE_BYTES_MAX, room);
    if (count <= 0) return 0;
    // Telling whose memory it is costs as much as copying a small message.
    const leased = count < LEASED_BYTES_MIN ? -1 : this.#pool.offsetOf(bytes);
    if (leased >= 0) {
      this.#pool.share(leased);
      this.#segments.push({ offset: leased, byteLength: count, room: 0 });
    } else {
      const segment = this.#segmentFor(count);
      if (segment === null) return 0;
      this.#append(segment, bytes, count);
    }
    this.#queuedBytes += count;
    this.#flushLater();
    return count;
  }

  #segmentFor(byteLength: number): Segment | null {
    const last = this.#segments.at(-1);
    if (last !== undefined && last.room >= byteLength) return last;
    const offset = this.#pool.take(byteLength);
    if (offset < 0) return null;
    const segment = { offset, byteLength: 0, room: this.#pool.capacity(offset) };
    this.#segments.push(segment);
    return segment;
  }

  #append(segment: Segment, bytes: Uint8Array, count: number): void {
    copyBytes(bytes, 0, this.#pool.bytes, segment.offset + segment.byteLength, count);
    segment.byteLength += count;
    segment.room -= count;
  }

  #flushLater(): void {
    if (this.#dirty || this.#slot >= 0) return;
    this.#dirty = true;
    this.#engine.flushLater(this);
  }

  #waitToWrite(
    pieces: Uint8Array[],
    whole: boolean,
    borrower: SendBorrower | null,
    signal?: AbortSignal,
  ): Promise<number> {
    const waiting = this.#waiting;
    if (waiting.length >= WRITES_WAITING_MAX) {
      const reason = `Cannot write: ${WRITES_WAITING_MAX} writes are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    const request = { pieces, whole, queuedBytes: 0, resolve, reject, borrower };
    waiting.push(request);
    if (waiting.length === 1) this.#admit();
    if (waiting.length === 0) return promise;
    if (signal) this.#withdrawOnAbort(request, signal, promise);
    // With sends on the way room comes by itself; without, only another stream can free a block.
    if (!this.busy) this.#wishForBlock();
    return promise;
  }

  #wishForBlock(): void {
    this.#withdrawBlockWish ??= this.#pool.whenFree(() => {
      this.#withdrawBlockWish = null;
      this.#admit();
      if (this.#waiting.length > 0 && !this.busy) this.#wishForBlock();
    });
  }

  /** Lets waiting writes into the queue, oldest first. */
  #admit(): void {
    const waiting = this.#waiting;
    while (waiting.length > 0 && this.#borrower === null && this.#take(waiting[0])) waiting.shift();
  }

  /** Queues what fits of a write; true when it was answered. */
  #take(request: WriteRequest): boolean {
    const { pieces, whole, borrower } = request;
    if (borrower !== null) {
      if (this.busy) return false;
      this.#borrower = borrower;
    }
    while (pieces.length > 0) {
      const [piece] = pieces;
      if (piece.length === 0) {
        request.reject(new TypeError("Cannot write buffer: it was detached while waiting"));
        return true;
      }
      const count = this.#enqueue(piece);
      if (count === 0) return false;
      request.queuedBytes += count;
      if (!whole) break;
      if (count < piece.length) pieces[0] = piece.subarray(count);
      else pieces.shift();
    }
    request.resolve(request.queuedBytes);
    return true;
  }

  #withdrawOnAbort(request: WriteRequest, signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => {
      const index = this.#waiting.indexOf(request);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      request.reject(signal.reason);
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}
