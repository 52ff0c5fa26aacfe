// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import {
  newFileStatus,
  openCached,
  OpenFlag,
  readCached,
  Resolve,
  statCached,
} from "../ffi/file.ts";
import { checkRead } from "../ffi/permission.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { openBeneath, statDescriptor } from "./beneath.ts";
import { deviceOf, fileInfo } from "./file_info.ts";
import { kernelPath } from "./kernel_path.ts";
import { joinPath, pathText } from "./path.ts";
import { type RingFiles, ringFiles } from "./ring_files.ts";
import { UringFile } from "./uring_file.ts";

/** What was found below a {@linkcode ServedFolder}: open, and to be closed by who asked for it. */
export interface ServedEntry {
  /** What it is. */
  readonly info: Deno.FileInfo;
  /** The descriptor; -1 on the portable engine. */
  readonly fd: number;
  /** Reads at an offset: how many bytes, or null at the end. */
  readAt(into: Uint8Array, offset: number): Promise<number | null>;
  /** Reads at once what is in memory of a file of this machine: how many bytes, or less than 0. */
  readNow(into: Uint8Array, offset: number): number;
  /** Closes it; calling again does nothing. */
  close(): void;
}

/**
 * A folder whose files are given to strangers, by paths that they say.
 *
 * Nothing outside is ever opened: on the ring the kernel sees to it (`RESOLVE_BENEATH`), on the
 * portable engine the path is resolved first and compared, which somebody who can exchange a
 * directory for a link at that moment can deceive. A pipe or a device is not waited for.
 *
 * What the kernel has in memory is opened in the call, with no promise (3 us); files that belong to
 * nobody's mount but this machine's.
 */
export class ServedFolder {
  readonly #files: RingFiles | null;
  readonly #path: string;
  readonly #directory: number;
  readonly #isLocal: boolean;

  /** Use {@linkcode ServedFolder.open}. */
  constructor(files: RingFiles | null, path: string, directory: number, isLocal: boolean) {
    this.#files = files;
    this.#path = path;
    this.#directory = directory;
    this.#isLocal = isLocal;
  }

  /**
   * Opens a folder, which stays the same when it is moved.
   *
   * @throws {Deno.errors.NotFound} when there is none
   * @throws {Deno.errors.NotADirectory} when it is none
   * @throws {Deno.errors.NotCapable} when it may not be read
   */
  static async open(root: string | URL): Promise<ServedFolder> {
    const text = pathText(root);
    checkRead(text);
    const path = await Deno.realPath(text);
    const files = ringFiles();
    if (!(await Deno.stat(path)).isDirectory) throw osError(Errno.ENOTDIR, `open '${text}'`);
    if (files === null) return new ServedFolder(null, path, -1, false);
    const bytes = kernelPath(path);
    const flags = OpenFlag.PATH | OpenFlag.DIRECTORY;
    const directory = bytes === null ? -Errno.ENAMETOOLONG : openCached(bytes, flags);
    if (directory < 0) throw osError(directory, `open '${text}'`);
    const isLocal = statCached(directory, status) === 0 && files.mounts.hasDevice(deviceOf(status));
    return new ServedFolder(files, path, directory, isLocal);
  }

  /**
   * Opens what is at a path, which is relative and has no `..`; null when there is nothing that may
   * be seen.
   *
   * @throws {Error} what else the kernel refuses with
   */
  find(path: string): ServedEntry | null | Promise<ServedEntry | null> {
    const files = this.#files;
    if (files === null) return this.#findPortable(path);
    if (this.#isLocal && files.engine.direct.takeTime(FIND_US)) {
      const bytes = kernelPath(path);
      const fd = bytes === null
        ? -Errno.ENAMETOOLONG
        : openCached(bytes, READ_FLAGS, BENEATH, this.#directory);
      if (fd >= 0) return this.#found(files, fd);
      if (fd === -Errno.ENOENT || fd === -Errno.ENOTDIR) return null;
    }
    return this.#findSoon(files, path);
  }

  /** What a directory contains. */
  async *readDir(path: string): AsyncIterable<Deno.DirEntry> {
    yield* Deno.readDir(path === "." ? this.#path : joinPath(this.#path, path));
  }

  /** Closes the folder; what was found stays open. */
  close(): void {
    if (this.#directory >= 0) closeDescriptor(this.#directory);
  }

  #found(files: RingFiles, fd: number): ServedEntry | Promise<ServedEntry> {
    if (statCached(fd, status) !== 0) {
      return statDescriptor(files, fd, "stat").then((info) =>
        new RingEntry(files, fd, info, false)
      );
    }
    const isLocal = files.mounts.hasDevice(deviceOf(status));
    return new RingEntry(files, fd, fileInfo(status), isLocal);
  }

  async #findSoon(files: RingFiles, path: string): Promise<ServedEntry | null> {
    let fd: number;
    try {
      const options = { flags: READ_FLAGS, action: `open '${path}'` };
      fd = await openBeneath(files, this.#directory, path, options);
    } catch (error) {
      if (isHidden(error)) return null;
      throw error;
    }
    return await this.#found(files, fd);
  }

  async #findPortable(path: string): Promise<ServedEntry | null> {
    try {
      const real = await Deno.realPath(path === "." ? this.#path : joinPath(this.#path, path));
      if (real !== this.#path && !real.startsWith(joinPath(this.#path, ""))) return null;
      const info = await Deno.stat(real);
      // To open a pipe would wait for its other end.
      const file = info.isFile ? await Deno.open(real) : null;
      return new PortableEntry(info, file);
    } catch (error) {
      if (isHidden(error)) return null;
      throw error;
    }
  }
}

/** What opening and asking what it is take. */
const FIND_US = 4;
const READ_FLAGS = OpenFlag.RDONLY | OpenFlag.NONBLOCK | OpenFlag.NOCTTY;
const BENEATH = Resolve.BENEATH | Resolve.NO_MAGICLINKS;
/** Refusals after which a path is as good as not there: what may not be read, or leads out. */
const HIDDEN_CODES: ReadonlySet<string> = new Set([
  ...["ENOENT", "ENOTDIR", "EACCES", "EPERM", "ELOOP", "EXDEV", "ENAMETOOLONG", "ENXIO", "ENODEV"],
]);

function isHidden(error: unknown): boolean {
  const { code } = error as { code?: string };
  if (code !== undefined && HIDDEN_CODES.has(code)) return true;
  const { NotFound, PermissionDenied, NotADirectory, FilesystemLoop } = Deno.errors;
  return [NotFound, PermissionDenied, NotADirectory, FilesystemLoop].some((c) =>
    error instanceof c
  );
}

/** Reused by every call: none of them waits. */
const status = newFileStatus();

class RingEntry implements ServedEntry {
  readonly info: Deno.FileInfo;
  readonly fd: number;
  readonly #files: RingFiles;
  #file: UringFile | null = null;
  readonly #isLocal: boolean;
  #closed = false;

  constructor(files: RingFiles, fd: number, info: Deno.FileInfo, isLocal: boolean) {
    this.#files = files;
    this.#isLocal = isLocal;
    this.fd = fd;
    this.info = info;
  }

  readAt(into: Uint8Array, offset: number): Promise<number | null> {
    this.#file ??= new UringFile(this.#files, this.fd, this.#isLocal);
    return this.#file.readAt(into, offset);
  }

  readNow(into: Uint8Array, offset: number): number {
    return this.#isLocal ? readCached(this.fd, into, offset) : -Errno.EOPNOTSUPP;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#file !== null) this.#file.close();
    else closeDescriptor(this.fd);
  }
}

class PortableEntry implements ServedEntry {
  readonly info: Deno.FileInfo;
  readonly fd = -1;
  readonly #file: Deno.FsFile | null;
  #closed = false;

  constructor(info: Deno.FileInfo, file: Deno.FsFile | null) {
    this.info = info;
    this.#file = file;
  }

  async readAt(into: Uint8Array, offset: number): Promise<number | null> {
    await this.#file!.seek(offset, Deno.SeekMode.Start);
    return await this.#file!.read(into);
  }

  readNow(): number {
    return -Errno.EOPNOTSUPP;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#file?.close();
  }
}
