// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import type { FileSystem, OpenFileOptions } from "./file_system.ts";
import { readWhole, writeAllAt } from "./whole_file.ts";

/** Flags that a file is opened with, as `node:fs` names them. */
export type NodeFlags = "r" | "r+" | "w" | "w+" | "wx" | "wx+" | "a" | "a+";

/** What each of node's flags means. */
// Data: documentation of node:fs, "File system flags".
// deno-fmt-ignore
export const NODE_FLAGS = {
  "r":   { read: true },
  "r+":  { read: true, write: true },
  "w":   { write: true, create: true, truncate: true },
  "w+":  { read: true, write: true, create: true, truncate: true },
  "wx":  { write: true, createNew: true },
  "wx+": { read: true, write: true, createNew: true },
  "a":   { write: true, create: true },
  "a+":  { read: true, write: true, create: true },
} as const satisfies Record<NodeFlags, OpenFileOptions>;

/** How a file is read: as text, or as bytes. */
export type NodeReadOptions = "utf8" | "utf-8" | { encoding?: "utf8" | "utf-8" | null } | null;
/** What a file is written with. */
export type NodeWriteOptions = "utf8" | "utf-8" | { mode?: number; flag?: NodeFlags } | null;

/**
 * What `stat` gives, in the shape of `node:fs`.
 *
 * @example The size of a file
 * ```ts
 * import { MemoryFs, NodeStats, writeWhole } from "@photon/std/fs";
 * import { assert, assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new Uint8Array(3));
 * const stats = new NodeStats(await memory.stat("a"));
 * assert(stats.isFile());
 * assertEquals(stats.size, 3);
 * ```
 */
export class NodeStats {
  /** Bytes. */
  readonly size: number;
  /** Type and permission bits. */
  readonly mode: number;
  /** When it was changed. */
  readonly mtime: Date;
  /** The same in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** When what is known of it was changed; the time of modification where that is not known. */
  readonly ctime: Date;
  /** The same in milliseconds since 1970. */
  readonly ctimeMs: number;
  /** Its number. */
  readonly ino: number;
  /** The device that it is on. */
  readonly dev: number;
  /** Who owns it. */
  readonly uid: number;
  /** The group that owns it. */
  readonly gid: number;
  readonly #info: Deno.FileInfo;

  /** The same information. */
  constructor(info: Deno.FileInfo) {
    this.#info = info;
    this.size = info.size;
    this.mode = info.mode ?? 0;
    this.mtime = info.mtime ?? new Date(0);
    this.mtimeMs = this.mtime.getTime();
    this.ctime = info.ctime ?? this.mtime;
    this.ctimeMs = this.ctime.getTime();
    this.ino = info.ino ?? 0;
    this.dev = info.dev;
    this.uid = info.uid ?? 0;
    this.gid = info.gid ?? 0;
  }

  /** Whether it is a file. */
  isFile(): boolean {
    return this.#info.isFile;
  }

  /** Whether it is a directory. */
  isDirectory(): boolean {
    return this.#info.isDirectory;
  }

  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean {
    return this.#info.isSymlink;
  }
}

/** An entry of a directory, in the shape of `node:fs`. */
export interface NodeDirent {
  /** Its name. */
  name: string;
  /** Whether it is a file. */
  isFile(): boolean;
  /** Whether it is a directory. */
  isDirectory(): boolean;
  /** Whether it is a symbolic link. */
  isSymbolicLink(): boolean;
}

/**
 * The functions of `node:fs/promises` that `ExportFs` has.
 *
 * @example Write and list
 * ```ts
 * import { ExportPromises, MemoryFs } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const fs = new ExportPromises(new MemoryFs());
 * await fs.mkdir("folder");
 * await fs.writeFile("folder/a", "hello");
 * assertEquals(await fs.readdir("folder"), ["a"]);
 * ```
 */
export class ExportPromises {
  readonly #system: FileSystem;

  /** The files of `system`. */
  constructor(system: FileSystem) {
    this.#system = system;
  }

  /** Reads a whole file as text. */
  readFile(path: string, options: "utf8" | "utf-8"): Promise<string>;
  /** Reads a whole file, as bytes unless said otherwise. */
  readFile(path: string, options?: NodeReadOptions): Promise<string | Uint8Array>;
  async readFile(path: string, options?: NodeReadOptions): Promise<string | Uint8Array> {
    const bytes = await readWhole(this.#system, path);
    const encoding = typeof options === "string" ? options : options?.encoding;
    if (encoding === undefined || encoding === null) return bytes;
    if (/^utf-?8$/.test(encoding)) {
      return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    }
    throw new TypeError(`Cannot read as "${encoding}": only utf8 is known`);
  }

  /** Writes a whole file, or what its flag says. */
  async writeFile(
    path: string,
    data: string | Uint8Array,
    options?: NodeWriteOptions,
  ): Promise<void> {
    const { mode, flag = "w" } = typeof options === "object" && options !== null ? options : {};
    const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
    using file = await this.#system.open(path, nodeFlags(flag, mode));
    await writeAllAt(file, bytes, flag.startsWith("a") ? (await file.stat()).size : 0);
  }

  /** Writes at the end of a file, which is made if it is not there. */
  appendFile(path: string, data: string | Uint8Array): Promise<void> {
    return this.writeFile(path, data, { flag: "a" });
  }

  /** Says what is at a path; symbolic links are followed. */
  async stat(path: string): Promise<NodeStats> {
    return new NodeStats(await this.#system.stat(path));
  }

  /** Says what is at a path; a symbolic link is what it is. */
  async lstat(path: string): Promise<NodeStats> {
    return new NodeStats(await this.#system.lstat(path));
  }

  /** Rejects when there is nothing. */
  async access(path: string, _mode?: number): Promise<void> {
    await this.#system.stat(path);
  }

  /** The entries of a directory. */
  readdir(path: string, options: { withFileTypes: true }): Promise<NodeDirent[]>;
  /** The names in a directory. */
  readdir(path: string, options?: { withFileTypes?: boolean } | null): Promise<string[]>;
  async readdir(
    path: string,
    options?: { withFileTypes?: boolean } | null,
  ): Promise<(string | NodeDirent)[]> {
    const entries = await Array.fromAsync(this.#system.readDir(path));
    if (!options?.withFileTypes) return entries.map(({ name }) => name);
    return entries.map(({ name, isFile, isDirectory, isSymlink }) => ({
      name,
      isFile: () => isFile,
      isDirectory: () => isDirectory,
      isSymbolicLink: () => isSymlink,
    }));
  }

  /** Makes a directory. */
  async mkdir(path: string, options?: number | Deno.MkdirOptions | null): Promise<void> {
    await this.#system.mkdir(path, typeof options === "number" ? { mode: options } : options ?? {});
  }

  /** Removes an empty directory. */
  async rmdir(path: string): Promise<void> {
    if (!(await this.#system.lstat(path)).isDirectory) {
      throw osError(Errno.ENOTDIR, `rmdir '${path}'`);
    }
    await this.#system.remove(path);
  }

  /** Removes a file or a link. */
  async unlink(path: string): Promise<void> {
    if ((await this.#system.lstat(path)).isDirectory) {
      throw osError(Errno.EISDIR, `unlink '${path}'`);
    }
    await this.#system.remove(path);
  }

  /** Removes what is at a path. */
  async rm(path: string, options?: { recursive?: boolean; force?: boolean } | null): Promise<void> {
    try {
      if (!options?.recursive) await this.unlink(path);
      else await this.#system.remove(path, { recursive: true });
    } catch (error) {
      if (!(options?.force && error instanceof Deno.errors.NotFound)) throw error;
    }
  }

  /** Moves what is at a path. */
  rename(oldPath: string, newPath: string): Promise<void> {
    return this.#system.rename(oldPath, newPath);
  }

  /** Where a symbolic link leads. */
  readlink(path: string): Promise<string> {
    return this.#system.readLink(path);
  }

  /** Makes a symbolic link. */
  symlink(target: string, path: string): Promise<void> {
    return this.#system.symlink(target, path);
  }

  /** Cuts or extends a file. */
  async truncate(path: string, byteLength: number = 0): Promise<void> {
    using file = await this.#system.open(path, { write: true });
    await file.truncate(byteLength);
  }
}

/**
 * The options that node's flags come to.
 *
 * @throws {TypeError} when there is no such flag
 */
export function nodeFlags(flag: NodeFlags, mode?: number): OpenFileOptions {
  const options: OpenFileOptions | undefined = NODE_FLAGS[flag];
  if (options === undefined) throw new TypeError(`Cannot open a file with the flag "${flag}"`);
  return mode === undefined ? options : { ...options, mode };
}
