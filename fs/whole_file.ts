// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkBytes } from "./arguments.ts";
import type { FileSystem, RandomAccessFile } from "./file_system.ts";

/**
 * Reads until a buffer is full or the file ends.
 *
 * @returns How many bytes
 *
 * @example The first bytes of a file
 * ```ts
 * import { MemoryFs, readFullAt, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new Uint8Array([1, 2, 3]));
 * using file = await memory.open("a");
 * assertEquals(await readFullAt(file, new Uint8Array(8), 1), 2);
 * ```
 */
export async function readFullAt(
  file: RandomAccessFile,
  into: Uint8Array,
  offset: number,
): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const count = await file.readAt(into.subarray(filled), offset + filled);
    if (count === null) break;
    filled += count;
  }
  return filled;
}

/**
 * Writes all of it at an offset.
 *
 * @throws {Deno.errors.WriteZero} when the file takes no more
 *
 * @example Write behind what is there
 * ```ts
 * import { MemoryFs, writeAllAt } from "@photon/std/fs";
 *
 * using file = await new MemoryFs().open("a", { write: true, create: true });
 * await writeAllAt(file, new Uint8Array([1, 2, 3]), (await file.stat()).size);
 * ```
 */
export async function writeAllAt(
  file: Pick<RandomAccessFile, "writeAt">,
  bytes: Uint8Array,
  offset: number,
): Promise<void> {
  checkBytes(bytes);
  for (let written = 0; written < bytes.length;) {
    const count = await file.writeAt(bytes.subarray(written), offset + written);
    if (count === 0) throw new Deno.errors.WriteZero("Cannot write: the file takes no more bytes");
    written += count;
  }
}

/**
 * Reads a whole file.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example A file of any file system
 * ```ts
 * import { MemoryFs, readWhole, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new Uint8Array([1, 2, 3]));
 * assertEquals(await readWhole(memory, "a"), new Uint8Array([1, 2, 3]));
 * ```
 */
export async function readWhole(
  system: FileSystem,
  path: string,
): Promise<Uint8Array<ArrayBuffer>> {
  using file = await system.open(path);
  // It may have grown, or be one that tells no size.
  let bytes = new Uint8Array((await file.stat()).size + 1);
  for (let filled = 0;;) {
    filled += await readFullAt(file, bytes.subarray(filled), filled);
    if (filled < bytes.length) return bytes.subarray(0, filled);
    const larger = new Uint8Array(bytes.length * 2);
    larger.set(bytes);
    bytes = larger;
  }
}

/**
 * Writes a whole file in place of what is there.
 *
 * @example A file of any file system
 * ```ts
 * import { MemoryFs, writeWhole } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const memory = new MemoryFs();
 * await writeWhole(memory, "a", new Uint8Array(3));
 * assertEquals((await memory.stat("a")).size, 3);
 * ```
 */
export async function writeWhole(
  system: FileSystem,
  path: string,
  bytes: Uint8Array,
): Promise<void> {
  // Before the file is emptied.
  checkBytes(bytes);
  using file = await system.open(path, { write: true, create: true, truncate: true });
  await writeAllAt(file, bytes, 0);
}
