// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  readableFrom,
  type Reader,
  readFull,
  writableFrom,
  writeAll,
  type Writer,
} from "../io/byte_stream.ts";
import type { FileHandle } from "../io/file_handle.ts";
import { checkFilePart } from "./send_file.ts";
import type { AcceptedSocket, ShutdownHow, StreamSocket } from "./stream_socket.ts";
import { within } from "./time_limit.ts";

/** Options of one read or write. */
export interface TransferOptions {
  /** Gives the call up; bytes that it had already won go to the next read. */
  signal?: AbortSignal;
}

/**
 * The rules of `Deno.Conn`, and what goes beyond it, over a socket of either engine. Not made by
 * hand: `connect`, `listen` and `socketPair` give connections.
 *
 * @example What every connection can do
 * ```ts
 * import { connect, listen, StreamConn } from "@photon/std/net";
 * import { assert, assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const accepting = listener.accept();
 * using client = await connect({ port: listener.addr.port });
 * using server = await accepting;
 * assert(client instanceof StreamConn);
 * await client.writev([new Uint8Array([1]), new Uint8Array([2, 3])]);
 * assertEquals(await server.readFull(new Uint8Array(3)), 3);
 * ```
 */
export class StreamConn<A extends Deno.Addr> implements Reader, Writer, Disposable {
  /** This side's address. */
  readonly localAddr: A;
  /** The peer's address. */
  readonly remoteAddr: A;

  readonly #socket: StreamSocket;
  #closed = false;
  #readTimeoutMs = 0;
  #writeTimeoutMs = 0;
  #onClosed: (() => void) | null = null;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /** Takes over a connected socket. */
  constructor(accepted: AcceptedSocket<A>) {
    this.#socket = accepted.socket;
    this.localAddr = accepted.localAddr;
    this.remoteAddr = accepted.remoteAddr;
  }

  /** The socket underneath, for the rest of net. */
  static socketOf(conn: StreamConn<Deno.Addr>): StreamSocket {
    return conn.#open();
  }

  /**
   * Takes the socket out of a connection, which is closed to its owner from then on, for the rest
   * of net.
   *
   * @throws {Deno.errors.BadResource} when it is closed
   * @throws {Deno.errors.Busy} when somebody reads
   */
  static detach(conn: StreamConn<Deno.Addr>): StreamSocket {
    const socket = conn.#open();
    if (socket.reading) throw new Deno.errors.Busy("TCP stream is currently in use");
    conn.#closed = true;
    return socket;
  }

  /** Calls back once when the connection is closed, for the rest of net. */
  static whenClosed(conn: StreamConn<Deno.Addr>, callback: () => void): void {
    conn.#onClosed = callback;
  }

  /** The time limit of each write in milliseconds, 0 for none, for the rest of net. */
  static writeTimeoutMsOf(conn: StreamConn<Deno.Addr>): number {
    return conn.#writeTimeoutMs;
  }

  /**
   * Reads at most `p.length` bytes into `p`; may read fewer.
   *
   * @returns How many, or null at the end of the stream
   */
  read(p: Uint8Array, options?: TransferOptions): Promise<number | null> {
    if (this.#closed || !isBytes(p)) return rejectMisuse(this.#closed);
    if (this.#readTimeoutMs === 0) return this.#socket.read(p, options?.signal);
    return within(this.#readTimeoutMs, "read", options, (signal) => this.#socket.read(p, signal));
  }

  /** Reads as {@linkcode read} does, and leaves the bytes to be read again. */
  peek(p: Uint8Array, options?: TransferOptions): Promise<number | null> {
    if (this.#closed || !isBytes(p)) return rejectMisuse(this.#closed);
    if (this.#readTimeoutMs === 0) return this.#socket.peek(p, options?.signal);
    return within(this.#readTimeoutMs, "peek", options, (signal) => this.#socket.peek(p, signal));
  }

  /**
   * Fills all of `p`. When it is given up, the bytes that came before are in `p`.
   *
   * @returns `p.length`, or null when the stream ended before the first byte
   * @throws {Deno.errors.UnexpectedEof} when it ended later
   */
  readFull(p: Uint8Array, options?: TransferOptions): Promise<number | null> {
    return readFull({ read: (rest) => this.read(rest, options) }, p);
  }

  /**
   * Reads once and spreads the bytes over several buffers, filling one after the other.
   *
   * @returns How many bytes, or null at the end of the stream
   */
  async readv(buffers: readonly Uint8Array[], options?: TransferOptions): Promise<number | null> {
    if (!buffers.every(isBytes)) return rejectMisuse(this.#closed);
    const wanted = buffers.reduce((total, buffer) => total + buffer.length, 0);
    const bytes = new Uint8Array(Math.min(wanted, READV_BYTES_MAX));
    const count = await this.read(bytes, options);
    if (count === null) return null;
    let taken = 0;
    for (const buffer of buffers) {
      buffer.set(bytes.subarray(taken, Math.min(taken + buffer.length, count)));
      taken = Math.min(taken + buffer.length, count);
    }
    return count;
  }

  /**
   * Writes bytes of `p`; may write fewer than all.
   *
   * @returns How many. They are on their way: a peer that is gone by then shows in a later write.
   */
  write(p: Uint8Array, options?: TransferOptions): Promise<number> {
    if (this.#closed || !isBytes(p)) return rejectMisuse(this.#closed);
    if (this.#writeTimeoutMs === 0) return this.#socket.write(p, options?.signal);
    return within(
      this.#writeTimeoutMs,
      "write",
      options,
      (signal) => this.#socket.write(p, signal),
    );
  }

  /** Writes all of `p`. When it is given up, a part may be on its way. */
  writeAll(p: Uint8Array, options?: TransferOptions): Promise<void> {
    return writeAll({ write: (rest) => this.write(rest, options) }, p);
  }

  /**
   * Writes all of the buffers, one after the other, with no other write in between. When it is
   * given up, a part may be on its way.
   *
   * @returns The bytes written, all of them
   */
  writev(buffers: readonly Uint8Array[], options?: TransferOptions): Promise<number> {
    if (this.#closed || !buffers.every(isBytes)) return rejectMisuse(this.#closed);
    if (this.#writeTimeoutMs === 0) return this.#socket.writev(buffers, options?.signal);
    return within(
      this.#writeTimeoutMs,
      "write",
      options,
      (signal) => this.#socket.writev(buffers, signal),
    );
  }

  /**
   * Sends part of a file without bringing it into JavaScript: several times as fast as to read and
   * write it. Writes made meanwhile leave after it. A slow peer costs no memory.
   *
   * What is in memory of the file is lent to the socket, not copied: a change to the file shows in
   * bytes that have not left yet.
   *
   * A file that ends before, or is cut while it is sent, is no error: the result is smaller than
   * `length`. One that is given up or fails has left an unknown number of bytes: close the
   * connection then.
   *
   * @param file An open file; on the portable engine one that `node:fs` opened
   * @param offset Where to begin, in bytes; the file's own position does not count and stays
   * @param length Bytes to send; by default all that follow
   * @returns How many bytes were sent
   * @throws {TypeError} when `file` has no descriptor
   * @throws {RangeError} when `offset` or `length` is negative or no integer
   * @throws {Deno.errors.NotSupported} on the portable engine, when `node:fs` did not open the file
   */
  async sendFile(
    file: FileHandle,
    offset = 0,
    length = Infinity,
    options: TransferOptions = {},
  ): Promise<number> {
    const socket = this.#open();
    checkFilePart(file, offset, length);
    const signal = options.signal;
    signal?.throwIfAborted();
    if (length === 0) return 0;
    return await socket.sendFile({ file, offset, length, signal, timeoutMs: this.#writeTimeoutMs });
  }

  /** Lets reads reject with `TimedOut` when no byte came for so long; 0 waits for ever. */
  setReadTimeout(milliseconds: number): void {
    this.#readTimeoutMs = checkTimeout(milliseconds);
  }

  /**
   * Lets writes reject with `TimedOut` when no byte could be written for so long, and `writev` when
   * it took longer for all of its bytes; 0 never.
   */
  setWriteTimeout(milliseconds: number): void {
    this.#writeTimeoutMs = checkTimeout(milliseconds);
  }

  /** Ends the writing half: the peer reads the end of the stream. Reading goes on. */
  closeWrite(): Promise<void> {
    return this.shutdown("write");
  }

  /** Ends the reading half, the writing half, or both; what was written before is delivered. */
  shutdown(how: ShutdownHow): Promise<void> {
    return this.#closed ? rejectMisuse(true) : this.#socket.shutdown(how);
  }

  /**
   * Closes the connection; waiting reads and writes reject with `Interrupted`.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    this.#open();
    this.#closed = true;
    this.#socket.close();
    this.#onClosed?.();
  }

  /** The incoming bytes; the connection closes at their end, on an error and on `cancel`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  /** The outgoing bytes; the connection closes with it. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  /** Waiting reads keep the process alive (the default). */
  ref(): void {
    if (!this.#closed) this.#socket.ref();
  }

  /** Waiting and future reads do not keep the process alive. */
  unref(): void {
    if (!this.#closed) this.#socket.unref();
  }

  /** Asks for kernel buffers of these sizes, in bytes; the kernel rounds them. */
  setBufferSizes(sizes: { receiveBytes?: number; sendBytes?: number }): void {
    this.#open().setBufferSizes(sizes);
  }

  /** How long undelivered bytes live on after `close`: 0 resets, `undefined` is forever. */
  setLinger(seconds: number | undefined): void {
    this.#open().setLinger(seconds);
  }

  /**
   * Lets {@linkcode copy} and `sendFile` send pieces of so many bytes and more from where they are,
   * without a copy in the kernel (SEND_ZC, 6.0, with registered buffers); 0 for all, Infinity for
   * none. The portable engine always copies.
   *
   * Off unless it is asked for. Over loopback the kernel copies all the same and has more to do
   * besides: with it `copy` moved 1.19 GB/s, without it 1.57 (median of three, Linux 6.18). It is
   * for networks whose device takes pages as they are, and for pieces of 64 KiB and more: measure
   * there.
   *
   * @throws {RangeError} when it is below 0, or no number
   */
  setZeroCopy(byteLengthMin: number): void {
    if (!(byteLengthMin >= 0)) {
      throw new RangeError(
        `Cannot set zero-copy: byteLengthMin must be at least 0, received ${byteLengthMin}`,
      );
    }
    this.#open().setZeroCopy?.(byteLengthMin);
  }

  /** Closes the connection unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #open(): StreamSocket {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    return this.#socket;
  }
}

/** Most bytes that one `readv` reads. */
const READV_BYTES_MAX = 65_536;
const TIMEOUT_MS_MAX = 2 ** 31 - 1;
const CLOSED = "Bad resource ID";

function isBytes(p: unknown): boolean {
  return p instanceof Uint8Array;
}

function rejectMisuse(closed: boolean): Promise<never> {
  return Promise.reject(
    closed
      ? new Deno.errors.BadResource(CLOSED)
      : new TypeError("Cannot transfer bytes: the buffer must be a Uint8Array"),
  );
}

function checkTimeout(milliseconds: number): number {
  if (!(milliseconds >= 0 && milliseconds <= TIMEOUT_MS_MAX)) {
    throw new RangeError(
      `Cannot set timeout: milliseconds must be between 0 and ${TIMEOUT_MS_MAX}, ` +
        `received ${milliseconds}`,
    );
  }
  return milliseconds;
}
