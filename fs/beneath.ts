// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, SqeFlag } from "../ffi/abi.ts";
import { noteOpened } from "../ffi/descriptor_table.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { AtFlag, OpenFlag, Resolve, STATX_WANTED } from "../ffi/file.ts";
import { readLinkSoon } from "../ffi/file_soon.ts";
import { CallMemory } from "./call_memory.ts";
import { fileInfo } from "./file_info.ts";
import { ringCall } from "./ring_call.ts";
import type { RingFiles } from "./ring_files.ts";

// Calls on the ring whose paths begin at an open directory and cannot lead out of it. The kernel
// follows the path name by name and refuses to leave (RESOLVE_BENEATH of openat2(2)): by `..`, by
// an absolute path, by a symbolic link, and while somebody moves what the path leads through.
// What has no such call of its own is done in two steps: the directory that holds the last name is
// opened in this way, and the call then gets that directory and the one name, which it does not
// follow.

/** How {@linkcode openBeneath} opens. */
export interface BeneathOptions {
  /** Flags of `OpenFlag`. */
  flags: number;
  /** Permission bits of a new file, before the umask. */
  mode?: number;
  /** What is being done, for the message: `open 'a'`. */
  action: string;
}

/** Times that a path is tried which somebody moves while the kernel follows it. */
const ATTEMPTS_MAX = 64;

/**
 * Opens what a path leads to from a directory, and nothing outside of it.
 *
 * @returns The descriptor; the caller closes it
 * @throws {Deno.errors.PermissionDenied} when the path leads out (`code` is `"EXDEV"`)
 * @throws {Error} the kernel's refusal
 */
export async function openBeneath(
  { engine }: RingFiles,
  directory: number,
  path: string,
  { flags, mode = 0, action }: BeneathOptions,
): Promise<number> {
  using memory = await CallMemory.take(engine, [path]);
  for (let attempt = 1;; attempt++) {
    const words = memory.howWords.fill(0);
    words[0] = flags | OpenFlag.CLOEXEC;
    words[2] = flags & OpenFlag.CREAT ? mode : 0;
    words[4] = Resolve.BENEATH | Resolve.NO_MAGICLINKS;
    const fd = await ringCall(engine, {
      head: Op.OPENAT2 | SqeFlag.ASYNC << 8,
      fd: directory,
      address: memory.paths[0]!,
      length: OPEN_HOW_BYTES,
      offset: memory.how,
      offsetHigh: engine.pool.addressHigh,
    });
    if (fd >= 0) return noteOpened(fd);
    if (fd === -Errno.EXDEV) throw escapeError(action);
    // The kernel cannot tell where `..` leads while something is being renamed.
    if (fd !== -Errno.EAGAIN || attempt === ATTEMPTS_MAX) throw osError(fd, action);
  }
}

/** The error for a path that leads out of its root. */
export function escapeError(action: string): Error & { code: string } {
  const error = new Deno.errors.PermissionDenied(
    `Cannot ${action}: the path leads out of the root`,
  );
  return Object.assign(error, { code: ESCAPE });
}

const ESCAPE: keyof typeof Errno = "EXDEV";

/** The directory and the one name in it that a path comes down to. */
export interface BeneathParent {
  /** The directory, open. */
  readonly directory: number;
  /** A name without a slash; neither `.` nor `..`. */
  readonly name: string;
}

/**
 * Opens the directory that holds the last name of a path, and calls with it.
 *
 * @param whenNone What is thrown when the path ends in no name but in `.`, `..` or the root
 */
export async function withParent<T>(
  files: RingFiles,
  directory: number,
  path: string,
  action: string,
  whenNone: number,
  call: (parent: BeneathParent) => Promise<T>,
): Promise<T> {
  const trimmed = path.replace(/\/+$/, "");
  const slash = trimmed.lastIndexOf("/");
  const name = trimmed.slice(slash + 1);
  const flags = OpenFlag.PATH | OpenFlag.DIRECTORY;
  const hasName = name !== "" && name !== "." && name !== "..";
  // What leads out is refused as such, whatever is to be done with it.
  const above = !hasName ? path : slash < 0 ? "." : trimmed.slice(0, slash + 1);
  const parent = await openBeneath(files, directory, above, { flags, action });
  try {
    if (!hasName) throw osError(whenNone, action);
    return await call({ directory: parent, name });
  } finally {
    files.engine.closeDescriptor(parent);
  }
}

/** Does a call on one name of a directory; `length` and `flags` are the operation's own. */
export async function callOnName(
  { engine }: RingFiles,
  head: number,
  { directory, name }: BeneathParent,
  { length = 0, flags = 0 }: { length?: number; flags?: number } = {},
): Promise<number> {
  using memory = await CallMemory.take(engine, [name]);
  return await ringCall(engine, { head, fd: directory, address: memory.paths[0]!, length, flags });
}

/** Renames one name of a directory to one of another; a negative error number on failure. */
export async function renameName(
  { engine }: RingFiles,
  from: BeneathParent,
  to: BeneathParent,
): Promise<number> {
  using memory = await CallMemory.take(engine, [from.name, to.name]);
  return await ringCall(engine, {
    head: Op.RENAMEAT,
    fd: from.directory,
    address: memory.paths[0]!,
    length: to.directory,
    offset: memory.paths[1]!,
    offsetHigh: engine.pool.addressHigh,
  });
}

/** Makes a symbolic link; a negative error number on failure. */
export async function linkName(
  { engine }: RingFiles,
  target: string,
  { directory, name }: BeneathParent,
): Promise<number> {
  using memory = await CallMemory.take(engine, [target, name]);
  return await ringCall(engine, {
    head: Op.SYMLINKAT,
    fd: directory,
    address: memory.paths[0]!,
    offset: memory.paths[1]!,
    offsetHigh: engine.pool.addressHigh,
  });
}

/** What a descriptor stands for, or with a name what that is in it; links are not followed. */
export async function statDescriptor(
  { engine }: RingFiles,
  fd: number,
  action: string,
  name = "",
): Promise<Deno.FileInfo> {
  using memory = await CallMemory.take(engine, [name]);
  const result = await ringCall(engine, {
    head: Op.STATX,
    fd,
    offset: memory.status,
    offsetHigh: engine.pool.addressHigh,
    address: memory.paths[0]!,
    length: STATX_WANTED,
    flags: AtFlag.SYMLINK_NOFOLLOW | (name === "" ? AtFlag.EMPTY_PATH : 0),
  });
  if (result < 0) throw osError(result, action);
  return fileInfo(memory.statusWords);
}

/** Where the link leads that a descriptor stands for. */
export async function readLinkDescriptor(fd: number, action: string): Promise<string> {
  const bytes = new Uint8Array(LINK_BYTES_MAX);
  const count = await readLinkSoon(fd, bytes);
  if (count < 0) throw osError(Errno.EIO, action);
  return new TextDecoder().decode(bytes.subarray(0, count));
}

/** PATH_MAX: what the kernel keeps of a link. */
const LINK_BYTES_MAX = 4096;
// struct open_how: flags u64, mode u64, resolve u64
const OPEN_HOW_BYTES = 24;
