// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import type { OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { checkReadOnly } from "./open_mode.ts";
import { type ReadOnlyContent, ReadOnlyFile } from "./read_only_file.ts";
import { ReadOnlyFs } from "./read_only_fs.ts";
import { TAR_BLOCK_BYTES } from "./tar_header.ts";
import { indexTar, type TarContent } from "./tar_index.ts";
import {
  directoryEntries,
  findNode,
  linkTarget,
  nodeInfo,
  type TreeDirectory,
  type TreeNode,
} from "./tree.ts";

/**
 * What is in a tar archive, without extracting it: reads go to the archive itself. Archives of any
 * tar will do (the old format, ustar, pax, GNU), as long as they are not compressed.
 *
 * @example Read a file of an archive
 * ```ts
 * import { LocalFs, readWhole, TarFs } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${folder}/a`, "hello");
 * const args = ["-C", folder, "-cf", `${folder}/archive.tar`, "a"];
 * await new Deno.Command("tar", { args }).output();
 * {
 *   using archive = await TarFs.open(await new LocalFs().open(`${folder}/archive.tar`));
 *   assertEquals(new TextDecoder().decode(await readWhole(archive, "a")), "hello");
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class TarFs extends ReadOnlyFs implements Disposable {
  readonly #archive: RandomAccessFile;
  readonly #root: TreeDirectory<TarContent>;

  /** Use {@linkcode TarFs.open}. */
  constructor(archive: RandomAccessFile, root: TreeDirectory<TarContent>) {
    super();
    this.#archive = archive;
    this.#root = root;
  }

  /**
   * Reads what an archive contains, and takes it over.
   *
   * @throws {Deno.errors.InvalidData} when it is no archive, or is damaged
   * @throws {Deno.errors.NotSupported} when it has sparse files
   */
  static async open(archive: RandomAccessFile): Promise<TarFs> {
    try {
      return new TarFs(archive, await indexTar(archive));
    } catch (error) {
      archive.close();
      throw error;
    }
  }

  /** Opens a file to be read. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    checkReadOnly(path, options);
    return new ReadOnlyFile(new TarredContent(this.#archive, this.#node(path, "open", true)));
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

  /** Where a symbolic link leads. */
  // deno-lint-ignore require-await -- what it throws shall reject
  async readLink(path: string): Promise<string> {
    return linkTarget(this.#node(path, "readlink", false), path);
  }

  /** Closes the archive; files that are still open cannot be read any more. */
  [Symbol.dispose](): void {
    this.#archive[Symbol.dispose]();
  }

  #node(path: string, operation: string, followLast: boolean): TreeNode<TarContent> {
    return findNode(this.#root, path, { operation, followLast });
  }
}

class TarredContent implements ReadOnlyContent {
  readonly #archive: RandomAccessFile;
  readonly #node: TreeNode<TarContent>;

  constructor(archive: RandomAccessFile, node: TreeNode<TarContent>) {
    this.#archive = archive;
    this.#node = node;
  }

  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    if (this.#node.kind !== "file") throw osError(Errno.EISDIR, "read");
    if (into.length === 0) return 0;
    const { content } = this.#node;
    const wanted = into.subarray(0, Math.max(0, content.byteLength - offset));
    if (wanted.length === 0) return null;
    const count = await this.#archive.readAt(wanted, content.offset + offset);
    if (count === null) throw new Deno.errors.UnexpectedEof("Cannot read: the archive ends before");
    return count;
  }

  describe(): Deno.FileInfo {
    return describe(this.#node);
  }
}

function describe(node: TreeNode<TarContent>): Deno.FileInfo {
  if (node.kind !== "file") return nodeInfo(node, 0, 0);
  const { byteLength, offset } = node.content;
  const info = nodeInfo(node, byteLength, Math.ceil(byteLength / TAR_BLOCK_BYTES));
  // The same whenever the archive is opened, so that a cache knows the file again.
  return { ...info, ino: offset / TAR_BLOCK_BYTES };
}
