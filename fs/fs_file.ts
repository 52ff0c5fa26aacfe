// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { readableFrom, writableFrom } from "../io/byte_stream.ts";
import type { FileHandle } from "../io/file_handle.ts";
import { sleep } from "../thread/sleep.ts";
import {
  checkBytes,
  checkPosition,
  checkSeekMode,
  fileLength,
  rangeOf,
  seekOffset,
} from "./arguments.ts";
import type { Advice, AllocateMode, ByteRange, OpenFile } from "./open_file.ts";
import { readVector, writeVector } from "./vector.ts";

/** Options of {@linkcode FsFile.lock}. */
export interface LockOptions {
  /** Ends the wait. */
  signal?: AbortSignal;
}

/** Longest time between two questions for a lock. */
const LOCK_PAUSE_MS_MAX = 20;

/**
 * An open file, as `Deno.FsFile` is one, and more: reads and writes at a position, several buffers
 * at once, and what the kernel can do with a part of a file. {@linkcode open} gives one.
 *
 * Calls that move the cursor are done one after the other, in the order in which they were made;
 * positional calls go on beside them.
 *
 * @example Write at a position, and read it back
 * ```ts
 * import { open, remove } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * {
 *   using file = await open(path, { read: true, write: true });
 *   await file.writeAt(new Uint8Array([1, 2, 3]), 4096);
 *   const bytes = new Uint8Array(8);
 *   assertEquals(await file.readAt(bytes, 4097), 2);
 *   assertEquals([bytes[0], bytes[1]], [2, 3]);
 * }
 * await remove(path);
 * ```
 */
export class FsFile implements Deno.FsFile, FileHandle {
  readonly #file: OpenFile;
  #closed = false;
  #readable: ReadableStream<Uint8Array<ArrayBuffer>> | undefined;
  #writable: WritableStream<Uint8Array<ArrayBufferLike>> | undefined;

  /** Takes over an open file of an engine; programs call {@linkcode open}. */
  constructor(file: OpenFile) {
    if (typeof file?.readAt !== "function") {
      throw new TypeError("'FsFile' cannot be constructed, use 'open()' instead");
    }
    this.#file = file;
  }

  /** The descriptor, or -1 on the portable engine; it stays the file's own. */
  get fd(): number {
    return this.#file.fd;
  }

  /** The bytes from the cursor on as a stream, which closes the file at the end. */
  get readable(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return this.#readable ??= readableFrom(this);
  }

  /** A stream that writes at the cursor, and closes the file at its end. */
  get writable(): WritableStream<Uint8Array<ArrayBufferLike>> {
    return this.#writable ??= writableFrom(this);
  }

  /**
   * Reads at most `p.length` bytes from the cursor.
   *
   * @returns How many, or null at the end of the file
   */
  read(p: Uint8Array): Promise<number | null> {
    // Not an async function, as in `readAt`.
    try {
      const file = this.#open();
      checkBytes(p);
      return p.length === 0 ? Promise.resolve(0) : file.read(p);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As {@linkcode read}, and stops the thread until it is done. */
  readSync(p: Uint8Array): number | null {
    const file = this.#open();
    checkBytes(p);
    return p.length === 0 ? 0 : file.readSync(p);
  }

  /**
   * Writes at the cursor, or at the end of a file that was opened with `append`.
   *
   * @returns How many bytes; may be fewer than there are
   */
  async write(p: Uint8Array): Promise<number> {
    const file = this.#open();
    checkBytes(p);
    return await file.write(p);
  }

  /** As {@linkcode write}, and stops the thread until it is done. */
  writeSync(p: Uint8Array): number {
    const file = this.#open();
    checkBytes(p);
    return file.writeSync(p);
  }

  /**
   * Reads at most `p.length` bytes from a position; the cursor stays where it is.
   *
   * @param position Where to begin, in bytes
   * @returns How many, or null at the end of the file
   */
  readAt(p: Uint8Array, position: number): Promise<number | null> {
    // Not an async function: hot, and each costs a promise more.
    try {
      const file = this.#open();
      checkBytes(p);
      checkPosition(position);
      return p.length === 0 ? Promise.resolve(0) : file.readAt(p, position);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Writes at a position; the cursor stays where it is.
   *
   * @param position Where to begin, in bytes; what lies between there and the end of the file reads
   * as zeros
   * @returns How many bytes; may be fewer than there are
   */
  async writeAt(p: Uint8Array, position: number): Promise<number> {
    const file = this.#open();
    checkBytes(p);
    checkPosition(position);
    return await file.writeAt(p, position);
  }

  /**
   * Fills several buffers in order, with one call: from a position, or from the cursor.
   *
   * @returns How many bytes in all, or null at the end of the file
   */
  async readv(buffers: readonly Uint8Array[], position?: number): Promise<number | null> {
    return await readVector(this, buffers, position);
  }

  /**
   * Writes several buffers in order, with one call: at a position, or at the cursor.
   *
   * @returns How many bytes in all; may be fewer than there are
   */
  async writev(buffers: readonly Uint8Array[], position?: number): Promise<number> {
    return await writeVector(this, buffers, position);
  }

  /**
   * Cuts the file, or extends it with zeros. A negative length counts as 0, as with Deno.
   *
   * @throws {Error} when no file can have the length (`.code` is `"EFBIG"`)
   */
  async truncate(len = 0): Promise<void> {
    await this.#open().truncate(fileLength(len));
  }

  /** As {@linkcode truncate}, and stops the thread until it is done. */
  truncateSync(len = 0): void {
    this.#open().truncateSync(fileLength(len));
  }

  /**
   * Moves the cursor.
   *
   * @returns Where it is now, in bytes from the start
   * @throws {TypeError} when that would be before the start, or `whence` is none of the three
   */
  async seek(offset: number | bigint, whence: Deno.SeekMode): Promise<number> {
    const file = this.#open();
    checkSeekMode(whence);
    return await file.seek(seekOffset(offset), whence);
  }

  /** As {@linkcode seek}, and stops the thread until it is done. */
  seekSync(offset: number | bigint, whence: Deno.SeekMode): number {
    const file = this.#open();
    checkSeekMode(whence);
    return file.seekSync(seekOffset(offset), whence);
  }

  /** Size, times and the rest. */
  async stat(): Promise<Deno.FileInfo> {
    return await this.#open().stat();
  }

  /** As {@linkcode stat}, and stops the thread until it is done. */
  statSync(): Deno.FileInfo {
    return this.#open().statSync();
  }

  /** Waits until all that was written is on the disk, `fsync(2)`. */
  async sync(): Promise<void> {
    await this.#open().sync(false);
  }

  /** As {@linkcode sync}, and stops the thread until it is done. */
  syncSync(): void {
    this.#open().syncSync(false);
  }

  /** Waits until the contents are on the disk, `fdatasync(2)`. */
  async syncData(): Promise<void> {
    await this.#open().sync(true);
  }

  /** As {@linkcode syncData}, and stops the thread until it is done. */
  syncDataSync(): void {
    this.#open().syncSync(true);
  }

  /** Sets the times of access and modification; numbers are seconds since 1970. */
  async utime(atime: number | Date, mtime: number | Date): Promise<void> {
    await this.#open().utime(atime, mtime);
  }

  /** As {@linkcode utime}, and stops the thread until it is done. */
  utimeSync(atime: number | Date, mtime: number | Date): void {
    this.#open().utimeSync(atime, mtime);
  }

  /**
   * Locks the file, `flock(2)`: an exclusive lock keeps all others out, a shared one those who want
   * it for themselves. Waits while another open file holds it, and asks again every 20 ms at most,
   * as the kernel tells nobody.
   *
   * @param options A signal that ends the wait
   */
  async lock(exclusive = false, options: LockOptions = {}): Promise<void> {
    const { signal } = options;
    for (let pauseMs = 1;; pauseMs = Math.min(pauseMs * 2, LOCK_PAUSE_MS_MAX)) {
      signal?.throwIfAborted();
      if (await this.#open().tryLock(exclusive)) return;
      await sleep(pauseMs, signal ? { signal } : {});
    }
  }

  /** As {@linkcode lock}, and stops the thread until it is done. */
  lockSync(exclusive = false): void {
    this.#open().lockSync(exclusive);
  }

  /** Locks the file, or gives false when another open file holds it. */
  async tryLock(exclusive = false): Promise<boolean> {
    return await this.#open().tryLock(exclusive);
  }

  /** As {@linkcode tryLock}, and stops the thread until it is done. */
  tryLockSync(exclusive = false): boolean {
    return this.#open().tryLockSync(exclusive);
  }

  /** Gives the lock back; closing the file does so too. */
  async unlock(): Promise<void> {
    await this.#open().unlock();
  }

  /** As {@linkcode unlock}, and stops the thread until it is done. */
  unlockSync(): void {
    this.#open().unlockSync();
  }

  /**
   * Reserves, empties or cuts out the bytes of a range, `fallocate(2)`: `extend` reserves them, and
   * makes the file longer where it is shorter; `keepSize` leaves its length; `punchHole` makes them
   * zeros and gives their space back; `zeroRange` makes them zeros. Ring engine only.
   *
   * @throws {Deno.errors.NotSupported} on the portable engine
   * @throws {Error} when the file system cannot (`.code` is `"EOPNOTSUPP"`) or is full (`"ENOSPC"`)
   */
  async allocate(mode: AllocateMode, offset: number, length: number): Promise<void> {
    const range = rangeOf({ offset, length });
    await this.#open().allocate(mode, range.offset, range.length);
  }

  /**
   * Tells the kernel how a range is going to be used, `posix_fadvise(2)`: `willNeed` has it read
   * ahead, `dontNeed` dropped from memory. Ring engine only.
   *
   * @throws {Deno.errors.NotSupported} on the portable engine
   */
  async advise(advice: Advice, range: ByteRange = {}): Promise<void> {
    const { offset, length } = rangeOf(range);
    await this.#open().advise(advice, offset, length);
  }

  /**
   * Waits until the changed pages of a range are on the disk, `sync_file_range(2)`. It does not
   * write what is needed to find them again: for that there is {@linkcode syncData}. Ring engine
   * only.
   *
   * @throws {Deno.errors.NotSupported} on the portable engine
   */
  async syncRange(range: ByteRange = {}): Promise<void> {
    const { offset, length } = rangeOf(range);
    await this.#open().syncRange(offset, length);
  }

  /** Whether it is a terminal. */
  isTerminal(): boolean {
    return !this.#closed && this.#file.isTerminal();
  }

  /** Sets the raw mode of a terminal, as `Deno.FsFile.setRaw` does. */
  setRaw(mode: boolean, options?: Deno.SetRawOptions): void {
    this.#open().setRaw(mode, options);
  }

  /**
   * Closes the file. What is in flight is brought to its end first.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    const file = this.#open();
    this.#closed = true;
    file.close();
  }

  /** Closes the file unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #open(): OpenFile {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    return this.#file;
  }
}
