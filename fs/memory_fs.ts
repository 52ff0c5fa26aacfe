// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import { checkBytes, checkPosition } from "./arguments.ts";
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { closedError, type OpenMode, openMode } from "./open_mode.ts";
import { SparseBytes } from "./sparse_bytes.ts";
import {
  directoryEntries,
  findNode,
  findPlace,
  linkTarget,
  newDirectory,
  newFile,
  newLink,
  nodeInfo,
  type Place,
  type TreeDirectory,
  type TreeFile,
  type TreeNode,
} from "./tree.ts";

/** Options of {@linkcode MemoryFs}. */
export interface MemoryFsOptions {
  /**
   * Bytes of memory that contents may take up, in pages of 16 KiB; more fails with ENOSPC.
   *
   * @default {Infinity}
   */
  bytesMax?: number;
}

/**
 * Files in memory: for tests, and for what need not outlive the program.
 *
 * @example A file that no disk has
 * ```ts
 * import { MemoryFs } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await memory.mkdir("logs");
 * using file = await memory.open("logs/today", { read: true, write: true, create: true });
 * await file.writeAt(new TextEncoder().encode("hello"), 0);
 * assertEquals((await memory.stat("logs/today")).size, 5);
 * ```
 */
export class MemoryFs implements FileSystem {
  readonly #root: TreeDirectory<SparseBytes> = newDirectory(0o755);
  readonly #space: Space;

  /** A file system with nothing in it. */
  constructor(options: MemoryFsOptions = {}) {
    this.#space = new Space(options.bytesMax ?? Infinity);
  }

  /** Bytes of memory that contents take up. */
  get usedBytes(): number {
    return this.#space.used;
  }

  /** Opens a file. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    const mode = openMode(options);
    const fail = (errno: number) => osError(errno, `open '${path}'`);
    const place = this.#place(path, "open", !mode.createNew);
    if (place.node !== undefined && mode.createNew) throw fail(Errno.EEXIST);
    if (place.node?.kind === "directory" && mode.write) throw fail(Errno.EISDIR);
    if (place.node === undefined && !mode.create) throw fail(Errno.ENOENT);
    if (place.node === undefined && path.endsWith("/")) throw fail(Errno.EISDIR);
    const node = place.node ?? this.#add(place, newFile(mode.mode & ~UMASK, new SparseBytes()));
    const file = new MemoryFile(node, mode, this.#space);
    if (mode.truncate) file.resize(0);
    return file;
  }

  /** Says what is at a path; symbolic links are followed. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async stat(path: string): Promise<Deno.FileInfo> {
    return describe(this.#node(path, "stat", true));
  }

  /** Says what is at a path; a symbolic link is what it is. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async lstat(path: string): Promise<Deno.FileInfo> {
    return describe(this.#node(path, "lstat", false));
  }

  /** What a directory contains. */
  async *readDir(path: string): AsyncIterable<Deno.DirEntry> {
    yield* directoryEntries(this.#node(path, "readdir", true), path);
  }

  /** Makes a directory. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async mkdir(path: string, options: Deno.MkdirOptions = {}): Promise<void> {
    const { recursive = false, mode = 0o777 } = options;
    if (recursive) {
      for (const parent of parentsOf(path)) {
        const place = this.#place(parent, "mkdir", true);
        if (place.node === undefined) this.#add(place, this.#directory(place, mode));
      }
    }
    const place = this.#place(path, "mkdir", recursive);
    if (place.node === undefined) this.#add(place, this.#directory(place, mode));
    else if (!recursive || place.node.kind !== "directory") {
      throw osError(Errno.EEXIST, `mkdir '${path}'`);
    }
  }

  /** Removes what is at a path. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async remove(path: string, options: Deno.RemoveOptions = {}): Promise<void> {
    const place = this.#place(path, "remove", false);
    const { node } = place;
    const fail = (errno: number) => osError(errno, `remove '${path}'`);
    if (node === undefined) throw fail(Errno.ENOENT);
    if (node === this.#root || place.name === ".") throw fail(Errno.EINVAL);
    if (node.kind === "directory" && node.entries.size > 0 && !options.recursive) {
      throw fail(Errno.ENOTEMPTY);
    }
    this.#unlink(place);
  }

  /** Moves what is at a path. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async rename(oldPath: string, newPath: string): Promise<void> {
    const fail = (errno: number) => osError(errno, `rename '${oldPath}' -> '${newPath}'`);
    const from = this.#place(oldPath, "rename", false);
    const to = this.#place(newPath, "rename", false);
    const moved = from.node;
    if (moved === undefined) throw fail(Errno.ENOENT);
    if (from.name === "." || to.name === ".") throw fail(Errno.EBUSY);
    if (to.node === moved) return;
    if (moved.kind === "directory") {
      if (isWithin(to.directory, moved)) throw fail(Errno.EINVAL);
      if (to.node !== undefined && to.node.kind !== "directory") throw fail(Errno.ENOTDIR);
    } else if (to.node?.kind === "directory") throw fail(Errno.EISDIR);
    if (to.node?.kind === "directory" && to.node.entries.size > 0) throw fail(Errno.ENOTEMPTY);
    if (to.node !== undefined) this.#unlink(to);
    from.directory.entries.delete(from.name);
    to.directory.entries.set(to.name, moved);
    if (moved.kind === "directory") moved.parent = to.directory;
    from.directory.mtime = to.directory.mtime = new Date();
  }

  /** Makes a symbolic link. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async symlink(target: string, path: string): Promise<void> {
    const place = this.#place(path, "symlink", false);
    if (place.node !== undefined) throw osError(Errno.EEXIST, `symlink '${target}' -> '${path}'`);
    this.#add(place, newLink(target));
  }

  /** Where a symbolic link leads. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async readLink(path: string): Promise<string> {
    return linkTarget(this.#node(path, "readlink", false), path);
  }

  #place(path: string, operation: string, followLast: boolean): Place<SparseBytes> {
    return findPlace(this.#root, path, { operation, followLast });
  }

  #node(path: string, operation: string, followLast: boolean): TreeNode<SparseBytes> {
    return findNode(this.#root, path, { operation, followLast });
  }

  #directory(place: Place<SparseBytes>, mode: number): TreeDirectory<SparseBytes> {
    return newDirectory(mode & ~UMASK, place.directory);
  }

  #add<N extends TreeNode<SparseBytes>>(place: Place<SparseBytes>, node: N): N {
    place.directory.entries.set(place.name, node);
    place.directory.mtime = new Date();
    if (node.kind === "file") this.#space.link(node, 1);
    return node;
  }

  #unlink({ directory, name, node }: Place<SparseBytes>): void {
    directory.entries.delete(name);
    directory.mtime = new Date();
    this.#free(node!);
  }

  #free(node: TreeNode<SparseBytes>): void {
    if (node.kind === "file") this.#space.link(node, -1);
    else if (node.kind === "directory") {
      for (const child of node.entries.values()) this.#free(child);
      node.entries.clear();
    }
  }
}

const UMASK = 0o022;
const BLOCK_BYTES = 512;

/** Memory that the contents share. A file without a name counts until it is closed. */
class Space {
  readonly #bytesMax: number;
  readonly #links = new Map<TreeFile<SparseBytes>, number>();
  used = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Counts a name or an open file more or less; the last one gone frees the memory. */
  link(node: TreeFile<SparseBytes>, change: number): void {
    const links = (this.#links.get(node) ?? 0) + change;
    if (links > 0) this.#links.set(node, links);
    else {
      this.#links.delete(node);
      this.used -= node.content.allocatedBytes;
      node.content.resize(0);
    }
  }

  write(content: SparseBytes, bytes: Uint8Array, offset: number): void {
    if (this.used + content.missingBytes(offset, bytes.length) > this.#bytesMax) {
      throw osError(Errno.ENOSPC, "write");
    }
    this.change(content, () => content.write(bytes, offset));
  }

  change(content: SparseBytes, change: () => void): void {
    const before = content.allocatedBytes;
    change();
    this.used += content.allocatedBytes - before;
  }
}

class MemoryFile implements RandomAccessFile {
  readonly #node: TreeNode<SparseBytes>;
  readonly #mode: OpenMode;
  readonly #space: Space;
  #closed = false;

  constructor(node: TreeNode<SparseBytes>, mode: OpenMode, space: Space) {
    this.#node = node;
    this.#mode = mode;
    this.#space = space;
    if (node.kind === "file") space.link(node, 1);
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    const node = this.#use(this.#mode.read, "read");
    checkPosition(offset);
    const byteLength = node.content.read(into, offset);
    return byteLength === 0 && into.length > 0 ? null : byteLength;
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async writeAt(bytes: Uint8Array, offset: number): Promise<number> {
    const node = this.#use(this.#mode.write, "write");
    checkBytes(bytes);
    checkPosition(offset);
    this.#space.write(node.content, bytes, offset);
    node.mtime = new Date();
    return bytes.length;
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async stat(): Promise<Deno.FileInfo> {
    if (this.#closed) throw closedError();
    return describe(this.#node);
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async truncate(byteLength: number = 0): Promise<void> {
    this.#use(this.#mode.write, "truncate", Errno.EINVAL);
    checkPosition(byteLength);
    this.resize(byteLength);
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async punch(offset: number, byteLength: number): Promise<void> {
    const { content } = this.#use(this.#mode.write, "punch");
    checkPosition(offset);
    checkPosition(byteLength);
    this.#space.change(content, () => content.clear(offset, byteLength));
    this.#node.mtime = new Date();
  }

  // deno-lint-ignore require-await -- what it throws shall reject
  async sync(): Promise<void> {
    if (this.#closed) throw closedError();
  }

  close(): void {
    if (this.#closed) throw closedError();
    this.#closed = true;
    if (this.#node.kind === "file") this.#space.link(this.#node, -1);
  }

  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  resize(byteLength: number): void {
    const { content } = this.#node as TreeFile<SparseBytes>;
    this.#space.change(content, () => content.resize(byteLength));
    this.#node.mtime = new Date();
  }

  #use(allowed: boolean, operation: string, refusal: number = Errno.EBADF): TreeFile<SparseBytes> {
    if (this.#closed) throw closedError();
    if (!allowed) throw osError(refusal, operation);
    if (this.#node.kind !== "file") throw osError(Errno.EISDIR, operation);
    return this.#node;
  }
}

function describe(node: TreeNode<SparseBytes>): Deno.FileInfo {
  if (node.kind !== "file") return nodeInfo(node, 0, 0);
  const { byteLength, allocatedBytes } = node.content;
  return nodeInfo(node, byteLength, allocatedBytes / BLOCK_BYTES);
}

/** The directories that a path leads through, from the root on. */
function parentsOf(path: string): string[] {
  const names = path.split("/").filter((name) => name !== "");
  return names.slice(0, -1).map((_, i) => `/${names.slice(0, i + 1).join("/")}`);
}

function isWithin(directory: TreeDirectory<SparseBytes>, other: TreeNode<SparseBytes>): boolean {
  for (let at = directory;; at = at.parent) {
    if (at === other) return true;
    if (at.parent === at) return false;
  }
}
