// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type KernelPath, NO_PATH, SYSTEM_CALLS, timesOf } from "./file.ts";
import { libc } from "./libc.ts";

// The system calls on files that may wait and that the ring does not have, or not as well. They run
// on Deno's blocking pool, whose threads keep the error number to themselves.

/**
 * Writes to a file on Deno's blocking pool, out of the caller's own memory: Deno keeps it for as
 * long as the call takes, also when the buffer is transferred meanwhile.
 *
 * @param position Where to begin; -1 is the cursor, which it moves
 * @returns How many bytes, or -1
 */
export async function writeSoon(
  fd: number,
  from: Uint8Array<ArrayBuffer>,
  position: number,
): Promise<number> {
  const length = BigInt(from.length);
  const calls = libc();
  return Number(
    await (position < 0
      ? calls.writeSoon(fd, from, length)
      : calls.pwriteSoon(fd, from, length, BigInt(position))),
  );
}

/**
 * Moves the cursor, on Deno's blocking pool.
 *
 * @returns Where it is, or -1
 */
export async function seekSoon(
  fd: number,
  offset: number | bigint,
  whence: number,
): Promise<number> {
  return Number(await libc().lseekSoon(fd, BigInt(offset), whence));
}

/**
 * Cuts or extends a file, on Deno's blocking pool.
 *
 * @returns Whether it worked
 */
export async function truncateSoon(fd: number, byteLength: number): Promise<boolean> {
  return await libc().ftruncateSoon(fd, BigInt(byteLength)) === 0;
}

/**
 * Sets the times of a file on Deno's blocking pool.
 *
 * @returns Whether it worked
 */
export async function setTimesSoon(
  fd: number,
  accessMs: number,
  modificationMs: number,
): Promise<boolean> {
  return await libc().futimensSoon(fd, timesOf(accessMs, modificationMs)) === 0;
}

/**
 * Reads entries of a directory on Deno's blocking pool, as `struct linux_dirent64`.
 *
 * @returns Bytes that were filled, 0 at the end, or -1
 */
export function readEntriesSoon(fd: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
  return libc().getdents64(SYSTEM_CALLS.getdents64, fd, into, into.length);
}

/**
 * Reads where a symbolic link leads that was opened with PATH and NOFOLLOW, on Deno's blocking
 * pool.
 *
 * @returns Bytes that were filled, or -1
 */
export async function readLinkSoon(fd: number, into: Uint8Array<ArrayBuffer>): Promise<number> {
  return Number(await libc().readlinkat(fd, NO_PATH, into, BigInt(into.length)));
}

/**
 * Copies from one file to the other inside the kernel, from their cursors on, on Deno's blocking
 * pool.
 *
 * @returns Bytes that were copied, 0 at the end, or -1
 */
export async function copyRangeSoon(from: number, to: number, byteLength: number): Promise<number> {
  const length = BigInt(byteLength);
  const number = SYSTEM_CALLS.copy_file_range;
  return Number(await libc().copy_file_range(number, from, null, to, null, length, 0));
}

/**
 * Lets a new file share the blocks of another (a reflink), on Deno's blocking pool.
 *
 * @returns Whether the file system can do that
 */
export async function cloneFileSoon(from: number, to: number): Promise<boolean> {
  return await libc().cloneFile(to, FICLONE, BigInt(from)) === 0;
}

/**
 * Removes an extended attribute, on Deno's blocking pool.
 *
 * @returns Whether there was one to remove
 */
export async function removeAttributeSoon(fd: number, name: KernelPath): Promise<boolean> {
  return await libc().fremovexattr(fd, name) === 0;
}

/**
 * Lists the names of the extended attributes, each with a NUL behind it, on Deno's blocking pool.
 *
 * @returns Bytes that were filled, or -1
 */
export async function listAttributesSoon(
  fd: number,
  into: Uint8Array<ArrayBuffer>,
): Promise<number> {
  return Number(await libc().flistxattr(fd, into, BigInt(into.length)));
}

const FICLONE = 0x40049409n;
