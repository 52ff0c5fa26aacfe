// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A tree of files, wherever it is kept: on this machine, in memory, in an archive, behind a server
 * or behind another `FileSystem`. Whatever takes one works on all of them.
 *
 * Paths are names between slashes, from the root of the file system; `.` and `..` mean what they
 * mean everywhere, and above the root is the root. ({@linkcode LocalFs} takes paths as Deno does,
 * {@linkcode SubFs} refuses those that lead out.) Options, results and errors are Deno's: what is
 * missing rejects with `Deno.errors.NotFound`, what a read-only file system is asked to change
 * with an error whose `code` is `"EROFS"`, what it has no way to do with
 * `Deno.errors.NotSupported`.
 */
export interface FileSystem {
  /** Opens a file; without options it is read only. */
  open(path: string, options?: OpenFileOptions): Promise<RandomAccessFile>;
  /** Says what is at a path; symbolic links are followed. */
  stat(path: string): Promise<Deno.FileInfo>;
  /** Says what is at a path; a symbolic link is what it is. */
  lstat(path: string): Promise<Deno.FileInfo>;
  /** What a directory contains, in no particular order. */
  readDir(path: string): AsyncIterable<Deno.DirEntry>;
  /** Makes a directory. */
  mkdir(path: string, options?: Deno.MkdirOptions): Promise<void>;
  /** Removes a file, a link or a directory, which must be empty unless `recursive` is set. */
  remove(path: string, options?: Deno.RemoveOptions): Promise<void>;
  /** Moves a file or directory; a file at the new path is replaced at once. */
  rename(oldPath: string, newPath: string): Promise<void>;
  /** Makes a symbolic link that leads to `target`, which is not looked at. */
  symlink(target: string, path: string): Promise<void>;
  /** Where a symbolic link leads. */
  readLink(path: string): Promise<string>;
}

/**
 * An open file that is read and written at offsets. It has no position of its own, so that any
 * number of reads and writes may be in flight.
 */
export interface RandomAccessFile extends Disposable {
  /**
   * Reads at an offset, in bytes from the beginning.
   *
   * @returns How many bytes, of which there may be fewer than `into` has room for; null at the end
   */
  readAt(into: Uint8Array, offset: number): Promise<number | null>;
  /**
   * Writes at an offset; between the end of the file and there it is filled with zeros.
   *
   * @returns How many bytes were written, which may be fewer than there are
   */
  writeAt(bytes: Uint8Array, offset: number): Promise<number>;
  /** Says what it is now. */
  stat(): Promise<Deno.FileInfo>;
  /** Cuts it, or extends it with zeros, to a length of 0 bytes unless said otherwise. */
  truncate(byteLength?: number): Promise<void>;
  /** Makes a range read as zeros and gives its space back; the length of the file stays. */
  punch(offset: number, byteLength: number): Promise<void>;
  /**
   * Locks it until it is closed, if nobody else has; where there are no locks it is not there.
   *
   * @returns Whether it is locked now
   */
  tryLock?(exclusive?: boolean): Promise<boolean>;
  /** Resolves when what was written would survive a loss of power. */
  sync(): Promise<void>;
  /**
   * Closes it; what is in flight may still fail or finish.
   *
   * @throws {Deno.errors.BadResource} when it was closed before
   */
  close(): void;
}

/** Options of {@linkcode FileSystem.open}: Deno's, but for `append`, which goes by a position. */
export type OpenFileOptions = Omit<Deno.OpenOptions, "append">;
