// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";

/** Calls that may wait at each end of a pipe; one more is refused with `Deno.errors.Busy`. */
export const PIPE_WAITERS_MAX = 65_536;

/** The bounds of a {@linkcode MemoryPipe}. */
export interface MemoryPipeOptions {
  /** Bytes that the pipe holds before writes wait. */
  bufferBytes: number;
  /** Most bytes that one read gives, and that one write takes. */
  chunkBytesMax: number;
  /** Offsets in the stream that no read reaches across. */
  splitAt: readonly number[];
}

/**
 * One direction of an in-memory connection: a bounded queue of bytes, with reads that wait at one
 * end and writes that wait at the other, each answered in order.
 *
 * ```
 *   #buffer | given already | held, at most bufferBytes | room        |
 *           0            #start                       #end     bufferBytes
 * ```
 */
export class MemoryPipe {
  readonly #options: MemoryPipeOptions;
  readonly #buffer: Uint8Array;
  readonly #reads: Waiter<number | null>[] = [];
  readonly #writes: Waiter<number>[] = [];
  #start = 0;
  #end = 0;
  /** Bytes read since the beginning. */
  #offset = 0;
  /** The writing end said that nothing follows, or is gone. */
  #ended = false;
  /** The reading end is gone. */
  #broken = false;

  /** Makes an empty pipe. */
  constructor(options: MemoryPipeOptions) {
    this.#options = options;
    this.#buffer = new Uint8Array(options.bufferBytes);
  }

  /** Takes at least one byte out; null when the pipe has ended and is empty. */
  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#wait("read", this.#reads, p, signal);
  }

  /** Puts at least one byte in; rejects with `BrokenPipe` when nobody can read it any more. */
  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#wait("write", this.#writes, p, signal);
  }

  /** Ends the pipe after the writes that wait; resolves then. */
  async end(): Promise<void> {
    if (!this.#ended && !this.#broken) await this.#enqueue(this.#writes, END);
  }

  /** The writing end is gone: its waiting writes reject, what is held can still be read. */
  endNow(reason: unknown): void {
    for (const write of this.#writes.splice(0)) write.reject(reason);
    this.#ended = true;
    this.#move();
  }

  /** The reading end is gone: its waiting reads reject, and writes with `BrokenPipe`. */
  break(reason: unknown): void {
    for (const read of this.#reads.splice(0)) read.reject(reason);
    this.#broken = true;
    this.#move();
  }

  #wait<T>(
    action: string,
    queue: Waiter<T | 0>[],
    p: Uint8Array,
    signal?: AbortSignal,
  ): Promise<T | 0> {
    if (!(p instanceof Uint8Array)) {
      return Promise.reject(new TypeError(`Cannot ${action}: the buffer must be a Uint8Array`));
    }
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (p.length === 0) return Promise.resolve(0);
    if (queue.length >= PIPE_WAITERS_MAX) {
      const error = new Deno.errors.Busy(`Cannot ${action}: ${PIPE_WAITERS_MAX} wait already`);
      return Promise.reject(error);
    }
    return this.#enqueue(queue, p, signal);
  }

  #enqueue<T>(queue: Waiter<T>[], p: Uint8Array, signal?: AbortSignal): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const waiter: Waiter<T> = { p, resolve, reject };
    queue.push(waiter);
    this.#move();
    if (signal && queue.includes(waiter)) rejectOnAbort(queue, waiter, signal, promise);
    return promise;
  }

  /** Moves bytes and answers calls until everybody waits. */
  #move(): void {
    while (this.#takeWrite() || this.#giveRead());
  }

  /** Answers the first write; false when it has to wait. */
  #takeWrite(): boolean {
    const write = this.#writes.at(0);
    if (!write) return false;
    if (this.#ended || this.#broken) write.reject(osError(Errno.EPIPE));
    else if (write.p === END) {
      this.#ended = true;
      write.resolve(0);
    } else {
      const room = this.#buffer.length - (this.#end - this.#start);
      const count = Math.min(write.p.length, room, this.#options.chunkBytesMax);
      if (room === 0) return false;
      this.#buffer.copyWithin(0, this.#start, this.#end);
      this.#end -= this.#start;
      this.#start = 0;
      this.#buffer.set(write.p.subarray(0, count), this.#end);
      this.#end += count;
      write.resolve(count);
    }
    this.#writes.shift();
    return true;
  }

  /** Answers the first read; false when it has to wait. */
  #giveRead(): boolean {
    const read = this.#reads.at(0);
    const held = this.#end - this.#start;
    if (!read || (held === 0 && !this.#ended)) return false;
    this.#reads.shift();
    if (held === 0) {
      read.resolve(null);
      return true;
    }
    const { chunkBytesMax, splitAt } = this.#options;
    const toSplit = Math.min(...splitAt.filter((at) => at > this.#offset)) - this.#offset;
    const count = Math.min(read.p.length, held, chunkBytesMax, toSplit);
    read.p.set(this.#buffer.subarray(this.#start, this.#start + count));
    this.#start += count;
    this.#offset += count;
    read.resolve(count);
    return true;
  }
}

interface Waiter<T> {
  readonly p: Uint8Array;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;
}

/** Stands in the queue of writes for the end of the stream. */
const END = new Uint8Array(0);

function rejectOnAbort<T>(
  queue: Waiter<T>[],
  waiter: Waiter<T>,
  signal: AbortSignal,
  promise: Promise<T>,
): void {
  const abort = () => {
    const index = queue.indexOf(waiter);
    if (index >= 0) queue.splice(index, 1);
    waiter.reject(signal.reason);
  };
  const done = () => signal.removeEventListener("abort", abort);
  signal.addEventListener("abort", abort);
  promise.then(done, done);
}
