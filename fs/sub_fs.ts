// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { AtFlag, OpenFlag } from "../ffi/file.ts";
import { readEntriesSoon } from "../ffi/file_soon.ts";
import { checkRead, checkWrite } from "../ffi/permission.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import { notSupported } from "../io/portable.ts";
import { admit } from "./access.ts";
import {
  type BeneathParent,
  callOnName,
  linkName,
  openBeneath,
  readLinkDescriptor,
  renameName,
  statDescriptor,
  withParent,
} from "./beneath.ts";
import { decodeEntries } from "./directory_entries.ts";
import type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
import { FsFile } from "./fs_file.ts";
import { LocalFile } from "./local_fs.ts";
import { openFlags } from "./open.ts";
import { closedError, isChange, openMode } from "./open_mode.ts";
import { checkPath, joinPath, pathText } from "./path.ts";
import { type RingFiles, ringFiles } from "./ring_files.ts";
import { UringFile } from "./uring_file.ts";
import { isLocal, uringOpen } from "./uring_open.ts";

/**
 * The files below a directory of this machine, and nothing else. A path that leads out, be it by
 * `..`, from the root of the machine, or by a symbolic link, is refused by the kernel
 * (`RESOLVE_BENEATH` of openat2(2), Linux 5.6), also when somebody exchanges what is on the way
 * meanwhile. A link that leads to a place inside is followed.
 *
 * The directory stays the same when it is moved. On the portable engine there is no `SubFs`: Deno
 * has no function that could keep this promise.
 *
 * @example Paths of somebody else
 * ```ts
 * import { readWhole, SubFs, writeWhole } from "@photon/std/fs";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals, assertRejects } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const folder = await Deno.makeTempDir();
 *   {
 *     await using uploads = await SubFs.open(folder);
 *     await writeWhole(uploads, "a", new Uint8Array([1]));
 *     assertEquals(await readWhole(uploads, "a"), new Uint8Array([1]));
 *     await assertRejects(() => uploads.open("../../etc/passwd"), Deno.errors.PermissionDenied);
 *   }
 *   await Deno.remove(folder, { recursive: true });
 * }
 * ```
 */
export class SubFs implements FileSystem, AsyncDisposable {
  readonly #files: RingFiles;
  readonly #root: string;
  readonly #directory: number;
  readonly #calls = new Set<Promise<unknown>>();
  #closed = false;

  /** Use {@linkcode SubFs.open}. */
  constructor(files: RingFiles, root: string, directory: number) {
    this.#files = files;
    this.#root = root;
    this.#directory = directory;
  }

  /**
   * Opens the directory.
   *
   * @throws {Deno.errors.NotFound} when there is none
   * @throws {Deno.errors.NotCapable} when it may not be read
   * @throws {Deno.errors.NotSupported} on the portable engine
   */
  static async open(root: string | URL): Promise<SubFs> {
    const text = pathText(root);
    checkPath(text, `open '${text}'`);
    if (ringFiles() === null) throw notSupported("subFs");
    const files = admit("read", text);
    if (files === null) {
      throw new Deno.errors.NotCapable(`Cannot open '${text}': it requires all permissions`);
    }
    const path = text.startsWith("/") ? text : joinPath(Deno.cwd(), text);
    const flags = OpenFlag.PATH | OpenFlag.DIRECTORY;
    const { fd } = await uringOpen(files, path, flags, 0, `open '${text}'`);
    return new SubFs(files, path, fd);
  }

  /** Opens a file. */
  open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile> {
    const action = `open '${path}'`;
    return this.#call(path, action, async () => {
      const mode = openMode(options);
      if (mode.read) this.#check(checkRead, path);
      if (isChange(mode)) this.#check(checkWrite, path);
      const flags = openFlags(options);
      const fd = await this.#open(path, flags, action, mode.mode);
      return new LocalFile(
        new FsFile(new UringFile(this.#files, fd, isLocal(this.#files, fd))),
      );
    });
  }

  /** Says what is at a path; symbolic links are followed. */
  stat(path: string): Promise<Deno.FileInfo> {
    return this.#stat(path, 0);
  }

  /** Says what is at a path; a symbolic link is what it is. */
  lstat(path: string): Promise<Deno.FileInfo> {
    return this.#stat(path, OpenFlag.NOFOLLOW);
  }

  /** What a directory contains. */
  async *readDir(path: string): AsyncIterable<Deno.DirEntry> {
    const action = `readdir '${path}'`;
    const fd = await this.#call(path, action, () => {
      this.#check(checkRead, path);
      return this.#open(path, OpenFlag.RDONLY | OpenFlag.DIRECTORY, action);
    });
    try {
      for await (const entries of this.#entries(fd, action)) yield* entries;
    } finally {
      this.#files.engine.closeDescriptor(fd);
    }
  }

  /** Makes a directory. */
  mkdir(path: string, options: Deno.MkdirOptions = {}): Promise<void> {
    const { recursive = false, mode = 0o777 } = options;
    const action = `mkdir '${path}'`;
    return this.#call(path, action, async () => {
      this.#check(checkWrite, path);
      if (!recursive) return await this.#mkdir(path, mode, action);
      const names = path.split("/").filter((name) => name !== "");
      for (let count = 1; count <= names.length; count++) {
        const part = `${path.startsWith("/") ? "/" : ""}${names.slice(0, count).join("/")}`;
        try {
          await this.#mkdir(part, mode, action);
        } catch (error) {
          if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
          if (count === names.length && !(await this.stat(part)).isDirectory) throw error;
        }
      }
    });
  }

  /** Removes what is at a path. */
  remove(path: string, options: Deno.RemoveOptions = {}): Promise<void> {
    const action = `remove '${path}'`;
    return this.#call(path, action, async () => {
      this.#check(checkWrite, path);
      await this.#withParent(
        path,
        action,
        Errno.EINVAL,
        (parent) =>
          options.recursive ? this.#removeAll(parent, action) : this.#removeOne(parent, action),
      );
    });
  }

  /** Moves what is at a path. */
  rename(oldPath: string, newPath: string): Promise<void> {
    const action = `rename '${oldPath}' -> '${newPath}'`;
    return this.#call(oldPath, action, async () => {
      checkPath(newPath, action);
      this.#check(checkRead, oldPath);
      this.#check(checkWrite, oldPath);
      this.#check(checkWrite, newPath);
      await this.#withParent(
        oldPath,
        action,
        Errno.EBUSY,
        (from) =>
          this.#withParent(newPath, action, Errno.EBUSY, async (to) => {
            const result = await renameName(this.#files, from, to);
            if (result < 0) throw osError(result, action);
          }),
      );
    });
  }

  /** Makes a symbolic link, which is followed only if it leads to a place inside. */
  symlink(target: string, path: string): Promise<void> {
    const action = `symlink '${target}' -> '${path}'`;
    return this.#call(path, action, async () => {
      checkPath(target, action);
      // As Deno asks for: who follows the link elsewhere may be led anywhere.
      checkRead("/");
      checkWrite("/");
      await this.#withParent(path, action, Errno.EEXIST, async (parent) => {
        const result = await linkName(this.#files, target, parent);
        if (result < 0) throw osError(result, action);
      });
    });
  }

  /** Where a symbolic link leads. */
  readLink(path: string): Promise<string> {
    const action = `readlink '${path}'`;
    return this.#call(path, action, async () => {
      this.#check(checkRead, path);
      const fd = await this.#open(path, OpenFlag.PATH | OpenFlag.NOFOLLOW, action);
      try {
        const { isSymlink } = await statDescriptor(this.#files, fd, action);
        if (!isSymlink) throw osError(Errno.EINVAL, action);
        return await readLinkDescriptor(fd, action);
      } finally {
        this.#files.engine.closeDescriptor(fd);
      }
    });
  }

  /** Closes the directory when what is in flight is done; open files stay open. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.allSettled(this.#calls);
    this.#files.engine.closeDescriptor(this.#directory);
  }

  /** Keeps the directory open until the call is over. */
  #call<T>(path: string, action: string, run: () => Promise<T>): Promise<T> {
    if (this.#closed) return Promise.reject(closedError());
    const call = (async () => {
      checkPath(path, action);
      return await run();
    })();
    this.#calls.add(call);
    const settle = () => void this.#calls.delete(call);
    call.then(settle, settle);
    return call;
  }

  /** Asks for permission by the path that Deno's own function would get. */
  #check(check: (path: string) => void, path: string): void {
    const names: string[] = [];
    for (const name of path.split("/")) {
      if (name === "..") names.pop();
      else if (name !== "" && name !== ".") names.push(name);
    }
    check(names.length === 0 ? this.#root : joinPath(this.#root, names.join("/")));
  }

  #open(path: string, flags: number, action: string, mode?: number): Promise<number> {
    return openBeneath(this.#files, this.#directory, path, { flags, mode: mode ?? 0, action });
  }

  #withParent<T>(
    path: string,
    action: string,
    whenNone: number,
    call: (parent: BeneathParent) => Promise<T>,
  ): Promise<T> {
    return withParent(this.#files, this.#directory, path, action, whenNone, call);
  }

  #stat(path: string, flags: number): Promise<Deno.FileInfo> {
    const action = `stat '${path}'`;
    return this.#call(path, action, async () => {
      this.#check(checkRead, path);
      const fd = await this.#open(path, OpenFlag.PATH | flags, action);
      try {
        return await statDescriptor(this.#files, fd, action);
      } finally {
        this.#files.engine.closeDescriptor(fd);
      }
    });
  }

  #mkdir(path: string, mode: number, action: string): Promise<void> {
    return this.#withParent(path, action, Errno.EEXIST, async (parent) => {
      const result = await callOnName(this.#files, Op.MKDIRAT, parent, { length: mode });
      if (result < 0) throw osError(result, action);
    });
  }

  async *#entries(fd: number, action: string): AsyncIterable<Deno.DirEntry[]> {
    const bytes = new Uint8Array(LARGE_BLOCK_BYTES);
    for (let filled; (filled = await readEntriesSoon(fd, bytes)) > 0;) {
      const { entries, unknown } = decodeEntries(bytes.subarray(0, filled));
      for (const entry of unknown) {
        const info = await statDescriptor(this.#files, fd, action, entry.name);
        const { isFile, isDirectory, isSymlink } = info;
        Object.assign(entry, { isFile, isDirectory, isSymlink });
      }
      yield entries;
    }
  }

  async #removeOne(parent: BeneathParent, action: string): Promise<void> {
    let result = await callOnName(this.#files, Op.UNLINKAT, parent);
    if (result === -Errno.EISDIR) {
      result = await callOnName(this.#files, Op.UNLINKAT, parent, { flags: AtFlag.REMOVEDIR });
    }
    if (result < 0) throw osError(result, action);
  }

  /** Goes from directory to directory by descriptors: nothing can be put in between. */
  async #removeAll(parent: BeneathParent, action: string): Promise<void> {
    const result = await callOnName(this.#files, Op.UNLINKAT, parent);
    if (result >= 0) return;
    if (result !== -Errno.EISDIR) throw osError(result, action);
    const flags = OpenFlag.RDONLY | OpenFlag.DIRECTORY | OpenFlag.NOFOLLOW;
    const { directory, name } = parent;
    const fd = await openBeneath(this.#files, directory, name, { flags, action });
    try {
      // A list is whole before its entries are removed, and the place in the directory stays valid.
      for await (const entries of this.#entries(fd, action)) {
        for (const entry of entries) {
          await this.#removeAll({ directory: fd, name: entry.name }, action);
        }
      }
    } finally {
      this.#files.engine.closeDescriptor(fd);
    }
    const removed = await callOnName(this.#files, Op.UNLINKAT, parent, { flags: AtFlag.REMOVEDIR });
    if (removed < 0) throw osError(removed, action);
  }
}
