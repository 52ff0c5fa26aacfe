// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Errno } from "../ffi/errno.ts";
import { checkPosition } from "./arguments.ts";
import { readLink, symlink } from "./deno_operations.ts";
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import type { FsFile } from "./fs_file.ts";
import { open } from "./open.ts";
import { openMode } from "./open_mode.ts";
import { mkdir, remove, rename } from "./path_operations.ts";
import { readDir } from "./read_dir.ts";
import { lstat, stat } from "./stat.ts";
import { writeAllAt } from "./whole_file.ts";

/**
 * The files of this machine. Paths are those that Deno's own functions take, with the same
 * permissions; for one directory and nothing outside of it there is {@linkcode SubFs}.
 *
 * @example A file on the disk
 * ```ts
 * import { LocalFs, readWhole, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * const local = new LocalFs();
 * await writeWhole(local, `${folder}/a`, new Uint8Array([1, 2, 3]));
 * assertEquals(await readWhole(local, `${folder}/a`), new Uint8Array([1, 2, 3]));
 * await local.remove(folder, { recursive: true });
 * ```
 */
export class LocalFs implements FileSystem {
  /** Opens a file. */
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    openMode(options);
    return new LocalFile(await open(path, options));
  }

  /** Says what is at a path; symbolic links are followed. */
  stat(path: string): Promise<Deno.FileInfo> {
    return stat(path);
  }

  /** Says what is at a path; a symbolic link is what it is. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return lstat(path);
  }

  /** What a directory contains. */
  readDir(path: string): AsyncIterable<Deno.DirEntry> {
    return readDir(path);
  }

  /** Makes a directory. */
  mkdir(path: string, options?: Deno.MkdirOptions): Promise<void> {
    return mkdir(path, options);
  }

  /** Removes what is at a path. */
  remove(path: string, options?: Deno.RemoveOptions): Promise<void> {
    return remove(path, options);
  }

  /** Moves what is at a path. */
  rename(oldPath: string, newPath: string): Promise<void> {
    return rename(oldPath, newPath);
  }

  /** Makes a symbolic link. */
  symlink(target: string, path: string): Promise<void> {
    return symlink(target, path);
  }

  /** Where a symbolic link leads. */
  readLink(path: string): Promise<string> {
    return readLink(path);
  }
}

/** Zeros that stand in for a hole where the kernel or the disk has no such thing. */
const ZEROS = new Uint8Array(65_536);

/** Whether an error says that the engine, or the file system, has no holes. */
function hasNoHoles(error: unknown): boolean {
  return error instanceof Deno.errors.NotSupported ||
    (error instanceof Error && "code" in error && error.code === NO_HOLES);
}

const NO_HOLES: keyof typeof Errno = "EOPNOTSUPP";

/** An {@linkcode FsFile} as {@linkcode FileSystem.open} gives it. */
export class LocalFile implements RandomAccessFile {
  readonly #file: FsFile;

  /** Takes the file over. */
  constructor(file: FsFile) {
    this.#file = file;
  }

  /** Reads at an offset. */
  readAt(into: Uint8Array, offset: number): Promise<number | null> {
    return this.#file.readAt(into, offset);
  }

  /** Writes at an offset. */
  writeAt(bytes: Uint8Array, offset: number): Promise<number> {
    return this.#file.writeAt(bytes, offset);
  }

  /** Says what it is now. */
  stat(): Promise<Deno.FileInfo> {
    return this.#file.stat();
  }

  /** Cuts or extends it. */
  async truncate(byteLength: number = 0): Promise<void> {
    checkPosition(byteLength);
    await this.#file.truncate(byteLength);
  }

  /** Makes a range zero and gives its space back. */
  async punch(offset: number, byteLength: number): Promise<void> {
    checkPosition(offset);
    checkPosition(byteLength);
    try {
      if (byteLength > 0) return await this.#file.allocate("punchHole", offset, byteLength);
    } catch (error) {
      if (!hasNoHoles(error)) throw error;
    }
    const { size } = await this.#file.stat();
    const end = Math.min(offset + byteLength, size);
    for (let at = offset; at < end; at += ZEROS.length) {
      await writeAllAt(this, ZEROS.subarray(0, Math.min(ZEROS.length, end - at)), at);
    }
  }

  /** Locks it, if nobody else has. */
  tryLock(exclusive?: boolean): Promise<boolean> {
    return this.#file.tryLock(exclusive);
  }

  /** Resolves when what was written would survive a loss of power. */
  sync(): Promise<void> {
    return this.#file.sync();
  }

  /** Closes it. */
  close(): void {
    this.#file.close();
  }

  /** Closes it unless it is closed already. */
  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}
