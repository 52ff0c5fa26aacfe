// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Duplex, readableFrom, writableFrom } from "./byte_stream.ts";
import { MemoryPipe } from "./memory_pipe.ts";

/** What an in-memory connection holds, and how it cuts its stream. */
export interface MemoryDuplexOptions {
  /** Bytes that each direction holds before writes wait. Default 65536. */
  bufferBytes?: number;
  /** Most bytes that one read gives, and that one write takes. Default: no limit of its own. */
  chunkBytesMax?: number;
  /** Offsets in the stream of each direction that no read reaches across. Default none. */
  splitAt?: readonly number[];
}

/** Options of one read or write of a {@linkcode MemoryConn}. */
export interface MemoryTransferOptions {
  /** Gives the call up: it rejects with the signal's reason and has moved nothing. */
  signal?: AbortSignal;
}

/**
 * Two connections to each other in memory, for tests of anything that speaks over one.
 *
 * They follow the rules of `Deno.Conn`: reads and writes may be partial and are answered in order,
 * null is the end of the stream, writing to an end that is gone rejects with `BrokenPipe`, closing
 * rejects what waits with `Interrupted`, and a closed end rejects with `BadResource`. A write waits
 * while the other end has `bufferBytes` unread.
 *
 * @param options Bounds, and where to cut the stream, so that a parser can be tested with every
 *   split
 * @returns The two ends
 * @throws {RangeError} When a bound is not a positive integer
 *
 * @example A parser must not mind where the stream is cut
 * ```ts
 * import { memoryDuplex } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex({ splitAt: [3] });
 * await left.write(new TextEncoder().encode("GET /"));
 * const p = new Uint8Array(16);
 * assertEquals(await right.read(p), 3);
 * assertEquals(await right.read(p), 2);
 * left.close();
 * assertEquals(await right.read(p), null);
 * ```
 */
export function memoryDuplex(options: MemoryDuplexOptions = {}): [MemoryConn, MemoryConn] {
  const { bufferBytes = BUFFER_BYTES, chunkBytesMax = Infinity, splitAt = [] } = options;
  checkPositive("bufferBytes", bufferBytes);
  if (chunkBytesMax !== Infinity) checkPositive("chunkBytesMax", chunkBytesMax);
  const rightward = new MemoryPipe({ bufferBytes, chunkBytesMax, splitAt });
  const leftward = new MemoryPipe({ bufferBytes, chunkBytesMax, splitAt });
  return [new MemoryConn(leftward, rightward), new MemoryConn(rightward, leftward)];
}

/**
 * One end of an in-memory connection. Not made by hand: {@linkcode memoryDuplex} gives two.
 *
 * @example Both ends
 * ```ts
 * import { MemoryConn, memoryDuplex } from "@photon/std/io";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex();
 * assert(left instanceof MemoryConn);
 * await left.write(new Uint8Array([1, 2]));
 * assertEquals(await right.read(new Uint8Array(8)), 2);
 * left.close();
 * right.close();
 * ```
 */
export class MemoryConn implements Duplex, Deno.Conn<Deno.UnixAddr> {
  /** The address of an unnamed socket. */
  readonly localAddr: Deno.UnixAddr = { transport: "unix", path: "" };
  /** The address of an unnamed socket. */
  readonly remoteAddr: Deno.UnixAddr = { transport: "unix", path: "" };

  readonly #incoming: MemoryPipe;
  readonly #outgoing: MemoryPipe;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /** Takes the pipe to read from and the one to write to. */
  constructor(incoming: MemoryPipe, outgoing: MemoryPipe) {
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  /** Reads at least one byte into `p` and says how many; null at the end of the stream. */
  read(p: Uint8Array, options: MemoryTransferOptions = {}): Promise<number | null> {
    return this.#closed ? rejectClosed() : this.#incoming.read(p, options.signal);
  }

  /** Writes at least one byte of `p` and says how many, once there is room. */
  write(p: Uint8Array, options: MemoryTransferOptions = {}): Promise<number> {
    return this.#closed ? rejectClosed() : this.#outgoing.write(p, options.signal);
  }

  /** Ends the writing half after what was written before; reading goes on. */
  closeWrite(): Promise<void> {
    return this.#closed ? rejectClosed() : this.#outgoing.end();
  }

  /**
   * Closes this end. The other end can read what was written before.
   *
   * @throws {Deno.errors.BadResource} When it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    this.#closed = true;
    const reason = new Deno.errors.Interrupted("operation canceled");
    this.#incoming.break(reason);
    this.#outgoing.endNow(reason);
  }

  /** The incoming bytes; this end closes at their end, on an error and on `cancel`. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  /** The outgoing bytes; this end closes with it. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  /** Does nothing: waiting in memory never keeps the process alive. */
  ref(): void {}

  /** Does nothing: waiting in memory never keeps the process alive. */
  unref(): void {}

  /** Closes this end unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }
}

/** What Linux gives a socket by default is of this order. */
const BUFFER_BYTES = 65_536;
const CLOSED = "Bad resource ID";

function rejectClosed(): Promise<never> {
  return Promise.reject(new Deno.errors.BadResource(CLOSED));
}

function checkPositive(name: string, value: number): void {
  if (Number.isInteger(value) && value > 0) return;
  throw new RangeError(
    `Cannot make a connection: ${name} must be a positive integer, received ${value}`,
  );
}
