// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { osError } from "../ffi/errno.ts";
import {
  AtFlag,
  CURRENT_DIRECTORY,
  newFileStatus,
  openCached,
  OpenFlag,
  statCached,
  STATX_WANTED,
} from "../ffi/file.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { admit } from "./access.ts";
import { CallMemory } from "./call_memory.ts";
import { deviceOf, fileInfo } from "./file_info.ts";
import { kernelPath } from "./kernel_path.ts";
import { checkPath, pathText } from "./path.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";

/**
 * What a file is: type, size, times. Follows links. Drop-in for {@linkcode Deno.stat}.
 *
 * What the kernel has in memory is told at once (3 us), the rest by a thread of the kernel's.
 *
 * @throws {Deno.errors.NotFound} when there is none
 *
 * @example The size of a file
 * ```ts
 * import { stat } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * assert((await stat(Deno.execPath())).size > 0);
 * ```
 */
export async function stat(path: string | URL): Promise<Deno.FileInfo> {
  const text = pathText(path);
  checkPath(text, `stat '${text}'`);
  const files = admit("read", text);
  return files === null ? await Deno.stat(path) : await uringStat(files, text, true);
}

/**
 * As {@linkcode stat}, of the link itself where the path names one. Drop-in for
 * {@linkcode Deno.lstat}.
 *
 * @example A link is a link
 * ```ts
 * import { lstat } from "@photon/std/fs";
 * import { assert } from "@std/assert";
 *
 * const folder = await Deno.makeTempDir();
 * await Deno.symlink("nowhere", `${folder}/link`);
 * assert((await lstat(`${folder}/link`)).isSymlink);
 * ```
 */
export async function lstat(path: string | URL): Promise<Deno.FileInfo> {
  const text = pathText(path);
  checkPath(text, `lstat '${text}'`);
  const files = admit("read", text);
  return files === null ? await Deno.lstat(path) : await uringStat(files, text, false);
}

/** The same for a path that was checked. */
export function uringStat(
  files: RingFiles,
  path: string,
  follows: boolean,
): Deno.FileInfo | Promise<Deno.FileInfo> {
  return statAtOnce(files, path, follows) ?? statSoon(files, path, follows);
}

/**
 * What the kernel has in memory about a file of this machine; null where it would have to wait.
 *
 * A descriptor that only stands for the path asks no server, and neither does the question which
 * device it is on.
 *
 * @param directory Where a relative path starts from, an open descriptor
 */
export function statAtOnce(
  { engine, mounts }: RingFiles,
  path: string,
  follows: boolean,
  directory: number = CURRENT_DIRECTORY,
): Deno.FileInfo | null {
  const bytes = kernelPath(path);
  if (bytes === null || !engine.direct.takeTime(STAT_US)) return null;
  const fd = openCached(bytes, OpenFlag.PATH | (follows ? 0 : OpenFlag.NOFOLLOW), 0, directory);
  if (fd < 0) return null;
  const result = statCached(fd, status);
  closeDescriptor(fd);
  return result === 0 && mounts.hasDevice(deviceOf(status)) ? fileInfo(status) : null;
}

/** What a thread of the kernel's finds out about a file. */
export async function statSoon(
  { engine }: RingFiles,
  path: string,
  follows: boolean,
): Promise<Deno.FileInfo> {
  using memory = await CallMemory.take(engine, [path]);
  const result = await ringCall(engine, {
    head: Op.STATX,
    fd: CURRENT_DIRECTORY,
    offset: memory.status,
    offsetHigh: engine.pool.addressHigh,
    address: memory.paths[0]!,
    length: STATX_WANTED,
    flags: follows ? 0 : AtFlag.SYMLINK_NOFOLLOW,
  });
  if (result < 0) throw osError(result, `${follows ? "stat" : "lstat"} '${path}'`);
  return fileInfo(memory.statusWords);
}

/** What the three calls take. */
const STAT_US = 3;

/** Reused by every call: none of them waits. */
const status = newFileStatus();
