// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import {
  ExportPromises,
  type NodeDirent,
  type NodeFlags,
  nodeFlags,
  type NodeReadOptions,
  NodeStats,
  type NodeWriteOptions,
} from "./export_promises.ts";
import type { FileSystem, RandomAccessFile } from "./file_system.ts";

/** What `node:fs` calls back with: an error, or null and results. */
export type NodeCallback<R extends unknown[] = []> = (
  error: (Error & { code?: string }) | null,
  ...results: Partial<R>
) => void;

/** A function whose last argument is a callback, and whose last but one may be left out. */
export interface NodeFunction<A extends unknown[], O, R extends unknown[] = []> {
  /** Without what may be left out. */
  (...args: [...A, NodeCallback<R>]): void;
  /** With it. */
  (...args: [...A, O, NodeCallback<R>]): void;
}

/** Files that are open at once; more fail with EMFILE. */
const FILES_MAX = 65_536;

/**
 * A file system in the shape of `node:fs`, for libraries that take an object with its functions:
 * each takes a callback as its last argument, and those on paths are there once more below
 * `promises`. There are those that such libraries use. The streams of node are not among them;
 * {@linkcode readableOf} gives those of the web.
 *
 * @example Read a file with a callback
 * ```ts
 * import { ExportFs, MemoryFs, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new TextEncoder().encode("hello"));
 * const fs = new ExportFs(memory);
 * fs.readFile("a", "utf8", (error, text) => assertEquals([error, text], [null, "hello"]));
 * assertEquals(await fs.promises.readFile("a", "utf8"), "hello");
 * ```
 */
export class ExportFs {
  /** The functions on paths with promises. */
  readonly promises: ExportPromises;
  readonly #system: FileSystem;
  readonly #handles = new Map<number, Handle>();
  #lastDescriptor = 2;

  /** Reads a whole file. */
  readonly readFile: NodeFunction<[path: string], NodeReadOptions, [string | Uint8Array]>;
  /** Writes a whole file. */
  readonly writeFile: NodeFunction<[path: string, data: string | Uint8Array], NodeWriteOptions>;
  /** Writes at the end of a file. */
  readonly appendFile: NodeFunction<[path: string, data: string | Uint8Array], null>;
  /** Says what is at a path; symbolic links are followed. */
  readonly stat: NodeFunction<[path: string], null, [NodeStats]>;
  /** Says what is at a path; a symbolic link is what it is. */
  readonly lstat: NodeFunction<[path: string], null, [NodeStats]>;
  /** Fails when there is nothing at a path. */
  readonly access: NodeFunction<[path: string], number>;
  /** The names in a directory, or its entries. */
  readonly readdir: NodeFunction<
    [path: string],
    { withFileTypes?: boolean } | null,
    [(string | NodeDirent)[]]
  >;
  /** Makes a directory. */
  readonly mkdir: NodeFunction<[path: string], number | Deno.MkdirOptions | null>;
  /** Removes an empty directory. */
  readonly rmdir: NodeFunction<[path: string], null>;
  /** Removes a file or a link. */
  readonly unlink: NodeFunction<[path: string], null>;
  /** Removes what is at a path. */
  readonly rm: NodeFunction<[path: string], { recursive?: boolean; force?: boolean } | null>;
  /** Moves what is at a path. */
  readonly rename: NodeFunction<[oldPath: string, newPath: string], null>;
  /** Where a symbolic link leads. */
  readonly readlink: NodeFunction<[path: string], null, [string]>;
  /** Makes a symbolic link. */
  readonly symlink: NodeFunction<[target: string, path: string], null>;
  /** Cuts or extends a file. */
  readonly truncate: NodeFunction<[path: string], number>;

  /** The files of `system`. */
  constructor(system: FileSystem) {
    this.#system = system;
    const promises = this.promises = new ExportPromises(system);
    this.readFile = calledBack(promises, promises.readFile);
    this.writeFile = calledBack(promises, promises.writeFile);
    this.appendFile = calledBack(promises, promises.appendFile);
    this.stat = calledBack(promises, promises.stat);
    this.lstat = calledBack(promises, promises.lstat);
    this.access = calledBack(promises, promises.access);
    this.readdir = calledBack(promises, promises.readdir);
    this.mkdir = calledBack(promises, promises.mkdir);
    this.rmdir = calledBack(promises, promises.rmdir);
    this.unlink = calledBack(promises, promises.unlink);
    this.rm = calledBack(promises, promises.rm);
    this.rename = calledBack(promises, promises.rename);
    this.readlink = calledBack(promises, promises.readlink);
    this.symlink = calledBack(promises, promises.symlink);
    this.truncate = calledBack(promises, promises.truncate);
  }

  /** Opens a file to be read; gives a number for it. */
  open(path: string, callback: NodeCallback<[number]>): void;
  /** Opens a file as the flags say. */
  open(path: string, flags: NodeFlags, callback: NodeCallback<[number]>): void;
  /** Opens a file as the flags say, which gets these permission bits if it is made. */
  open(path: string, flags: NodeFlags, mode: number, callback: NodeCallback<[number]>): void;
  open(path: string, ...rest: unknown[]): void {
    const callback = rest.pop() as NodeCallback<[number]>;
    const [flags, mode] = rest as [NodeFlags?, number?];
    answer(this.#openFile(path, flags ?? "r", mode), callback);
  }

  /** Closes a file. */
  close(fd: number, callback: NodeCallback = () => {}): void {
    answer(this.#with(fd, ({ file }) => (this.#handles.delete(fd), file.close())), callback);
  }

  /**
   * Reads into a part of a buffer.
   *
   * @param position Where to begin; null for where the last read or write of this kind ended
   */
  read(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    byteLength: number,
    position: number | null,
    callback: NodeCallback<[number, Uint8Array]>,
  ): void {
    const reading = this.#with(fd, async (handle) => {
      const into = part(buffer, offset, byteLength);
      const count = await handle.file.readAt(into, position ?? handle.position) ?? 0;
      if (position === null) handle.position += count;
      return count;
    });
    answer(reading, (error, count) => callback(error, count ?? 0, buffer));
  }

  /**
   * Writes a part of a buffer; at the end of a file that was opened to append.
   *
   * @param position Where to begin; null for where the last read or write of this kind ended
   */
  write(
    fd: number,
    buffer: Uint8Array,
    offset: number,
    byteLength: number,
    position: number | null,
    callback: NodeCallback<[number, Uint8Array]>,
  ): void {
    const writing = this.#with(fd, async (handle) => {
      const { file, isAppending } = handle;
      const bytes = part(buffer, offset, byteLength);
      const at = isAppending ? (await file.stat()).size : position ?? handle.position;
      const count = await file.writeAt(bytes, at);
      if (position === null) handle.position = at + count;
      return count;
    });
    answer(writing, (error, count) => callback(error, count ?? 0, buffer));
  }

  /** Says what an open file is. */
  fstat(fd: number, callback: NodeCallback<[NodeStats]>): void {
    answer(this.#with(fd, async ({ file }) => new NodeStats(await file.stat())), callback);
  }

  /** Cuts or extends an open file. */
  ftruncate(fd: number, byteLength: number, callback: NodeCallback): void {
    answer(this.#with(fd, ({ file }) => file.truncate(byteLength)), callback);
  }

  /** Calls back when what was written would survive a loss of power. */
  fsync(fd: number, callback: NodeCallback): void {
    answer(this.#with(fd, ({ file }) => file.sync()), callback);
  }

  async #openFile(path: string, flags: NodeFlags, mode: number | undefined): Promise<number> {
    if (this.#handles.size >= FILES_MAX) throw osError(Errno.EMFILE, `open '${path}'`);
    const file = await this.#system.open(path, nodeFlags(flags, mode));
    const fd = ++this.#lastDescriptor;
    this.#handles.set(fd, { file, isAppending: flags.startsWith("a"), position: 0 });
    return fd;
  }

  async #with<T>(fd: number, run: (handle: Handle) => T | Promise<T>): Promise<T> {
    const handle = this.#handles.get(fd);
    if (handle === undefined) throw osError(Errno.EBADF);
    return await run(handle);
  }
}

/** An open file, which has a position as node's have. */
interface Handle {
  readonly file: RandomAccessFile;
  readonly isAppending: boolean;
  position: number;
}

/** The same function with a callback behind its arguments. */
function calledBack<F>(
  promises: ExportPromises,
  run: (...args: never[]) => Promise<unknown>,
): F {
  const call = (...args: unknown[]) => {
    const callback = args.pop();
    if (typeof callback !== "function") throw new TypeError("Cannot call: there is no callback");
    answer(run.apply(promises, args as never[]), callback as NodeCallback<[unknown]>);
  };
  return call as F;
}

/** Calls back in a turn of its own: what the callback throws is not ours to catch. */
function answer<T>(result: Promise<T>, callback: NodeCallback<[T]> | NodeCallback): void {
  const call = callback as NodeCallback<[T]>;
  result.then(
    (value) => queueMicrotask(() => call(null, value)),
    (error) => queueMicrotask(() => call(error)),
  );
}

function part(buffer: Uint8Array, offset: number, byteLength: number): Uint8Array {
  if (offset >= 0 && byteLength >= 0 && offset + byteLength <= buffer.length) {
    return buffer.subarray(offset, offset + byteLength);
  }
  throw new RangeError(
    `Cannot use ${byteLength} bytes at ${offset}: the buffer has ${buffer.length}`,
  );
}
