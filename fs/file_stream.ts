// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RandomAccessFile } from "./file_system.ts";
import { writeAllAt } from "./whole_file.ts";

/** Options of {@linkcode readableOf}. */
export interface ReadableOfOptions {
  /**
   * Offset of the first byte.
   *
   * @default {0}
   */
  start?: number;
  /** Offset behind the last byte; the end of the file unless given. */
  end?: number;
  /**
   * Bytes of a chunk, at most.
   *
   * @default {65_536}
   */
  chunkBytes?: number;
  /**
   * Whether the file is left open at the end of the stream.
   *
   * @default {false}
   */
  keepOpen?: boolean;
}

/**
 * A part of a file as a stream. The file is closed when the stream ends, fails or is cancelled.
 *
 * @throws {RangeError} when there is no part from `start` to `end`
 *
 * @example A response of a file in memory
 * ```ts
 * import { MemoryFs, readableOf, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new TextEncoder().encode("hello"));
 * const response = new Response(readableOf(await memory.open("a"), { start: 1, end: 4 }));
 * assertEquals(await response.text(), "ell");
 * ```
 */
export function readableOf(
  file: RandomAccessFile,
  options: ReadableOfOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const { start = 0, end = Infinity, chunkBytes = 65_536, keepOpen = false } = options;
  if (!(start >= 0 && end >= start && chunkBytes >= 1)) {
    throw new RangeError(`Cannot read from ${start} to ${end} in chunks of ${chunkBytes} bytes`);
  }
  const finish = () => keepOpen || file[Symbol.dispose]();
  let at = start;
  return new ReadableStream<Uint8Array<ArrayBuffer>>({
    async pull(controller) {
      try {
        const bytes = new Uint8Array(Math.min(chunkBytes, end - at));
        const count = bytes.length === 0 ? null : await file.readAt(bytes, at);
        if (count === null) {
          finish();
          controller.close();
        } else {
          at += count;
          controller.enqueue(bytes.subarray(0, count));
        }
      } catch (error) {
        finish();
        throw error;
      }
    },
    cancel() {
      finish();
    },
  }, { highWaterMark: 0 });
}

/** Options of {@linkcode writableOf}. */
export interface WritableOfOptions {
  /**
   * Offset of the first byte.
   *
   * @default {0}
   */
  start?: number;
  /**
   * Whether the file is left open at the end of the stream.
   *
   * @default {false}
   */
  keepOpen?: boolean;
}

/**
 * A stream that writes a file from an offset on. The file is closed when the stream is closed,
 * fails or is aborted.
 *
 * @example A body into a file
 * ```ts
 * import { MemoryFs, writableOf } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * const file = await memory.open("a", { write: true, create: true });
 * await new Response("hello").body!.pipeTo(writableOf(file));
 * assertEquals((await memory.stat("a")).size, 5);
 * ```
 */
export function writableOf(
  file: RandomAccessFile,
  options: WritableOfOptions = {},
): WritableStream<Uint8Array> {
  const { start = 0, keepOpen = false } = options;
  const finish = () => void (keepOpen || file[Symbol.dispose]());
  let at = start;
  return new WritableStream<Uint8Array>({
    async write(bytes) {
      try {
        await writeAllAt(file, bytes, at);
        at += bytes.length;
      } catch (error) {
        finish();
        throw error;
      }
    },
    close: finish,
    abort: finish,
  });
}
