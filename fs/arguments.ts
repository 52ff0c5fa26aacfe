// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import type { ByteRange } from "./open_file.ts";

/**
 * Refuses what is no buffer of bytes.
 *
 * @throws {TypeError} when it is none
 */
export function checkBytes(p: unknown): asserts p is Uint8Array {
  if (!(p instanceof Uint8Array)) {
    throw new TypeError("Cannot transfer bytes: the buffer must be a Uint8Array");
  }
}

/**
 * Refuses what is no place in a file.
 *
 * @throws {RangeError} when it is negative or no integer
 */
export function checkPosition(position: number): void {
  if (Number.isSafeInteger(position) && position >= 0) return;
  throw new RangeError(
    `Cannot use the file: position must be an integer of at least 0, received ${position}`,
  );
}

/**
 * The length that a file is to have, as Deno takes one: fractions are cut off, and a negative one
 * counts as 0.
 *
 * @param action What is being done, where it is to a path
 * @throws {Error} when no file can have it (`code` is `"EFBIG"`)
 */
export function fileLength(len: number, action?: string): number {
  const length = Math.max(0, Math.trunc(len)) || 0;
  if (length > Number.MAX_SAFE_INTEGER) throw osError(Errno.EFBIG, action);
  return length;
}

/** How far a cursor is to be moved, as Deno takes it: fractions are cut off. */
export function seekOffset(offset: number | bigint): number | bigint {
  if (typeof offset === "bigint") return offset;
  return Math.max(-SEEK_MAX, Math.min(Math.trunc(offset) || 0, SEEK_MAX));
}

/**
 * Refuses what is no way to move a cursor.
 *
 * @throws {TypeError} when it is none
 */
export function checkSeekMode(whence: Deno.SeekMode): void {
  if (whence === 0 || whence === 1 || whence === 2) return;
  throw new TypeError(`Invalid seek mode: ${whence}`);
}

/** The largest that fits into 64 bits with a sign. */
const SEEK_MAX = 2 ** 63 - 1024;

/**
 * A range with its defaults: from the start, to the end.
 *
 * @throws {RangeError} when a part is negative or no integer
 */
export function rangeOf({ offset = 0, length = Infinity }: ByteRange): Required<ByteRange> {
  checkPosition(offset);
  if (length !== Infinity && (!Number.isSafeInteger(length) || length < 0)) {
    throw new RangeError(
      `Cannot use the file: length must be an integer of at least 0, received ${length}`,
    );
  }
  return { offset, length };
}
