// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, SqeFlag } from "../ffi/abi.ts";
import { noteOpened } from "../ffi/descriptor_table.ts";
import { Errno, osError } from "../ffi/errno.ts";
import {
  allowWaiting,
  CURRENT_DIRECTORY,
  newFileStatus,
  openCached,
  OpenFlag,
  Resolve,
  statCached,
} from "../ffi/file.ts";
import { isEverythingGranted } from "../ffi/permission.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { LinkMetError } from "./access.ts";
import { CallMemory } from "./call_memory.ts";
import { deviceOf, isRegular } from "./file_info.ts";
import { kernelPath } from "./kernel_path.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";

/** A descriptor that was won, and whether its file lies on this machine. */
export interface OpenedDescriptor {
  /** The descriptor; the caller closes it. */
  readonly fd: number;
  /** See `LocalMounts`. */
  readonly isLocal: boolean;
}

/**
 * Opens a file: at once when the kernel has all that takes in memory, else on the ring.
 *
 * @param flags Of `OpenFlag`
 * @param mode Permission bits of a new file, before the umask
 * @param action What is being done, for the message: `open '/tmp/a'`
 * @throws {Error} the kernel's refusal
 */
export async function uringOpen(
  files: RingFiles,
  path: string,
  flags: number,
  mode: number,
  action: string,
): Promise<OpenedDescriptor> {
  const early = openAtOnce(files, path, flags);
  if (early !== null && early.isRegular) return { fd: early.fd, isLocal: true };
  try {
    const fd = await openSoon(files, path, flags, mode, action);
    return { fd, isLocal: isLocal(files, fd) };
  } finally {
    // One end of a pipe is kept until the other is open: its peer must not find it gone.
    if (early !== null) closeDescriptor(early.fd);
  }
}

/** Opens on the ring, in a thread of the kernel's: it may wait for a disk, a server or a peer. */
export async function openSoon(
  { engine }: RingFiles,
  path: string,
  flags: number,
  mode: number,
  action: string,
): Promise<number> {
  using memory = await CallMemory.take(engine, [path]);
  const isRestricted = !isEverythingGranted();
  const creates = (flags & OpenFlag.CREAT) !== 0;
  // struct open_how: flags u64, mode u64 (0 unless a file may be made), resolve u64
  memory.howWords.set([flags | OpenFlag.CLOEXEC, 0, creates ? mode & 0o7777 : 0, 0, 0, 0]);
  if (isRestricted) memory.howWords[4] = Resolve.NO_SYMLINKS;
  const fd = await ringCall(engine, {
    head: Op.OPENAT2 | SqeFlag.ASYNC << 8,
    fd: CURRENT_DIRECTORY,
    address: memory.paths[0]!,
    offset: memory.how,
    offsetHigh: engine.pool.addressHigh,
    length: OPEN_HOW_BYTES,
  });
  if (fd === -Errno.ELOOP && isRestricted) throw new LinkMetError(`Cannot judge a link: ${action}`);
  if (fd < 0) throw osError(fd, action);
  return noteOpened(fd);
}

/** Whether an open file lies on this machine; asks no server. */
export function isLocal(files: RingFiles, fd: number): boolean {
  if (statCached(fd, status) < 0) return false;
  return isRegular(status) && files.mounts.hasDevice(deviceOf(status));
}

/** Opens what the kernel has in memory, null where it has not. */
function openAtOnce(
  { engine, mounts }: RingFiles,
  path: string,
  flags: number,
): { fd: number; isRegular: boolean } | null {
  if (flags & (OpenFlag.CREAT | OpenFlag.TRUNC) || !mounts.covers(path)) return null;
  const bytes = kernelPath(path);
  if (bytes === null || !engine.direct.takeTime(OPEN_US)) return null;
  // A pipe waits for its other end unless it is told not to.
  const fd = openCached(bytes, flags | OpenFlag.NONBLOCK, Resolve.NO_SYMLINKS);
  if (fd < 0) return null;
  const isFile = statCached(fd, status) === 0 && isRegular(status);
  if (isFile) allowWaiting(fd, flags);
  return { fd, isRegular: isFile };
}

/** Bytes of a `struct open_how`. */
const OPEN_HOW_BYTES = 24;
/** What the calls of opening at once take. */
const OPEN_US = 3;

/** Reused by every call: none of them waits. */
const status = newFileStatus();
