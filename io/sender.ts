// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, isNotNow, osError } from "../ffi/errno.ts";
import { sendNow } from "../ffi/socket.ts";
import type { BufferPool } from "./buffer_pool.ts";
import { DIRECT_BYTES_MAX, goesDirect } from "./direct_budget.ts";
import type { Engine } from "./engine.ts";
import type { Flushable } from "./flush_list.ts";
import type { FdKind } from "./receiver.ts";
import { type Segment, SegmentQueue } from "./segment_queue.ts";
import type { Completion } from "./slot_table.ts";
import { type SendBorrower, withdrawOnAbort, type WriteRequest } from "./write_request.ts";

/** Writes that may wait on one stream; one more is refused with `Deno.errors.Busy`. */
export const WRITES_WAITING_MAX = 1024;

const MSG_NOSIGNAL = 0x4000;
const MSG_WAITALL = 0x100;
const MSG_MORE = 0x8000;
const POLLOUT = 4; // poll(2)

/**
 * The writing half of a descriptor: a queue in engine memory, and one send in flight at most.
 *
 * A write is copied into the queue and answered at once while there is room
 * ({@linkcode WRITE_QUEUE_BYTES_MAX}): the queue extends the kernel's own send buffer, and with it
 * what a completed write means: accepted, not delivered. All that was written in one turn leaves
 * in one send. A failed send ends the stream: the next write rejects with its error.
 *
 * A large write is not copied: it is sent from where it is once nothing is queued before it and
 * the socket takes some of it ({@linkcode DirectBudget}).
 */
export class Sender implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #pool: BufferPool;
  readonly #fd: number;
  readonly #kind: FdKind;
  readonly #onQuiet: () => void;
  readonly #segments: SegmentQueue;
  readonly #waiting: WriteRequest[] = [];
  readonly #drainWaiters: (() => void)[] = [];
  #borrower: SendBorrower | null = null;
  #slot = -1;
  #polling = false;
  #dirty = false;
  #closed = false;
  #discarded = false;
  #ended = false;
  /** What ended the stream; null while it can be written to. */
  #error: unknown = null;
  #withdrawBlockWish: (() => void) | null = null;
  readonly #nobodyWaits = () => this.#stopPolling();

  /** Writes to a descriptor; `onQuiet` is called when a closed sender has nothing left to send. */
  constructor(engine: Engine, fd: number, kind: FdKind, onQuiet: () => void) {
    this.#engine = engine;
    this.#pool = engine.pool;
    this.#segments = new SegmentQueue(engine.pool);
    this.#fd = fd;
    this.#kind = kind;
    this.#onQuiet = onQuiet;
  }

  /** Whether a write waits for room, or somebody sends in the sender's stead. */
  get awaited(): boolean {
    return this.#waiting.length > 0 || this.#borrower !== null;
  }

  /** Whether bytes wait to be taken by the kernel, or the descriptor is borrowed. */
  get busy(): boolean {
    return this.#segments.length > 0 || this.#slot >= 0 || this.#borrower !== null;
  }

  /** Queues bytes, at most {@linkcode WRITE_BYTES_MAX}, and says how many. */
  write(bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#error || this.#closed) return Promise.reject(this.#refusal());
    if (bytes.length === 0) return Promise.resolve(0);
    if (this.#waiting.length === 0 && this.#borrower === null) {
      const count = this.#isDirect(bytes) ? this.#sendDirect(bytes) : this.#enqueue(bytes);
      if (count > 0) return Promise.resolve(count);
      if (this.#error) return Promise.reject(this.#error);
    }
    return this.#waitToWrite([bytes], false, null, signal);
  }

  /** Queues what there is room for, and says how much; -1 when the stream takes no more. */
  offer(bytes: Uint8Array): number {
    if (this.#error || this.#closed) return -1;
    return this.#waiting.length === 0 && this.#borrower === null ? this.#enqueue(bytes) : 0;
  }

  /**
   * Makes room for bytes to be written in place, into the engine's memory; {@linkcode commit} has
   * to follow at once.
   *
   * @returns Where, in the pool; -1 when there is no room, or the stream takes no more
   */
  reserve(byteLength: number): number {
    if (this.#error || this.#closed) return -1;
    if (this.#waiting.length > 0 || this.#borrower !== null) return -1;
    return this.#segments.reserve(byteLength);
  }

  /** Queues what was written where {@linkcode reserve} said: one byte at least. */
  commit(byteLength: number): void {
    this.#segments.commit(byteLength);
    this.#flushLater();
  }

  /**
   * Takes what there is room for at once, and says how many bytes that is. For whoever has the
   * bytes in memory that is about to be used for something else.
   *
   * @throws {unknown} what ended the stream
   */
  writeNow(bytes: Uint8Array): number {
    if (this.#closed) throw this.#refusal();
    let taken = 0;
    while (taken < bytes.length && this.#waiting.length === 0 && this.#borrower === null) {
      if (this.#error) throw this.#error;
      const rest = taken === 0 ? bytes : bytes.subarray(taken);
      const count = this.#isDirect(rest) ? this.#sendDirect(rest) : this.#enqueue(rest);
      if (count === 0) break;
      taken += count;
    }
    if (this.#error) throw this.#error;
    return taken;
  }

  /**
   * Queues all of the buffers with nothing in between, and says how many bytes that were. What is
   * queued by the time it is given up still leaves.
   */
  writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#error || this.#closed) return Promise.reject(this.#refusal());
    return this.#waitToWrite(buffers.filter((buffer) => buffer.length > 0), true, null, signal);
  }

  /**
   * Waits until the kernel has taken all that was written before, and leaves the sending to the
   * caller until {@linkcode giveBack}: writes wait, and a closed stream keeps its descriptor.
   */
  async borrow(borrower: SendBorrower, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    if (this.#error || this.#closed) throw this.#refusal();
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
    this.#stopPolling();
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
  flush(alone: boolean): void {
    this.#dirty = false;
    const segments = this.#segments;
    if (this.#slot >= 0 || segments.length === 0) return;
    if (alone && segments.length === 1 && this.#sendAlone(segments.seal())) return;
    try {
      this.#send(segments.seal(), segments.length > 1 ? MSG_MORE : 0);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Takes the completion of the send in flight. */
  complete(result: number): void {
    this.#slot = -1;
    if (this.#polling) return this.#polled();
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

  /** Sends the only segment with no entry of the ring; true when nothing is left to send. */
  #sendAlone({ offset, byteLength }: Segment): boolean {
    if (this.#kind !== "socket") return false;
    const bytes = this.#pool.bytes.subarray(offset, offset + byteLength);
    const sent = sendNow(this.#fd, bytes, byteLength);
    if (sent < 0) {
      // What the socket does not take now, the ring waits with.
      const again = isNotNow(sent);
      if (!again) this.#fail(osError(-sent));
      return !again;
    }
    this.#sent(sent);
    if (this.#segments.length > 0) return false;
    this.#becameEmpty();
    return true;
  }

  #sent(byteLength: number): void {
    this.#segments.shift(byteLength);
    if (this.#waiting.length > 0) this.#admit();
  }

  #fail(error: unknown): void {
    this.#error = error;
    this.cancel(error);
    this.#drop();
  }

  #drop(): void {
    this.#segments.clear();
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

  /** Why nothing more is taken: once it is closed the descriptor's number may be another's. */
  #refusal(): unknown {
    return this.#error ?? new Deno.errors.Interrupted("operation canceled");
  }

  #outcome(): Promise<void> {
    return this.#error && !this.#ended ? Promise.reject(this.#error) : Promise.resolve();
  }

  /** Large writes are sent from where they are; leased blocks need no such help. */
  #isDirect(bytes: Uint8Array): boolean {
    return this.#kind === "socket" && goesDirect(bytes) && this.#pool.offsetOf(bytes) < 0;
  }

  /** Sends what the socket takes at once, when nothing is queued before it; 0 when nothing. */
  #sendDirect(bytes: Uint8Array): number {
    if (this.busy || !this.#engine.direct.takeFor(bytes)) return 0;
    const sent = sendNow(this.#fd, bytes, Math.min(bytes.length, DIRECT_BYTES_MAX));
    if (sent > 0) return sent;
    if (!isNotNow(sent)) this.#fail(osError(-sent));
    return 0;
  }

  /** Waits until the socket takes more, and then lets the oldest write try again. */
  #pollWritable(): void {
    if (this.busy || this.#error) return;
    try {
      this.#slot = this.#engine.submit(this, true, Op.POLL_ADD, this.#fd, 0, 0, 0, 0, 0, POLLOUT);
      this.#polling = true;
    } catch (error) {
      this.#fail(error);
    }
  }

  #polled(): void {
    this.#polling = false;
    if (this.#segments.length > 0) this.#flushLater();
    else this.#becameEmpty();
  }

  #stopPolling(): void {
    if (this.#polling) this.#engine.cancel(this.#slot, this);
  }

  /** Copies what fits into the queue; 0 when nothing does. */
  #enqueue(bytes: Uint8Array): number {
    const count = this.#segments.push(bytes);
    if (count > 0) this.#flushLater();
    return count;
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
    if (signal) withdrawOnAbort(request, waiting, signal, promise, this.#nobodyWaits);
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
      const direct = !whole && this.#isDirect(piece);
      const count = direct ? this.#sendDirect(piece) : this.#enqueue(piece);
      if (count === 0 && direct) this.#pollWritable();
      if (count === 0) return false;
      request.queuedBytes += count;
      if (!whole) break;
      if (count < piece.length) pieces[0] = piece.subarray(count);
      else pieces.shift();
    }
    request.resolve(request.queuedBytes);
    return true;
  }
}
