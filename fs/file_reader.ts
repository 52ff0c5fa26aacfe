// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Reader } from "../io/byte_stream.ts";
import { alignedBytes } from "./aligned_bytes.ts";

/** Options of {@linkcode FileReader}. */
export interface FileReaderOptions {
  /**
   * Bytes of a chunk.
   *
   * @default {65536}
   */
  chunkBytes?: number;
  /**
   * Longest line in bytes; one that is longer is an error, so that a file without line ends does
   * not fill the memory.
   *
   * @default {16777216}
   */
  lineBytesMax?: number;
  /** Ends the reading; looked at between chunks. */
  signal?: AbortSignal;
}

const CHUNK_BYTES = 65_536;
const LINE_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Reads a file from its cursor to the end, in chunks or in lines, one chunk ahead of whoever takes
 * them. The file stays open.
 *
 * @example The lines of a file
 * ```ts
 * import { FileReader, makeTempFile, open, writeTextFile } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await makeTempFile();
 * await writeTextFile(path, "one\ntwo\r\nthree");
 * using file = await open(path);
 * const lines = await Array.fromAsync(new FileReader(file).lines());
 * assertEquals(lines, ["one", "two", "three"]);
 * ```
 */
export class FileReader {
  readonly #file: Reader;
  readonly #chunkBytes: number;
  readonly #lineBytesMax: number;
  readonly #signal: AbortSignal | undefined;

  /**
   * Reads from anything that reads.
   *
   * @throws {RangeError} when a size is not a positive integer
   */
  constructor(file: Reader, options: FileReaderOptions = {}) {
    const { chunkBytes = CHUNK_BYTES, lineBytesMax = LINE_BYTES_MAX, signal } = options;
    for (const [name, value] of Object.entries({ chunkBytes, lineBytesMax })) {
      if (Number.isSafeInteger(value) && value > 0) continue;
      throw new RangeError(
        `Cannot read the file: ${name} must be a positive integer, received ${value}`,
      );
    }
    this.#file = file;
    this.#chunkBytes = chunkBytes;
    this.#lineBytesMax = lineBytesMax;
    this.#signal = signal;
  }

  /**
   * The bytes, a chunk at a time; a chunk is valid until the next one is asked for. Only one
   * reading may be under way.
   */
  async *chunks(): AsyncGenerator<Uint8Array> {
    let ready: Uint8Array = alignedBytes(this.#chunkBytes);
    let spare: Uint8Array = alignedBytes(this.#chunkBytes);
    let reading = this.#file.read(ready);
    try {
      for (let count; (count = await reading) !== null;) {
        this.#signal?.throwIfAborted();
        [ready, spare] = [spare, ready];
        reading = this.#file.read(ready);
        if (count > 0) yield spare.subarray(0, count);
      }
    } finally {
      // The one ahead must not write into memory that nobody expects it in.
      await reading.catch(() => {});
    }
  }

  /**
   * The lines, without their ends: a line feed, or one after a carriage return. What follows the
   * last one is a line too, unless it is empty. Bytes that are no UTF-8 read as `U+FFFD`.
   *
   * @throws {Deno.errors.InvalidData} when a line is longer than `lineBytesMax`
   */
  async *lines(): AsyncGenerator<string> {
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
    let pieces: Uint8Array[] = [];
    let pendingBytes = 0;
    const line = (last: Uint8Array): string => {
      if (pieces.length === 0) return decoder.decode(withoutReturn(last));
      const whole = concatenated([...pieces, last], pendingBytes + last.length);
      pieces = [];
      pendingBytes = 0;
      return decoder.decode(withoutReturn(whole));
    };
    for await (const chunk of this.chunks()) {
      let start = 0;
      for (let end; (end = chunk.indexOf(LINE_FEED, start)) >= 0; start = end + 1) {
        this.#checkLine(pendingBytes + end - start);
        yield line(chunk.subarray(start, end));
      }
      this.#checkLine(pendingBytes + chunk.length - start);
      if (start === chunk.length) continue;
      // The chunk's memory is used again.
      pieces.push(chunk.slice(start));
      pendingBytes += chunk.length - start;
    }
    if (pendingBytes > 0) yield line(NOTHING);
  }

  #checkLine(byteLength: number): void {
    if (byteLength <= this.#lineBytesMax) return;
    throw new Deno.errors.InvalidData(
      `Cannot read a line: it is longer than ${this.#lineBytesMax} bytes`,
    );
  }
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const NOTHING = new Uint8Array();

function withoutReturn(line: Uint8Array): Uint8Array {
  return line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line;
}

function concatenated(pieces: readonly Uint8Array[], byteLength: number): Uint8Array {
  const whole = new Uint8Array(byteLength);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
