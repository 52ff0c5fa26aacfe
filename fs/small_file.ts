// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, SqeFlag } from "../ffi/abi.ts";
import { CURRENT_DIRECTORY } from "../ffi/file.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import type { Completion } from "../io/slot_table.ts";
import { NOBODY } from "../io/submissions.ts";
import type { RingFiles } from "./ring_files.ts";

/** Room for the path at the beginning of the block. */
const PATH_BYTES = 4096;
/** Files smaller than this are read in one go. */
export const SMALL_FILE_BYTES = LARGE_BLOCK_BYTES - PATH_BYTES;

/**
 * Reads a small file of this machine in one go: four entries that are linked, so that a batch of
 * files costs one system call.
 *
 * ```
 *   OPENAT into a slot -> FADVISE -> READ -> CLOSE       block: | path NUL | bytes of the file |
 *                         fails for pipes
 * ```
 *
 * Measured per file of 2 KiB, 32 in flight: 4.1 us; the same calls made one by one 7 us.
 *
 * @returns The bytes. null when another way has to tell: the file is larger, is none, or could not
 * be opened
 */
export function readSmallFile(
  files: RingFiles,
  path: string,
): Promise<Uint8Array<ArrayBuffer> | null> | null {
  const { engine: { pool }, mounts, slots } = files;
  // Elsewhere even an open could wait for a server, and the thread with it.
  if (!mounts.covers(path)) return null;
  const offset = pool.take(LARGE_BLOCK_BYTES);
  if (offset < 0) return null;
  const { read, written } = encoder.encodeInto(
    path,
    pool.bytes.subarray(offset, offset + PATH_BYTES),
  );
  const isWhole = read === path.length && written < PATH_BYTES;
  const slot = isWhole ? slots.take() : -1;
  if (slot < 0) {
    pool.release(offset);
    return null;
  }
  pool.bytes[offset + written] = 0;
  return new Promise((resolve) => new SmallFileRead(files, slot, offset, resolve).start());
}

/** One file under way: the completion of its READ. */
class SmallFileRead implements Completion {
  readonly #files: RingFiles;
  readonly #slot: number;
  readonly #offset: number;
  readonly #resolve: (bytes: Uint8Array<ArrayBuffer> | null) => void;

  constructor(
    files: RingFiles,
    slot: number,
    offset: number,
    resolve: (bytes: Uint8Array<ArrayBuffer> | null) => void,
  ) {
    this.#files = files;
    this.#slot = slot;
    this.#offset = offset;
    this.#resolve = resolve;
  }

  /** One of the four tells how it went: READ, or the first that failed. */
  start(): void {
    const { engine } = this.#files;
    const { addressLow, addressHigh: high } = engine.pool;
    const index = this.#slot;
    const path = addressLow + this.#offset;
    const operation = engine.submit(
      ...[this, true, OPEN_HEAD, CURRENT_DIRECTORY, 0, 0, path, high, 0, 0, 0, index + 1] as const,
    );
    engine.submitLink(operation, ADVISE_HEAD, index, 0, 0, 0, 0, 0);
    engine.submitLink(operation, READ_HEAD, index, path + PATH_BYTES, high, SMALL_FILE_BYTES, 0, 0);
    engine.submitLink(NOBODY, CLOSE_HEAD, 0, 0, 0, 0, 0, index + 1);
  }

  complete(result: number): void {
    const { engine, slots } = this.#files;
    // The others were cancelled, and the slot may hold a file.
    if (result < 0) engine.submitLink(NOBODY, Op.CLOSE, 0, 0, 0, 0, 0, this.#slot + 1);
    slots.release(this.#slot);
    const start = this.#offset + PATH_BYTES;
    const isWhole = result >= 0 && result < SMALL_FILE_BYTES;
    const bytes = isWhole ? engine.pool.bytes.slice(start, start + result) : null;
    engine.pool.release(this.#offset);
    this.#resolve(bytes);
  }
}

const SILENT = SqeFlag.CQE_SKIP_SUCCESS;
const OPEN_HEAD = Op.OPENAT | (SqeFlag.IO_LINK | SILENT) << 8;
const ADVISE_HEAD = Op.FADVISE | (SqeFlag.IO_LINK | SqeFlag.FIXED_FILE | SILENT) << 8;
const READ_HEAD = Op.READ | (SqeFlag.IO_HARDLINK | SqeFlag.FIXED_FILE) << 8;
const CLOSE_HEAD = Op.CLOSE | SILENT << 8;

const encoder = new TextEncoder();
