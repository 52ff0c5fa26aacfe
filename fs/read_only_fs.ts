// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { readOnlyError } from "./open_mode.ts";

/**
 * A file system that is only read: whatever would change it rejects with the code `"EROFS"`. What
 * is left to write is how to look and to read.
 *
 * @example A view of another file system
 * ```ts
 * import { type FileSystem, MemoryFs, ReadOnlyFs } from "@photon/std/fs";
 * import { assertRejects } from "@std/assert";
 *
 * class View extends ReadOnlyFs {
 *   readonly #inner: FileSystem;
 *   constructor(inner: FileSystem) {
 *     super();
 *     this.#inner = inner;
 *   }
 *   open = (path: string) => this.#inner.open(path);
 *   stat = (path: string) => this.#inner.stat(path);
 *   lstat = (path: string) => this.#inner.lstat(path);
 *   readDir = (path: string) => this.#inner.readDir(path);
 *   readLink = (path: string) => this.#inner.readLink(path);
 * }
 *
 * await assertRejects(() => new View(new MemoryFs()).mkdir("a"), Error, "mkdir 'a'");
 * ```
 */
export abstract class ReadOnlyFs implements FileSystem {
  /** Opens a file to be read. */
  abstract open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile>;

  /** Says what is at a path; symbolic links are followed. */
  abstract stat(path: string): Promise<Deno.FileInfo>;

  /** Says what is at a path; a symbolic link is what it is. */
  abstract lstat(path: string): Promise<Deno.FileInfo>;

  /** What a directory contains. */
  abstract readDir(path: string): AsyncIterable<Deno.DirEntry>;

  /** Where a symbolic link leads. */
  abstract readLink(path: string): Promise<string>;

  /** Rejects: nothing can be made. */
  mkdir(path: string): Promise<void> {
    return Promise.reject(readOnlyError(`mkdir '${path}'`));
  }

  /** Rejects: nothing can be removed. */
  remove(path: string): Promise<void> {
    return Promise.reject(readOnlyError(`remove '${path}'`));
  }

  /** Rejects: nothing can be moved. */
  rename(oldPath: string, newPath: string): Promise<void> {
    return Promise.reject(readOnlyError(`rename '${oldPath}' -> '${newPath}'`));
  }

  /** Rejects: nothing can be made. */
  symlink(target: string, path: string): Promise<void> {
    return Promise.reject(readOnlyError(`symlink '${target}' -> '${path}'`));
  }
}
