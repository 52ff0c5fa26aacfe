// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend, SqeFlag } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import type { BufferRing } from "./buffer_ring.ts";
import type { Engine, Flushable } from "./engine.ts";
import type { Completion } from "./slot_table.ts";

/** Reads that may wait on one stream; one more is refused with `Deno.errors.Busy`. */
export const READS_WAITING_MAX = 1024;

/** What the bytes of a receive are read from: a socket, or anything else that can be read. */
export type FdKind = "socket" | "pipe";

interface ReadRequest {
  readonly buffer: Uint8Array;
  readonly peek: boolean;
  readonly resolve: (count: number | null) => void;
  readonly reject: (reason: unknown) => void;
  /** Set when the request was given up: it rejects with this at the last completion. */
  abandoned: { reason: unknown } | null;
}

const MSG_PEEK = 2;
/** Messages of this many bytes are copied by hand, which is faster than making a view. */
const HAND_COPY_BYTES_MAX = 96;

/**
 * The reading half of a descriptor: one receive in flight at most, asked for by the oldest read
 * that waits, so that no byte is taken that nobody wants.
 *
 * The kernel picks the block when data arrives ({@linkcode BufferRing}); it is copied to the
 * reader and given back at once. Bytes that a cancelled read had already won are kept for the next.
 */
export class Receiver implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #kind: FdKind;
  readonly #onQuiet: () => void;
  readonly #requests: ReadRequest[] = [];
  #slot = -1;
  #hold = true;
  #blocks: BufferRing;
  #kept: Uint8Array = EMPTY;
  #drained = false;
  #bulk = false;
  #closed = false;
  #flushing = false;

  /** Reads from a descriptor; `onQuiet` is called when a closed receiver has nothing in flight. */
  constructor(engine: Engine, fd: number, kind: FdKind, onQuiet: () => void) {
    this.#engine = engine;
    this.#fd = fd;
    this.#kind = kind;
    this.#onQuiet = onQuiet;
    this.#blocks = engine.smallReceives;
  }

  /** Whether a receive is in flight. */
  get busy(): boolean {
    return this.#slot >= 0 || this.#flushing;
  }

  /**
   * Reads at most `buffer.length` bytes.
   *
   * @param peek Leaves the bytes for the next read (sockets only)
   * @returns How many, or null at the end of the stream
   */
  read(buffer: Uint8Array, signal?: AbortSignal, peek = false): Promise<number | null> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#kept.length > 0 && this.#requests.length === 0) {
      return Promise.resolve(this.#takeKept(buffer, peek));
    }
    if (this.#requests.length >= READS_WAITING_MAX) {
      const reason = `Cannot read: ${READS_WAITING_MAX} reads are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    const promise = new Promise<number | null>((resolve, reject) => {
      this.#requests.push({ buffer, peek, resolve, reject, abandoned: null });
    });
    if (signal) this.#abandonOnAbort(this.#requests.at(-1)!, signal, promise);
    if (this.#slot < 0) this.#receive();
    return promise;
  }

  /** Gives up every waiting read; each rejects with the reason. */
  cancel(reason: unknown): void {
    for (const request of [...this.#requests]) this.#abandon(request, reason);
  }

  /** Gives up every waiting read and takes no more. */
  close(reason: unknown): void {
    this.#closed = true;
    this.cancel(reason);
  }

  /** Whether waiting reads keep the process alive. */
  hold(hold: boolean): void {
    this.#hold = hold;
    this.#engine.hold(this.#slot, this, hold);
  }

  /** Takes the completion of the receive in flight. */
  complete(result: number, flags: number): void {
    this.#slot = -1;
    const request = this.#requests[0];
    if (flags & CqeFlag.BUFFER) this.#deliver(request, result, flags);
    else if (result === -Errno.ENOBUFS || result === -Errno.EINTR) this.#receiveLater();
    else this.#end(request, result);
    if (this.#requests.length > 0 && !this.busy) this.#receive();
    else if (this.#closed && !this.busy) this.#onQuiet();
  }

  /** Starts the receive that had to wait for blocks. */
  flush(): void {
    this.#flushing = false;
    if (this.#requests.length > 0) this.#receive();
    else if (this.#closed) this.#onQuiet();
  }

  #receive(): void {
    const { buffer, peek } = this.#requests[0];
    const engine = this.#engine;
    // Bulk readers get large blocks once a small one came back full.
    const blocks = this.#bulk && buffer.length > engine.smallReceives.blockBytes
      ? engine.largeReceives
      : engine.smallReceives;
    this.#blocks = blocks;
    const byteLength = Math.min(buffer.length, blocks.blockBytes);
    const socket = this.#kind === "socket";
    // After a receive that emptied the socket the next one would find nothing: it waits first.
    const priority = socket && this.#drained ? RecvSend.POLL_FIRST : 0;
    const head = (socket ? Op.RECV : Op.READ) | SqeFlag.BUFFER_SELECT << 8 | priority << 16;
    const position = socket ? 0 : -1;
    const flags = peek ? MSG_PEEK : 0;
    this.#slot = engine.submit(
      this,
      this.#hold,
      head,
      this.#fd,
      position,
      position,
      0,
      0,
      byteLength,
      flags,
      blocks.group,
    );
  }

  #receiveLater(): void {
    this.#flushing = true;
    this.#engine.flushLater(this);
  }

  /** Copies a block to the reader, and what does not fit or is not wanted any more to the keep. */
  #deliver(request: ReadRequest, byteLength: number, flags: number): void {
    const blocks = this.#blocks;
    const block = flags >>> 16;
    const start = blocks.start(block);
    blocks.took();
    this.#drained = (flags & CqeFlag.SOCK_NONEMPTY) === 0;
    this.#bulk = byteLength === blocks.blockBytes || (this.#bulk && byteLength > 4096);
    this.#requests.shift();
    const { buffer, abandoned, peek } = request;
    // A buffer that was transferred or shrunk in the meantime has less room, or none.
    const count = abandoned ? 0 : Math.min(byteLength, buffer.length);
    copy(blocks.bytes, start, buffer, count);
    if (count < byteLength && !peek) {
      this.#kept = blocks.bytes.slice(start + count, start + byteLength);
    }
    blocks.giveBack(block);
    if (abandoned) request.reject(abandoned.reason);
    else if (count > 0) request.resolve(count);
    else request.reject(new TypeError("Cannot read into buffer: it was detached while waiting"));
  }

  /** Answers a receive that brought no bytes: the end of the stream, a cancellation, an error. */
  #end(request: ReadRequest, result: number): void {
    this.#requests.shift();
    if (request.abandoned) request.reject(request.abandoned.reason);
    else if (result === 0) request.resolve(null);
    else request.reject(osError(-result));
  }

  #takeKept(buffer: Uint8Array, peek: boolean): number {
    const count = Math.min(buffer.length, this.#kept.length);
    buffer.set(this.#kept.subarray(0, count));
    if (!peek) this.#kept = count < this.#kept.length ? this.#kept.subarray(count) : EMPTY;
    return count;
  }

  #abandon(request: ReadRequest, reason: unknown): void {
    const index = this.#requests.indexOf(request);
    if (index < 0 || request.abandoned) return;
    if (index === 0 && this.#slot >= 0) {
      request.abandoned = { reason };
      this.#engine.cancel(this.#slot, this);
    } else {
      this.#requests.splice(index, 1);
      request.reject(reason);
    }
  }

  #abandonOnAbort(request: ReadRequest, signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => this.#abandon(request, signal.reason);
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}

const EMPTY = new Uint8Array();

function copy(from: Uint8Array, start: number, to: Uint8Array, count: number): void {
  if (count <= HAND_COPY_BYTES_MAX) {
    for (let index = 0; index < count; index++) to[index] = from[start + index];
  } else {
    to.set(from.subarray(start, start + count));
  }
}
