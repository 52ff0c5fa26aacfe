// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Priority, Throttle } from "../thread/throttle.ts";
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";

/** Options of {@linkcode ThrottledFs}: what it consumes of which throttles. */
export interface ThrottledFsOptions {
  /** A token for each byte that is read. */
  readBytes?: Throttle;
  /** A token for each byte that is written; may be the same as `readBytes`. */
  writeBytes?: Throttle;
  /** A token for each call, whatever it does. */
  operations?: Throttle;
  /**
   * Who goes first where several share a throttle.
   *
   * @default {"medium"}
   */
  priority?: Priority;
  /**
   * Bytes of one read or write, at most: longer ones do less than they were asked for, so that
   * others have their turn in between.
   *
   * @default {65_536}
   */
  chunkBytes?: number;
}

/**
 * Another file system at a limited speed. File systems with the same {@linkcode Throttle} share
 * what it allows.
 *
 * @example One megabyte a second for all, and readers first
 * ```ts
 * import { MemoryFs, readWhole, ThrottledFs, writeWhole } from "@photon/std/fs";
 * import { Throttle } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new Throttle({ limit: 1_000_000 });
 * const memory = new MemoryFs();
 * const backup = new ThrottledFs(memory, { writeBytes: bytes, priority: "low" });
 * const service = new ThrottledFs(memory, { readBytes: bytes, priority: "high" });
 * await writeWhole(backup, "a", new Uint8Array(10_000));
 * assertEquals((await readWhole(service, "a")).length, 10_000);
 * ```
 */
export class ThrottledFs implements FileSystem {
  readonly #system: FileSystem;
  readonly #options: ThrottledFsOptions;

  /**
   * The files of `system`.
   *
   * @throws {RangeError} when a chunk would have no byte
   */
  constructor(system: FileSystem, options: ThrottledFsOptions) {
    const { chunkBytes = CHUNK_BYTES } = options;
    if (!(chunkBytes >= 1)) {
      throw new RangeError(`Cannot throttle: chunkBytes must be from 1, received ${chunkBytes}`);
    }
    this.#system = system;
    this.#options = { ...options };
  }

  /** Opens a file. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    await this.#operate();
    return new ThrottledFile(await this.#system.open(path, options), this.#options);
  }

  /** Says what is at a path; symbolic links are followed. */
  async stat(path: string): Promise<Deno.FileInfo> {
    await this.#operate();
    return await this.#system.stat(path);
  }

  /** Says what is at a path; a symbolic link is what it is. */
  async lstat(path: string): Promise<Deno.FileInfo> {
    await this.#operate();
    return await this.#system.lstat(path);
  }

  /** What a directory contains. */
  async *readDir(path: string): AsyncIterable<Deno.DirEntry> {
    await this.#operate();
    yield* this.#system.readDir(path);
  }

  /** Makes a directory. */
  async mkdir(path: string, options?: Deno.MkdirOptions): Promise<void> {
    await this.#operate();
    await this.#system.mkdir(path, options);
  }

  /** Removes what is at a path. */
  async remove(path: string, options?: Deno.RemoveOptions): Promise<void> {
    await this.#operate();
    await this.#system.remove(path, options);
  }

  /** Moves what is at a path. */
  async rename(oldPath: string, newPath: string): Promise<void> {
    await this.#operate();
    await this.#system.rename(oldPath, newPath);
  }

  /** Makes a symbolic link. */
  async symlink(target: string, path: string): Promise<void> {
    await this.#operate();
    await this.#system.symlink(target, path);
  }

  /** Where a symbolic link leads. */
  async readLink(path: string): Promise<string> {
    await this.#operate();
    return await this.#system.readLink(path);
  }

  #operate(): Promise<void> {
    return consume(this.#options.operations, 1, this.#options.priority);
  }
}

const CHUNK_BYTES = 65_536;

class ThrottledFile implements RandomAccessFile {
  readonly #file: RandomAccessFile;
  readonly #options: ThrottledFsOptions;

  constructor(file: RandomAccessFile, options: ThrottledFsOptions) {
    this.#file = file;
    this.#options = options;
    // Locks are not a matter of speed.
    if (file.tryLock) this.tryLock = (exclusive) => file.tryLock!(exclusive);
  }

  readonly tryLock?: (exclusive?: boolean) => Promise<boolean>;

  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    const { readBytes, priority } = this.#options;
    const chunk = this.#chunk(into);
    await this.#operate();
    await consume(readBytes, chunk.length, priority);
    let count: number | null = null;
    try {
      return count = await this.#file.readAt(chunk, offset);
    } finally {
      readBytes?.restore(chunk.length - (count ?? 0));
    }
  }

  async writeAt(bytes: Uint8Array, offset: number): Promise<number> {
    const { writeBytes, priority } = this.#options;
    const chunk = this.#chunk(bytes);
    await this.#operate();
    await consume(writeBytes, chunk.length, priority);
    let count = 0;
    try {
      return count = await this.#file.writeAt(chunk, offset);
    } finally {
      writeBytes?.restore(chunk.length - count);
    }
  }

  async stat(): Promise<Deno.FileInfo> {
    await this.#operate();
    return await this.#file.stat();
  }

  async truncate(byteLength?: number): Promise<void> {
    await this.#operate();
    await this.#file.truncate(byteLength);
  }

  async punch(offset: number, byteLength: number): Promise<void> {
    await this.#operate();
    await this.#file.punch(offset, byteLength);
  }

  async sync(): Promise<void> {
    await this.#operate();
    await this.#file.sync();
  }

  close(): void {
    this.#file.close();
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }

  #chunk(bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, this.#options.chunkBytes ?? CHUNK_BYTES);
  }

  #operate(): Promise<void> {
    return consume(this.#options.operations, 1, this.#options.priority);
  }
}

async function consume(
  throttle: Throttle | undefined,
  count: number,
  priority: Priority = "medium",
): Promise<void> {
  await throttle?.consume(count, { priority });
}
