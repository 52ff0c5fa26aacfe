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
export { alignedBytes } from "./aligned_bytes.ts";
export { AlignedFile, ALIGNMENT_BYTES } from "./aligned_file.ts";
export { copyFile, type CopyFileOptions } from "./copy_file.ts";
export { copyTree, type CopyTreeOptions } from "./copy_tree.ts";
export * from "./deno_operations.ts";
export {
  ATTRIBUTE_BYTES_MAX,
  getAttribute,
  listAttributes,
  removeAttribute,
  setAttribute,
} from "./extended_attributes.ts";
export { FileReader, type FileReaderOptions } from "./file_reader.ts";
export { FsFile, type LockOptions } from "./fs_file.ts";
export { create, open } from "./open.ts";
export type { Advice, AllocateMode, ByteRange, OpenFile } from "./open_file.ts";
export { link, mkdir, remove, rename, truncate } from "./path_operations.ts";
export { readDir } from "./read_dir.ts";
export { readFile, readTextFile } from "./read_file.ts";
export { removeTree, type RemoveTreeOptions } from "./remove_tree.ts";
export { lstat, stat } from "./stat.ts";
export { walk, type WalkEntry, type WalkOptions } from "./walk.ts";
export { writeFile, writeTextFile } from "./write_file.ts";
export { writeFileAtomic, type WriteFileAtomicOptions } from "./write_file_atomic.ts";

export type { CacheStatistics } from "./cache_entry.ts";
export { CachedFs, type CachedFsOptions, type PrefetchOptions } from "./cached_fs.ts";
export { crc32c } from "./crc32c.ts";
export { crc64Ecma, crc64Nvme } from "./crc64.ts";
export { ExportFs, type NodeCallback, type NodeFunction } from "./export_fs.ts";
export {
  ExportPromises,
  type NodeDirent,
  type NodeFlags,
  type NodeReadOptions,
  NodeStats,
  type NodeWriteOptions,
} from "./export_promises.ts";
export {
  readableOf,
  type ReadableOfOptions,
  writableOf,
  type WritableOfOptions,
} from "./file_stream.ts";
export type { FileSystem, OpenFileOptions, RandomAccessFile } from "./file_system.ts";
export { HttpFs, type HttpFsOptions } from "./http_fs.ts";
export { LocalFs } from "./local_fs.ts";
export { MemoryFs, type MemoryFsOptions } from "./memory_fs.ts";
export { ReadOnlyFs } from "./read_only_fs.ts";
export type { StripeLayout } from "./stripe_layout.ts";
export { StripedFile } from "./striped_file.ts";
export { StripedFs } from "./striped_fs.ts";
export { SubFs } from "./sub_fs.ts";
export { TarFs } from "./tar_fs.ts";
export { ThrottledFs, type ThrottledFsOptions } from "./throttled_fs.ts";
export { readFullAt, readWhole, writeAllAt, writeWhole } from "./whole_file.ts";
export { XxHash32, xxHash32, XxHash64, xxHash64 } from "./xxhash.ts";
export { xxHash3 } from "./xxhash3.ts";
