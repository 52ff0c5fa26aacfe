// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { osError } from "../ffi/errno.ts";
import { OpenFlag } from "../ffi/file.ts";
import { BULK_BLOCK_BYTES, type BulkBlock } from "../io/bulk_blocks.ts";
import { notSupported } from "../io/portable.ts";
import { RangeLock } from "../thread/range_lock.ts";
import { admit } from "./access.ts";
import { checkBytes, checkPosition } from "./arguments.ts";
import { openFlags } from "./open.ts";
import { checkPath, pathText } from "./path.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";
import { UringFile } from "./uring_file.ts";
import { uringOpen } from "./uring_open.ts";

/** What O_DIRECT moves: whole blocks of this size, from places that are multiples of it. */
export const ALIGNMENT_BYTES = 4096;

/**
 * A file whose bytes go between disk and program past the page cache (O_DIRECT, open(2)), at any
 * position and of any length: what a database wants, which keeps a cache of its own. Ring engine
 * only.
 *
 * ```
 *   wanted            |-------------------|
 *   file    | block   | block   | block   | block   |
 *   read    |-----------------------------|              whole blocks, into engine memory that is
 *   write   read, change, write     as it is             registered with the kernel
 * ```
 *
 * A write that begins or ends within a block reads that block first. Writes that touch the same
 * blocks are done one after the other. Nobody else may change the length meanwhile.
 *
 * @example Write and read at odd places
 * ```ts
 * import { AlignedFile, makeTempFile } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const path = await makeTempFile({ dir: "." });
 *   {
 *     using file = await AlignedFile.open(path, { read: true, write: true });
 *     await file.writeAt(new Uint8Array([1, 2, 3]), 5000);
 *     const bytes = new Uint8Array(4);
 *     assertEquals(await file.readAt(bytes, 4999), 4);
 *     assertEquals([...bytes], [0, 1, 2, 3]);
 *   }
 *   await Deno.remove(path);
 * }
 * ```
 */
export class AlignedFile implements Disposable {
  readonly #files: RingFiles;
  readonly #file: UringFile;
  readonly #writing = new RangeLock();
  #size: number;
  #closed = false;

  /**
   * Opens a file.
   *
   * @param options As for `open`, without `append`
   * @throws {Deno.errors.NotSupported} on the portable engine
   * @throws {TypeError} where the file system has no O_DIRECT (`.code` is `"EINVAL"`)
   */
  static async open(
    path: string | URL,
    options: Omit<Deno.OpenOptions, "append"> = { read: true },
  ): Promise<AlignedFile> {
    const text = pathText(path);
    const action = `open '${text}'`;
    checkPath(text, action);
    // A write of part of a block reads it first.
    const flags = openFlags(options.write ? { ...options, read: true } : options);
    const files = admit(options.write ? "both" : "read", text);
    if (files === null) throw notSupported("alignedFile");
    const mode = options.mode ?? 0o666;
    const { fd } = await uringOpen(files, text, flags | OpenFlag.DIRECT, mode, action);
    const file = new UringFile(files, fd, false);
    try {
      return new AlignedFile(files, file, (await file.stat()).size);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Use {@linkcode open}. */
  constructor(files: RingFiles, file: UringFile, sizeBytes: number) {
    this.#files = files;
    this.#file = file;
    this.#size = sizeBytes;
  }

  /** Length of the file in bytes. */
  get size(): number {
    return this.#size;
  }

  /**
   * Fills a buffer from a position.
   *
   * @returns How many bytes, fewer than there is room for at the end of the file only; null there
   */
  async readAt(p: Uint8Array, position: number): Promise<number | null> {
    this.#check(p, position);
    let filled = 0;
    while (filled < p.length) {
      const at = position + filled;
      const start = floor(at);
      const length = Math.min(ceiling(position + p.length) - start, BULK_BLOCK_BYTES);
      using block = await this.#files.engine.pool.bulk.takeSoon();
      const count = await this.#move(Op.READ, Op.READ_FIXED, block, start, length);
      const from = at - start;
      const piece = block.bytes.subarray(
        from,
        Math.max(from, Math.min(count, from + p.length - filled)),
      );
      p.set(piece, filled);
      filled += piece.length;
      if (count < length) break;
    }
    return filled === 0 && p.length > 0 ? null : filled;
  }

  /** Writes all of a buffer at a position, and makes the file longer where it has to. */
  async writeAt(p: Uint8Array, position: number): Promise<number> {
    this.#check(p, position);
    if (p.length === 0) return 0;
    const end = position + p.length;
    using _range = await this.#writing.lock(floor(position), ceiling(end) - floor(position));
    const before = this.#size;
    this.#size = Math.max(before, end);
    try {
      for (let written = 0; written < p.length;) {
        written += await this.#writePiece(p.subarray(written), position + written, before);
      }
      // The last block was written whole.
      if (ceiling(end) > this.#size) await this.#file.truncate(this.#size);
    } catch (error) {
      this.#size = (await this.#file.stat()).size;
      throw error;
    }
    return p.length;
  }

  /** Cuts the file, or extends it with zeros. */
  async truncate(byteLength: number = 0): Promise<void> {
    checkPosition(byteLength);
    this.#open();
    using _all = await this.#writing.lock(0, Number.MAX_SAFE_INTEGER);
    await this.#file.truncate(byteLength);
    this.#size = byteLength;
  }

  /** Waits until the disk has everything. */
  async sync(): Promise<void> {
    await this.#open().sync(false);
  }

  /**
   * Closes the file; what is in flight is brought to its end.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    this.#open();
    this.#closed = true;
    this.#file.close();
  }

  /** Closes the file unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  async #writePiece(p: Uint8Array, position: number, oldSize: number): Promise<number> {
    const start = floor(position);
    const most = start + BULK_BLOCK_BYTES;
    const end = Math.min(position + p.length, most);
    const length = ceiling(end) - start;
    using block = await this.#files.engine.pool.bulk.takeSoon();
    const lastBlock = ceiling(end) - ALIGNMENT_BYTES;
    if (position > start) await this.#readBlock(block, start, 0, oldSize);
    if (end < ceiling(end) && (lastBlock > start || position === start)) {
      await this.#readBlock(block, lastBlock, lastBlock - start, oldSize);
    }
    block.bytes.set(p.subarray(0, end - position), position - start);
    const count = await this.#move(Op.WRITE, Op.WRITE_FIXED, block, start, length);
    // A short write ends at a block; what it has of ours counts.
    if (count < length && start + count <= position) {
      throw new Deno.errors.WriteZero("Cannot write");
    }
    return Math.min(end, start + count) - position;
  }

  /** Reads what a block holds that is going to be changed; behind the end of the file, zeros. */
  async #readBlock(block: BulkBlock, position: number, at: number, size: number): Promise<void> {
    const known = position >= size
      ? 0
      : await this.#move(Op.READ, Op.READ_FIXED, block, position, ALIGNMENT_BYTES, at);
    block.bytes.fill(0, at + known, at + ALIGNMENT_BYTES);
  }

  async #move(
    plain: number,
    fixed: number,
    block: BulkBlock,
    offset: number,
    length: number,
    at = 0,
  ): Promise<number> {
    const { engine, registered } = this.#files;
    const bufferIndex = registered.indexOf(block);
    const count = await ringCall(engine, {
      head: bufferIndex < 0 ? plain : fixed,
      fd: this.#file.fd,
      offset,
      address: block.addressLow + at,
      addressHigh: block.addressHigh,
      length,
      bufferIndex: Math.max(bufferIndex, 0),
    });
    if (count < 0) throw osError(count);
    return count;
  }

  #check(p: Uint8Array, position: number): void {
    this.#open();
    checkBytes(p);
    checkPosition(position);
  }

  #open(): UringFile {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    return this.#file;
  }
}

function floor(position: number): number {
  return Math.floor(position / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}

function ceiling(position: number): number {
  return Math.ceil(position / ALIGNMENT_BYTES) * ALIGNMENT_BYTES;
}
