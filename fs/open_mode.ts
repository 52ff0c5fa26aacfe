// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import type { OpenFileOptions } from "./file_system.ts";

/** What {@linkcode OpenFileOptions} come to. */
export interface OpenMode {
  /** Whether it may be read. */
  readonly read: boolean;
  /** Whether it may be written. */
  readonly write: boolean;
  /** Whether it is made when it is not there. */
  readonly create: boolean;
  /** Whether it must not be there. */
  readonly createNew: boolean;
  /** Whether it is emptied. */
  readonly truncate: boolean;
  /** Permission bits of a new file, before the umask. */
  readonly mode: number;
}

/**
 * Fills in the defaults, and refuses what `Deno.open` refuses.
 *
 * @throws {TypeError} when nothing is asked for, or to make or empty a file that is not written
 */
export function openMode(options: OpenFileOptions = { read: true }): OpenMode {
  const { read = false, write = false, create = false, createNew = false } = options;
  const { truncate = false, mode = 0o666 } = options;
  if ("append" in options && options.append) {
    throw new TypeError("Cannot open a file to append: write at the offset that stat() gives");
  }
  if (!write && (!read || create || createNew || truncate)) {
    throw osError(Errno.EINVAL, "open: such options contradict each other");
  }
  return { read, write, create: create || createNew, createNew, truncate, mode };
}

/** Whether a mode may change anything. */
export function isChange(mode: OpenMode): boolean {
  return mode.write || mode.create || mode.truncate;
}

/**
 * Refuses to open what is only read in a way that may change it.
 *
 * @throws {Error} with the code `"EROFS"`
 */
export function checkReadOnly(path: string, options: OpenFileOptions | undefined): void {
  if (isChange(openMode(options))) throw readOnlyError(`open '${path}'`);
}

/** The error for a change of what can only be read (`code` is `"EROFS"`). */
export function readOnlyError(action: string): Error & { code: string } {
  return osError(Errno.EROFS, action);
}

/** The error for the use of a file that is closed. */
export function closedError(): Deno.errors.BadResource {
  return new Deno.errors.BadResource("File has been closed");
}
