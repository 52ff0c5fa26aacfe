// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";

// Names of files that are kept in memory, for MemoryFs and TarFs: directories, links, and how a
// path leads to one (path_resolution(7)).

/** What is at the end of a path. */
export type TreeNode<F> = TreeDirectory<F> | TreeLink | TreeFile<F>;

/** What every node has. */
export interface TreeAttributes {
  /** Permission bits. */
  mode: number;
  /** When the content was changed. */
  mtime: Date;
}

/** A directory. */
export interface TreeDirectory<F> extends TreeAttributes {
  /** What it is. */
  readonly kind: "directory";
  /** What it contains. */
  readonly entries: Map<string, TreeNode<F>>;
  /** Where `..` leads; itself at the root. */
  parent: TreeDirectory<F>;
  /** Its number, which no other node of this program has. */
  readonly ino: number;
}

/** A symbolic link. */
export interface TreeLink extends TreeAttributes {
  /** What it is. */
  readonly kind: "link";
  /** Where it leads, from the directory that it is in. */
  readonly target: string;
  /** Its number, which no other node of this program has. */
  readonly ino: number;
}

/** A file; a file system keeps its bytes in `content`. */
export interface TreeFile<F> extends TreeAttributes {
  /** What it is. */
  readonly kind: "file";
  /** Its bytes. */
  readonly content: F;
  /** Its number, which no other node of this program has. */
  readonly ino: number;
}

/** Where a path leads: the directory, the name in it, and what is there. */
export interface Place<F> {
  /** The directory that has or would have the name. */
  readonly directory: TreeDirectory<F>;
  /** The last name; `.` for the root. */
  readonly name: string;
  /** What is there. */
  readonly node: TreeNode<F> | undefined;
}

/** How {@linkcode findPlace} goes about the last name of a path. */
export interface FindOptions {
  /** Whether a link at the end is followed. */
  followLast: boolean;
  /** What is being done, for the error. */
  operation: string;
}

/** Links that a path may lead through (path_resolution(7)). */
const LINKS_MAX = 40;

let lastIno = 0;

/** A directory with nothing in it; without a parent it is a root. */
export function newDirectory<F>(mode: number, parent?: TreeDirectory<F>): TreeDirectory<F> {
  const directory: TreeDirectory<F> = {
    kind: "directory",
    entries: new Map(),
    parent: undefined!,
    mode,
    mtime: new Date(),
    ino: ++lastIno,
  };
  directory.parent = parent ?? directory;
  return directory;
}

/** A file that holds `content`. */
export function newFile<F>(mode: number, content: F): TreeFile<F> {
  return { kind: "file", content, mode, mtime: new Date(), ino: ++lastIno };
}

/** A symbolic link to `target`. */
export function newLink(target: string): TreeLink {
  return { kind: "link", target, mode: 0o777, mtime: new Date(), ino: ++lastIno };
}

/**
 * Follows a path to its last name, at which there need not be anything.
 *
 * @throws {Deno.errors.NotFound} when a directory on the way is missing
 * @throws {Deno.errors.NotADirectory} when something on the way is none
 * @throws {Deno.errors.FilesystemLoop} when links lead on and on
 */
export function findPlace<F>(root: TreeDirectory<F>, path: string, options: FindOptions): Place<F> {
  const fail = (errno: number) => osError(errno, `${options.operation} '${path}'`);
  if (path === "") throw fail(Errno.ENOENT);
  const names = splitPath(path).reverse();
  const mustBeDirectory = /\/\.?$/.test(path);
  let directory = root;
  let place: Place<F> = { directory: root, name: ".", node: root };
  for (let links = 0; names.length > 0;) {
    const name = names.pop()!;
    const isLast = names.length === 0;
    if (name === "..") {
      directory = directory.parent;
      place = { directory, name: ".", node: directory };
      continue;
    }
    const node = directory.entries.get(name);
    place = { directory, name, node };
    if (node?.kind === "link" && (!isLast || options.followLast || mustBeDirectory)) {
      if (++links > LINKS_MAX) throw fail(Errno.ELOOP);
      if (node.target.startsWith("/")) directory = root;
      place = { directory, name: ".", node: directory };
      names.push(...splitPath(node.target).reverse());
    } else if (node?.kind === "directory") {
      directory = node;
    } else if (!isLast || (mustBeDirectory && node !== undefined)) {
      throw fail(node === undefined ? Errno.ENOENT : Errno.ENOTDIR);
    }
  }
  return place;
}

/**
 * What is at a path.
 *
 * @throws {Deno.errors.NotFound} when there is nothing
 */
export function findNode<F>(
  root: TreeDirectory<F>,
  path: string,
  options: FindOptions,
): TreeNode<F> {
  const { node } = findPlace(root, path, options);
  if (node === undefined) throw osError(Errno.ENOENT, `${options.operation} '${path}'`);
  return node;
}

/** What a directory at a path contains. */
export function directoryEntries(node: TreeNode<unknown>, path: string): Deno.DirEntry[] {
  if (node.kind !== "directory") throw osError(Errno.ENOTDIR, `readdir '${path}'`);
  return Array.from(node.entries, ([name, { kind }]) => directoryEntry(name, kind));
}

/** Where a link at a path leads. */
export function linkTarget(node: TreeNode<unknown>, path: string): string {
  if (node.kind !== "link") throw osError(Errno.EINVAL, `readlink '${path}'`);
  return node.target;
}

/** A node as `readDir` gives it. */
function directoryEntry(name: string, kind: TreeNode<unknown>["kind"]): Deno.DirEntry {
  return {
    name,
    isFile: kind === "file",
    isDirectory: kind === "directory",
    isSymlink: kind === "link",
  };
}

/**
 * A node as `stat` gives it.
 *
 * @param byteLength Bytes of a file; a link's is that of its target, a directory's 0
 * @param blocks 512-byte blocks that a file takes up
 */
export function nodeInfo(
  node: TreeNode<unknown>,
  byteLength: number,
  blocks: number,
): Deno.FileInfo {
  const size = node.kind === "file"
    ? byteLength
    : node.kind === "link"
    ? new TextEncoder().encode(node.target).length
    : 0;
  return {
    isFile: node.kind === "file",
    isDirectory: node.kind === "directory",
    isSymlink: node.kind === "link",
    size,
    mtime: new Date(node.mtime),
    atime: null,
    birthtime: null,
    ctime: null,
    dev: 0,
    ino: node.ino,
    mode: MODE_BY_KIND[node.kind] | node.mode,
    nlink: 1,
    uid: null,
    gid: null,
    rdev: null,
    blksize: null,
    blocks,
    isBlockDevice: false,
    isCharDevice: false,
    isFifo: false,
    isSocket: false,
  };
}

/** S_IFMT bits of st_mode (inode(7)). */
const MODE_BY_KIND = { directory: 0o040000, file: 0o100000, link: 0o120000 } as const;

/** The names of a path, without `.` and empty ones. */
function splitPath(path: string): string[] {
  return path.split("/").filter((name) => name !== "" && name !== ".");
}
