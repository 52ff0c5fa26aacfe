// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkBytes } from "./arguments.ts";

/** What is read and written at a position or at a cursor: `FsFile` is. */
export interface VectorFile {
  /** Reads at the cursor. */
  read(p: Uint8Array): Promise<number | null>;
  /** Writes at the cursor. */
  write(p: Uint8Array): Promise<number>;
  /** Reads at a position. */
  readAt(p: Uint8Array, position: number): Promise<number | null>;
  /** Writes at a position. */
  writeAt(p: Uint8Array, position: number): Promise<number>;
}

/**
 * Fills several buffers with one read. The bytes come in one piece of memory, from which they are
 * handed out: the kernel is never shown the user's own.
 */
export async function readVector(
  file: VectorFile,
  buffers: readonly Uint8Array[],
  position: number | undefined,
): Promise<number | null> {
  buffers.forEach(checkBytes);
  const bytes = new Uint8Array(totalBytes(buffers));
  const reading = position === undefined ? file.read(bytes) : file.readAt(bytes, position);
  const count = await reading;
  let at = 0;
  for (const buffer of buffers) {
    if (count === null || at >= count) break;
    const end = Math.min(at + buffer.length, count);
    buffer.set(bytes.subarray(at, end));
    at = end;
  }
  return count;
}

/** Writes several buffers with one write. */
export async function writeVector(
  file: VectorFile,
  buffers: readonly Uint8Array[],
  position: number | undefined,
): Promise<number> {
  buffers.forEach(checkBytes);
  const bytes = new Uint8Array(totalBytes(buffers));
  let at = 0;
  for (const buffer of buffers) {
    bytes.set(buffer, at);
    at += buffer.length;
  }
  return await (position === undefined ? file.write(bytes) : file.writeAt(bytes, position));
}

function totalBytes(buffers: readonly Uint8Array[]): number {
  return buffers.reduce((sum, { length }) => sum + length, 0);
}
