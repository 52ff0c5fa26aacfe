// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Refuses what is no buffer of bytes, in Deno's words.
 *
 * @throws {TypeError} when it is none
 */
export function checkBytes(p: unknown): asserts p is Uint8Array {
  if (!(p instanceof Uint8Array)) throw new TypeError("expected typed ArrayBufferView");
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
