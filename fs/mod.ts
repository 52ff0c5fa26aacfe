// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Files with Deno's own functions and types, on io_uring, and file systems that compose.
 *
 * Change the import and keep the code: what has a name in Deno behaves as Deno's does, on the ring
 * where the kernel offers it and on Deno's API elsewhere.
 *
 * ```ts
 * import { open } from "@photon/std/fs";
 *
 * const path = await Deno.makeTempFile();
 * using file = await open(path, { read: true, write: true });
 * await file.writeAt(new TextEncoder().encode("hello"), 0);
 * ```
 *
 * @module
 */
export { copyFile, type CopyFileOptions } from "./copy_file.ts";
export * from "./deno_operations.ts";
export { FsFile } from "./fs_file.ts";
export { create, open } from "./open.ts";
export type { Advice, AllocateMode, ByteRange, OpenFile } from "./open_file.ts";
export { link, mkdir, remove, rename, truncate } from "./path_operations.ts";
export { readDir } from "./read_dir.ts";
export { readFile, readTextFile } from "./read_file.ts";
export { removeTree, type RemoveTreeOptions } from "./remove_tree.ts";
export { lstat, stat } from "./stat.ts";
export { writeFile, writeTextFile } from "./write_file.ts";
