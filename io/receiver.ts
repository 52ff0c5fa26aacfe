// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend, SqeFlag } from "../ffi/abi.ts";
import { Errno, isNotNow, osError } from "../ffi/errno.ts";
import { receiveNow } from "../ffi/socket.ts";
import type { BufferRing } from "./buffer_ring.ts";
import { copyBytes, joinBytes } from "./copy_bytes.ts";
import { DIRECT_BYTES_MAX, goesDirect } from "./direct_budget.ts";
import type { Engine } from "./engine.ts";
import type { Flushable } from "./flush_list.ts";
import { detachedError, type ReadRequest, type Taken } from "./read_request.ts";
import type { Completion } from "./slot_table.ts";

/** Reads that may wait on one stream; one more is refused with `Deno.errors.Busy`. */
export const READS_WAITING_MAX = 1024;
/** Reads in a row that found nothing and waited, before a standing receive is set up for them. */
export const STANDING_AFTER_READS = 3;

/** What the bytes of a receive are read from: a socket, or anything else that can be read. */
export type FdKind = "socket" | "pipe";

const MSG_PEEK = 2;
const POLLIN = 1; // poll(2)
const EMPTY: Uint8Array = new Uint8Array();

/** Engines whose kernel is older than 6.0 and has no standing receives. */
const withoutStanding: WeakSet<Engine> = new WeakSet();

/**
 * The reading half of a descriptor, with one receive in flight at most.
 *
 * A read asks for its bytes with a receive of its own, so that none is taken that nobody wants. A
 * peer that takes turns with us gets a standing (multishot) receive after a few reads instead:
 * that saves an entry and the arming of a poll for every message. It is stopped by the first bytes
 * that no read waits for, which are kept for the next; so what is taken too early is a few blocks
 * at most, and a reader that stops reading still slows its peer down.
 *
 * Bulk data is read in place, without a block, when the socket is ready
 * ({@linkcode DirectBudget}). For everything else the kernel picks the block when data arrives
 * ({@linkcode BufferRing}); it is copied to the reader and given back at once. Bytes that a
 * cancelled read had already won are kept as well.
 */
export class Receiver implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #kind: FdKind;
  readonly #onQuiet: () => void;
  /** The oldest read that waits; those behind it are in the queue. */
  #current: ReadRequest | null = null;
  readonly #queue: ReadRequest[] = [];
  #slot = -1;
  #standing = false;
  #polling = false;
  #hold = true;
  #blocks: BufferRing;
  #kept: Uint8Array = EMPTY;
  #failure: Error | null = null;
  #waits = 0;
  #drained = false;
  #bulk = false;
  #closed = false;
  #delayed = false;

  /** Reads from a descriptor; `onQuiet` is called when a closed receiver has nothing in flight. */
  constructor(engine: Engine, fd: number, kind: FdKind, onQuiet: () => void) {
    this.#engine = engine;
    this.#fd = fd;
    this.#kind = kind;
    this.#onQuiet = onQuiet;
    this.#blocks = engine.smallReceives;
  }

  /** Whether a receive is in flight, or the descriptor is borrowed. */
  get busy(): boolean {
    return this.#slot >= 0 || this.#delayed;
  }

  /** Whether a read waits for its bytes. */
  get awaited(): boolean {
    return this.#current !== null;
  }

  /** Whether bytes are kept, which the next read gets. */
  get keeps(): boolean {
    return this.#kept.length > 0;
  }

  /**
   * Reads at most `buffer.length` bytes.
   *
   * @param peek Leaves the bytes for the next read (sockets only)
   * @param taken Called with how many before anything else happens, so that the buffer may be one
   * that other streams are read with too; it must not throw
   * @returns How many, or null at the end of the stream
   */
  read(
    buffer: Uint8Array,
    signal?: AbortSignal,
    peek = false,
    taken: Taken | null = null,
  ): Promise<number | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (buffer.length === 0) return Promise.resolve(0);
    // The descriptor's number may be another's by now.
    if (this.#closed) return Promise.reject(new Deno.errors.Interrupted("operation canceled"));
    if (this.#current === null) {
      if (this.#kept.length > 0) return Promise.resolve(this.#takeKept(buffer, peek, taken));
      if (this.#failure) return this.#takeFailure();
    } else if (this.#queue.length >= READS_WAITING_MAX) {
      const reason = `Cannot read: ${READS_WAITING_MAX} reads are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    if (this.#mayReadDirect(buffer, peek)) {
      const received = this.#receiveDirect(buffer, taken);
      if (received > 0) return Promise.resolve(received);
      if (received === 0) return Promise.resolve(null);
      if (!isNotNow(received)) return Promise.reject(osError(-received));
    }
    const promise = new Promise<number | null>((resolve, reject) => {
      const request = { buffer, peek, taken, resolve, reject, abandoned: null };
      if (this.#current === null) this.#current = request;
      else this.#queue.push(request);
    });
    if (signal) this.#abandonOnAbort(this.#queue.at(-1) ?? this.#current!, signal, promise);
    if (this.#slot < 0 && !this.#delayed) this.#start();
    else if (this.#standing) this.#engine.hold(this.#slot, this, this.#hold);
    return promise;
  }

  /**
   * Leaves the next receive to the caller until {@linkcode giveBack}: reads wait, and a closed
   * stream keeps its descriptor. Not when bytes are kept, reads wait or it is closed: then false.
   */
  borrow(): boolean {
    if (this.busy || this.#closed || this.#current || this.keeps || this.#failure) return false;
    this.#delayed = true;
    return true;
  }

  /** Ends what {@linkcode borrow} began. */
  giveBack(): void {
    this.flush();
  }

  /** Puts bytes that were read in front of those that come next. */
  putBack(bytes: Uint8Array): void {
    this.#kept = this.keeps ? joinBytes(bytes, this.#kept) : bytes.slice();
  }

  /** Gives up every waiting read; each rejects with the reason. */
  cancel(reason: unknown): void {
    for (const request of this.#queue.splice(0)) request.reject(reason);
    if (this.#current) this.#abandon(this.#current, reason);
  }

  /** Gives up every waiting read and takes no more. */
  close(reason: unknown): void {
    this.#closed = true;
    this.cancel(reason);
    if (this.#standing) this.#stopStanding();
  }

  /** Whether waiting reads keep the process alive. */
  hold(hold: boolean): void {
    this.#hold = hold;
    this.#engine.hold(this.#slot, this, hold && this.#current !== null);
  }

  /** Takes a completion of the receive in flight. */
  complete(result: number, flags: number): void {
    if ((flags & CqeFlag.MORE) === 0) this.#slot = -1;
    if (this.#polling) this.#polled(result);
    else if (flags & CqeFlag.BUFFER) this.#deliver(result, flags);
    else this.#end(result);
    if (this.#slot >= 0) return;
    this.#standing = false;
    if (this.#current && !this.#delayed) this.#start();
    else if (this.#closed && !this.#delayed) this.#onQuiet();
  }

  /** Starts the receive that had to wait for blocks. */
  flush(): void {
    this.#delayed = false;
    if (this.#current) this.#start();
    else if (this.#closed) this.#onQuiet();
  }

  /** Starts a receive; when the engine refuses, the reads that wait for it reject. */
  #start(): void {
    try {
      this.#receive();
    } catch (error) {
      for (let request = this.#shift(); request; request = this.#shift()) request.reject(error);
    }
  }

  #receive(): void {
    const { buffer, peek } = this.#current!;
    const engine = this.#engine;
    const socket = this.#kind === "socket";
    this.#standing = socket && !peek && !this.#bulk && this.#waits >= STANDING_AFTER_READS &&
      !withoutStanding.has(engine);
    if (this.#bulk && socket && !peek && goesDirect(buffer)) return this.#pollReadable();
    // Bulk readers get large blocks once a small one came back full.
    const large = this.#bulk && buffer.length > engine.smallReceives.blockBytes;
    const blocks = this.#blocks = large ? engine.largeReceives : engine.smallReceives;
    // After a receive that emptied the socket the next one would find nothing: it waits first.
    const priority = (this.#standing ? RecvSend.MULTISHOT : 0) |
      (socket && this.#drained ? RecvSend.POLL_FIRST : 0);
    const position = socket ? 0 : -1;
    this.#slot = engine.submit(
      this,
      this.#hold,
      (socket ? Op.RECV : Op.READ) | SqeFlag.BUFFER_SELECT << 8 | priority << 16,
      this.#fd,
      position,
      position,
      0,
      0,
      // A standing receive takes what there is, up to a block (0, as kernels before 6.17 want it).
      this.#standing ? 0 : Math.min(buffer.length, blocks.blockBytes),
      peek ? MSG_PEEK : 0,
      blocks.group,
    );
  }

  /**
   * Bulk data goes straight to the reader's buffer, when no other read comes first: not after a
   * receive that emptied the socket, for the next one would find nothing.
   */
  #mayReadDirect(buffer: Uint8Array, peek: boolean): boolean {
    return this.#bulk && !this.#drained && !peek && this.#kind === "socket" &&
      this.#current === null && !this.busy && goesDirect(buffer) &&
      this.#engine.direct.takeFor(buffer);
  }

  /** Receives what is there; says as `receiveNow` how many bytes that was. */
  #receiveDirect(buffer: Uint8Array, taken: Taken | null): number {
    const wanted = Math.min(buffer.length, DIRECT_BYTES_MAX);
    const received = receiveNow(this.#fd, buffer, wanted);
    if (received > 0) this.#bulk = received > this.#engine.smallReceives.blockBytes;
    this.#drained = received < wanted;
    if (received > 0) taken?.(received);
    return received;
  }

  /** Waits until the socket has something. */
  #pollReadable(): void {
    this.#standing = false;
    const hold = this.#hold;
    this.#slot = this.#engine.submit(this, hold, Op.POLL_ADD, this.#fd, 0, 0, 0, 0, 0, POLLIN);
    this.#polling = true;
  }

  /** Answers the oldest read from a socket that is ready, or gives it up. */
  #polled(result: number): void {
    this.#polling = false;
    const request = this.#current;
    if (request === null) return;
    if (request.abandoned || result < 0) return this.#end(result);
    if (!goesDirect(request.buffer)) {
      // Detached meanwhile. Nothing was taken, so nothing has to be kept.
      this.#shift();
      return request.reject(detachedError());
    }
    const received = this.#receiveDirect(request.buffer, request.taken);
    if (isNotNow(received)) return;
    this.#shift();
    if (received < 0) request.reject(osError(-received));
    else request.resolve(received === 0 ? null : received);
  }

  /** Copies a block to the reader, and what does not fit or is not wanted any more to the keep. */
  #deliver(byteLength: number, flags: number): void {
    const blocks = this.#blocks;
    const block = flags >>> 16;
    const start = blocks.start(block);
    blocks.took();
    if (byteLength === 0) {
      // The end of a pipe comes with a block all the same.
      blocks.giveBack(block);
      return this.#end(0);
    }
    this.#drained = (flags & CqeFlag.SOCK_NONEMPTY) === 0;
    this.#bulk = byteLength === blocks.blockBytes || (this.#bulk && byteLength > 4096);
    this.#waits = this.#bulk ? 0 : this.#waits + 1;
    const request = this.#shift();
    if (request === null) this.#keep(blocks.bytes.subarray(start, start + byteLength));
    else this.#answer(request, blocks.bytes, start, byteLength);
    blocks.giveBack(block);
    if (this.#kept.length > 0) this.#serveKept();
    if (!this.#standing || this.#slot < 0) return;
    if (this.#current === null) this.#engine.hold(this.#slot, this, false);
    if (request === null || this.#bulk) this.#stopStanding();
  }

  /** A standing receive may bring more than the oldest read wanted: the next ones get the rest. */
  #serveKept(): void {
    while (this.#current !== null && this.#kept.length > 0) {
      const { buffer, peek, taken, resolve, reject } = this.#shift()!;
      if (buffer.length === 0) reject(detachedError());
      else resolve(this.#takeKept(buffer, peek, taken));
    }
  }

  #shift(): ReadRequest | null {
    const request = this.#current;
    this.#current = this.#queue.length > 0 ? this.#queue.shift()! : null;
    return request;
  }

  #answer(request: ReadRequest, bytes: Uint8Array, start: number, byteLength: number): void {
    const { buffer, abandoned, peek } = request;
    // A buffer that was transferred or shrunk in the meantime has less room, or none.
    const count = abandoned ? 0 : Math.min(byteLength, buffer.length);
    if (count > 0) copyBytes(bytes, start, buffer, 0, count);
    // A peek on its own receive left the bytes in the socket.
    const consumed = peek && !this.#standing ? byteLength : peek ? 0 : count;
    if (consumed < byteLength) this.#keep(bytes.subarray(start + consumed, start + byteLength));
    if (count > 0) request.taken?.(count);
    if (abandoned) request.reject(abandoned.reason);
    else if (count > 0) request.resolve(count);
    else request.reject(detachedError());
  }

  /** Notes a completion without bytes: the end of the stream, a cancellation, an error. */
  #end(result: number): void {
    const retries = result === -Errno.ENOBUFS || result === -Errno.EINTR;
    if (retries && !this.#current?.abandoned) {
      // Others gave their blocks back by the end of the turn.
      this.#delayed = true;
      return this.#engine.flushLater(this);
    }
    if (this.#standing && result === -Errno.EINVAL) {
      withoutStanding.add(this.#engine);
      return;
    }
    const request = this.#current;
    const stopped = this.#standing && result === -Errno.ECANCELED;
    if (request === null || (stopped && !request.abandoned)) {
      if (!stopped && result < 0) this.#failure = osError(-result);
      return;
    }
    this.#shift();
    if (request.abandoned) {
      request.reject(request.abandoned.reason);
      if (result < 0 && result !== -Errno.ECANCELED && !retries) this.#failNext(osError(-result));
    } else if (result === 0) request.resolve(null);
    else request.reject(osError(-result));
  }

  /** An error that its read does not want any more goes to the next, as its bytes would. */
  #failNext(error: Error): void {
    const next = this.#shift();
    if (next) next.reject(error);
    else this.#failure = error;
  }

  #stopStanding(): void {
    this.#waits = 0;
    this.#engine.cancel(this.#slot, this);
  }

  #keep(piece: Uint8Array): void {
    this.#kept = this.keeps ? joinBytes(this.#kept, piece) : piece.slice();
  }

  #takeKept(buffer: Uint8Array, peek: boolean, taken: Taken | null): number {
    const count = Math.min(buffer.length, this.#kept.length);
    copyBytes(this.#kept, 0, buffer, 0, count);
    if (!peek) this.#kept = count < this.#kept.length ? this.#kept.subarray(count) : EMPTY;
    taken?.(count);
    return count;
  }

  #takeFailure(): Promise<never> {
    const failure = this.#failure;
    this.#failure = null;
    return Promise.reject(failure);
  }

  #abandon(request: ReadRequest, reason: unknown): void {
    const index = this.#queue.indexOf(request);
    if (index >= 0) this.#queue.splice(index, 1);
    else if (request !== this.#current || request.abandoned) return;
    else if (this.#slot >= 0 && !this.#standing) {
      request.abandoned = { reason };
      this.#engine.cancel(this.#slot, this);
      return;
    } else this.#shift();
    request.reject(reason);
    if (this.#standing && this.#current === null) this.#engine.hold(this.#slot, this, false);
  }

  #abandonOnAbort(request: ReadRequest, signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => this.#abandon(request, signal.reason);
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}
