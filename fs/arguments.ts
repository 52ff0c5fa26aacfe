// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
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
