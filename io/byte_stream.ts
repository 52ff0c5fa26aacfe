// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Something that bytes can be read from, as `Deno.Conn` and `Deno.FsFile` are. */
export interface Reader {
  /**
   * Reads at most `p.length` bytes into `p` and says how many; null at the end of the stream.
   * A result of 0 is not the end.
   */
  read(p: Uint8Array): Promise<number | null>;
}

/** Something that bytes can be written to, as `Deno.Conn` and `Deno.FsFile` are. */
export interface Writer {
  /** Writes at least one byte of `p` and says how many. */
  write(p: Uint8Array): Promise<number>;
}

/** Something that holds a resource until it is closed. */
export interface Closer {
  /** Gives the resource back; calls still pending on it reject. */
  close(): void;
}

/** A connection as protocols see it: two directions that end apart. `Deno.Conn` is one. */
export interface Duplex extends Reader, Writer, Closer {
  /** Ends the writing direction after what was written before; the peer reads null. */
  closeWrite(): Promise<void>;
}

/** How {@linkcode readableFrom} reads. */
export interface ReadableFromOptions {
  /** Close the reader at the end of the stream, on an error and on `cancel()`. Default true. */
  autoClose?: boolean;
  /** Bytes of the buffer that a read without one of its own is given. Default 65536. */
  chunkSize?: number;
}

/** How {@linkcode writableFrom} ends. */
export interface WritableFromOptions {
  /** Close the writer on `close()`, `abort()` and after an error. Default true. */
  autoClose?: boolean;
}

/**
 * A byte stream over a reader, as `Deno.Conn.readable` is one: it reads only when it is asked to
 * (high-water mark 0), into the caller's own buffer with a BYOB reader, and closes the reader at
 * the end of the stream, on an error and when it is cancelled.
 *
 * Cancelling cannot call back a read that is under way. With `autoClose: false` the bytes of that
 * one read are lost.
 *
 * @param reader Where the bytes come from; its `close` is optional
 * @param options Whether to close the reader, and the size of automatic buffers
 * @returns The stream; the reader belongs to it from now on
 * @throws {RangeError} When `chunkSize` is not a positive integer
 *
 * @example Read all that an in-memory connection carries
 * ```ts
 * import { memoryDuplex, readableFrom } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex();
 * await left.write(new TextEncoder().encode("hello"));
 * left.close();
 * assertEquals(await new Response(readableFrom(right)).text(), "hello");
 * ```
 */
export function readableFrom(
  reader: Reader & Partial<Closer>,
  options: ReadableFromOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { autoClose = true, chunkSize = CHUNK_BYTES } = options;
  if (!Number.isInteger(chunkSize) || chunkSize < 1) {
    throw new RangeError(
      `Cannot make a stream: chunkSize must be a positive integer, received ${chunkSize}`,
    );
  }
  let cancelled = false;
  function end(): void {
    if (autoClose) tryClose(reader);
  }
  const source: UnderlyingByteSource = {
    type: "bytes",
    autoAllocateChunkSize: chunkSize,
    async pull(controller) {
      // Never null here: with the high-water mark 0, pull is called only for a read that waits.
      const request = controller.byobRequest!;
      try {
        const count = await readSome(reader, request.view as Uint8Array);
        if (cancelled) return;
        if (count !== null) return request.respond(count);
        end();
        controller.close();
        request.respond(0);
      } catch (error) {
        end();
        throw error;
      }
    },
    cancel() {
      cancelled = true;
      end();
    },
  };
  // A byte stream has the high-water mark 0 unless told otherwise (Streams standard, 4.2.4).
  return new ReadableStream(source) as ReadableStream<Uint8Array<ArrayBuffer>>;
}

/**
 * A stream over a writer, as `Deno.Conn.writable` is one: each chunk is written whole, and
 * `close()`, `abort()` and a failed write close the writer.
 *
 * `abort()` closes at once, so that a write which waits for a stalled peer rejects.
 *
 * @param writer Where the bytes go; its `close` is optional
 * @param options Whether to close the writer
 * @returns The stream; the writer belongs to it from now on
 *
 * @example Send a stream through an in-memory connection
 * ```ts
 * import { memoryDuplex, writableFrom } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex();
 * await new Blob(["hello"]).stream().pipeTo(writableFrom(left));
 * assertEquals(await new Response(right.readable).text(), "hello");
 * ```
 */
export function writableFrom(
  writer: Writer & Partial<Closer>,
  options: WritableFromOptions = {},
): WritableStream<Uint8Array<ArrayBufferLike>> {
  const { autoClose = true } = options;
  function end(): void {
    if (autoClose) tryClose(writer);
  }
  return new WritableStream<Uint8Array<ArrayBufferLike>>({
    start(controller) {
      // The sink's own abort() is called only after the write under way has ended.
      controller.signal.addEventListener("abort", end, { once: true });
    },
    async write(chunk) {
      try {
        await writeAll(writer, bytesOf(chunk));
      } catch (error) {
        end();
        throw error;
      }
    },
    close: end,
    abort: end,
  });
}

/**
 * Fills a buffer: reads until `p` is full, or the stream ends.
 *
 * @param reader Where the bytes come from
 * @param p The buffer to fill
 * @returns `p.length`, or null when the stream ended before the first byte, which is how a peer
 *   that speaks in messages takes its leave
 * @throws {Deno.errors.UnexpectedEof} When the stream ended part of the way; the message says
 *   after how many bytes, and they are in `p`
 * @throws {Error} When 100 reads in a row gave no byte
 *
 * @example Read a header of fixed size
 * ```ts
 * import { memoryDuplex, readFull } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex();
 * await left.write(new Uint8Array([1, 2]));
 * await left.write(new Uint8Array([3, 4]));
 * left.close();
 * const head = new Uint8Array(4);
 * assertEquals(await readFull(right, head), 4);
 * assertEquals(head, new Uint8Array([1, 2, 3, 4]));
 * assertEquals(await readFull(right, head), null);
 * ```
 */
export async function readFull(reader: Reader, p: Uint8Array): Promise<number | null> {
  let filled = 0;
  while (filled < p.length) {
    const count = await readSome(reader, filled === 0 ? p : p.subarray(filled));
    if (count === null && filled === 0) return null;
    if (count === null) {
      throw new Deno.errors.UnexpectedEof(
        `Cannot fill the buffer: the stream ended after ${filled} of ${p.length} bytes`,
      );
    }
    filled += count;
  }
  return filled;
}

/**
 * Writes all of a buffer, however many writes it takes.
 *
 * @param writer Where the bytes go
 * @param p The bytes
 * @throws {Deno.errors.WriteZero} When a write took no byte
 * @throws {TypeError} When `p` is no `Uint8Array`
 *
 * @example Write a buffer whole
 * ```ts
 * import { memoryDuplex, writeAll } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * const [left, right] = memoryDuplex({ chunkBytesMax: 1 });
 * await writeAll(left, new Uint8Array([1, 2, 3]));
 * left.close();
 * const bytes = await new Response(right.readable).bytes();
 * assertEquals(bytes, new Uint8Array([1, 2, 3]));
 * ```
 */
export async function writeAll(writer: Writer, p: Uint8Array): Promise<void> {
  // An `ArrayBuffer` has no length: it would be written as nothing.
  if (!(p instanceof Uint8Array)) {
    throw new TypeError("Cannot write the whole buffer: it must be a Uint8Array");
  }
  let written = 0;
  while (written < p.length) {
    const count = await writer.write(written === 0 ? p : p.subarray(written));
    if (!(count > 0)) {
      throw new Deno.errors.WriteZero(
        `Cannot write the whole buffer: the writer took ${written} of ${p.length} bytes`,
      );
    }
    written += count;
  }
}

/** Deno's own chunk size for resources. */
const CHUNK_BYTES = 64 * 1024;

/** Reads in a row that may give no byte before the reader is taken to be broken. */
const EMPTY_READS_MAX = 100;

/** Reads until there is a byte or the end, so that neither looks like the other. */
async function readSome(reader: Reader, p: Uint8Array): Promise<number | null> {
  for (let empty = 0; empty < EMPTY_READS_MAX; empty++) {
    const count = await reader.read(p);
    if (count !== 0) return count;
  }
  throw new Error(`Cannot read: ${EMPTY_READS_MAX} reads in a row gave no byte`);
}

/** Closing what the caller has closed already is no error here. */
function tryClose(resource: Partial<Closer>): void {
  try {
    resource.close?.();
  } catch {
    // Deno's own streams are silent about it too: the stream's state already tells the story.
  }
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  if (chunk instanceof ArrayBuffer) return new Uint8Array(chunk);
  if (ArrayBuffer.isView(chunk)) {
    return new Uint8Array(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  }
  throw new TypeError("Cannot write the chunk: it must be an ArrayBuffer or a view of one");
}
