// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { noteOpened } from "./descriptor_table.ts";
import { osError } from "./errno.ts";
import { STATX_WORDS } from "./layout.ts";
import { lastErrno, libc } from "./libc.ts";
import { addressOf } from "./memory.ts";

// The system calls on files that are made in place. Two kinds: those that the kernel promises not
// to wait in (cached paths, pages in memory), and those of Deno's `...Sync` methods, which wait.

/** Flags of open(2) and openat2(2), the same on the architectures that Deno runs on. */
// deno-fmt-ignore
export const OpenFlag = {
  RDONLY:    0,
  WRONLY:    0o1,
  RDWR:      0o2,
  CREAT:     0o100,
  EXCL:      0o200,
  NOCTTY:    0o400,
  TRUNC:     0o1000,
  APPEND:    0o2000,
  NONBLOCK:  0o4000,
  CLOEXEC:   0o2000000,
  PATH:      0o10000000,
  // Two flags whose places differ between architectures.
  DIRECT:    Deno.build.arch === "aarch64" ? 0o200000 : 0o40000,
  DIRECTORY: Deno.build.arch === "aarch64" ? 0o40000 : 0o200000,
  NOFOLLOW:  Deno.build.arch === "aarch64" ? 0o100000 : 0o400000,
} as const;

/** How openat2(2) resolves a path. */
// deno-fmt-ignore
export const Resolve = {
  NO_XDEV:      0x01, // 5.6
  NO_MAGICLINKS: 0x02, // 5.6
  NO_SYMLINKS:  0x04, // 5.6
  BENEATH:      0x08, // 5.6
  IN_ROOT:      0x10, // 5.6
  CACHED:       0x20, // 5.12 only what the kernel has in memory, else EAGAIN
} as const;

/** The directory that relative paths start from. */
export const CURRENT_DIRECTORY = -100;

/** Flags of the calls on paths relative to a directory. */
export const AtFlag = { SYMLINK_NOFOLLOW: 0x100, REMOVEDIR: 0x200, EMPTY_PATH: 0x1000 } as const;

/** What statx(2) is asked for: the fields of stat(2), and the time of birth. */
export const STATX_WANTED = 0xfff;

/** A path as the kernel takes it: UTF-8 with a NUL behind it. */
export type KernelPath = Uint8Array<ArrayBuffer>;

/**
 * Opens what the kernel has in memory, with no wait for a disk or a server.
 *
 * @param flags Of {@linkcode OpenFlag}; neither CREAT nor TRUNC
 * @param resolve Of {@linkcode Resolve}, added to CACHED
 * @param directory Where relative paths start from
 * @returns The descriptor, or a negative error number: `-EAGAIN` when that would have taken a wait
 */
export function openCached(
  path: KernelPath,
  flags: number,
  resolve = 0,
  directory: number = CURRENT_DIRECTORY,
): number {
  how[0] = flags | OpenFlag.CLOEXEC;
  how[4] = Resolve.CACHED | resolve;
  const fd = libc().openat2(SYSTEM_CALLS.openat2, directory, path, howBytes, OPEN_HOW_BYTES);
  return fd < 0 ? -lastErrno() : noteOpened(fd);
}

/** Lets calls on a descriptor wait, which was opened with NONBLOCK. */
export function allowWaiting(fd: number, flags: number): void {
  libc().fcntl(fd, F_SETFL, flags & ~OpenFlag.NONBLOCK);
}

/**
 * Opens a file of the kernel itself, as those of `/proc` are.
 *
 * @returns The descriptor, which the caller closes
 * @throws {Error} the kernel's refusal
 */
export function openWaiting(path: KernelPath, flags: number): number {
  how[0] = flags | OpenFlag.CLOEXEC;
  how[4] = 0;
  const number = SYSTEM_CALLS.openat2;
  return noteOpened(
    checked(libc().openat2(number, CURRENT_DIRECTORY, path, howBytes, OPEN_HOW_BYTES)),
  );
}

/** Whether the table of `/proc/self/mountinfo` has changed since this was last asked of it. */
export function hasChanged(fd: number): boolean {
  polled[0] = fd;
  polled[1] = POLLPRI;
  libc().poll(polledBytes, 1n, 0);
  return (polled[1] >>> 16 & POLLPRI) !== 0;
}

/**
 * Fills a `struct statx` about an open file from what the kernel has, without asking a server.
 *
 * @returns 0 or a negative error number
 */
export function statCached(fd: number, into: Uint32Array<ArrayBuffer>): number {
  return statxNow(fd, NO_PATH, AtFlag.EMPTY_PATH | AT_STATX_DONT_SYNC, into);
}

/**
 * Fills a `struct statx` about an open file; may wait for a server.
 *
 * @throws {Error} the kernel's refusal
 */
export function statNow(fd: number, into: Uint32Array<ArrayBuffer>): void {
  const result = statxNow(fd, NO_PATH, AtFlag.EMPTY_PATH, into);
  if (result < 0) throw osError(result);
}

/** A new `struct statx`. */
export function newFileStatus(): Uint32Array<ArrayBuffer> {
  return new Uint32Array(STATX_WORDS);
}

/**
 * Reads what of a file is in memory (preadv2(2) with RWF_NOWAIT).
 *
 * @param position Where to begin; -1 is the cursor, which it moves
 * @param address The buffer's address, where the caller knows it: to ask takes 0.3 us
 * @returns How many bytes, fewer than asked for when the rest is not in memory; 0 at the end of
 * the file; or a negative error number: `-EAGAIN` when nothing is in memory
 */
export function readCached(
  fd: number,
  into: Uint8Array,
  position: number,
  address?: bigint,
): number {
  const isSmall = address === undefined && into.length <= SCRATCH_BYTES;
  const start = address ??
    (isSmall ? scratchAddress() : addressOf(into as Uint8Array<ArrayBuffer>));
  point(start, into.length);
  const at = BigInt(position);
  const count = libc().preadv2(SYSTEM_CALLS.preadv2, fd, vectorBytes, 1, at, 0n, RWF_NOWAIT);
  if (count < 0) return -lastErrno();
  if (isSmall) into.set(scratch.subarray(0, count));
  return count;
}

/**
 * Writes what can be taken without a wait (pwritev2(2) with RWF_NOWAIT).
 *
 * @param position Where to begin; -1 is the cursor, which it moves
 * @returns How many bytes, or a negative error number: `-EAGAIN` when it would have to wait,
 * `-EOPNOTSUPP` where the file system has no such way
 */
export function writeCached(fd: number, from: Uint8Array, position: number): number {
  point(addressOf(from as Uint8Array<ArrayBuffer>), from.length);
  const at = BigInt(position);
  const count = libc().pwritev2(SYSTEM_CALLS.pwritev2, fd, vectorBytes, 1, at, 0n, RWF_NOWAIT);
  return count < 0 ? -lastErrno() : count;
}

/**
 * Reads from the cursor and waits for it.
 *
 * @throws {Error} the kernel's refusal
 */
export function readWaiting(fd: number, into: Uint8Array): number {
  return checked(libc().read(fd, into as Uint8Array<ArrayBuffer>, BigInt(into.length)));
}

/**
 * Writes at the cursor and waits for it.
 *
 * @throws {Error} the kernel's refusal
 */
export function writeWaiting(fd: number, from: Uint8Array): number {
  return checked(libc().write(fd, from as Uint8Array<ArrayBuffer>, BigInt(from.length)));
}

/**
 * Moves the cursor. To the end of what lies on a server this may wait; {@linkcode seekSoon} does
 * not.
 *
 * @throws {TypeError} when that would be before the start
 */
export function seekNow(fd: number, offset: number | bigint, whence: number): number {
  const to = BigInt(offset);
  const position = Number(libc().lseek(fd, to, whence));
  if (position >= 0) return position;
  // To make the bigint may have taken a collection, which leaves an error number of its own: so
  // the kernel is asked once more, with a result that is none. A refusal moves nothing.
  libc().lseekRefused(fd, to, whence);
  throw osError(lastErrno());
}

/** Whether the descriptor has a cursor: pipes and terminals have none. */
export function isSeekable(fd: number): boolean {
  return Number(libc().lseek(fd, 0n, SEEK_CUR)) >= 0;
}

/**
 * Cuts or extends a file and waits for it.
 *
 * @throws {Error} the kernel's refusal
 */
export function truncateWaiting(fd: number, byteLength: number): void {
  checked(libc().ftruncate(fd, BigInt(byteLength)));
}

/**
 * Waits until a file is on the disk.
 *
 * @throws {Error} the kernel's refusal
 */
export function syncWaiting(fd: number, dataOnly: boolean): void {
  checked(dataOnly ? libc().fdatasync(fd) : libc().fsync(fd));
}

/**
 * Sets the times of a file, in milliseconds since 1970.
 *
 * @throws {Error} the kernel's refusal
 */
export function setTimesWaiting(fd: number, accessMs: number, modificationMs: number): void {
  checked(libc().futimens(fd, timesOf(accessMs, modificationMs)));
}

/**
 * Sets the permission bits of an open file.
 *
 * @throws {Error} the kernel's refusal
 */
export function setModeWaiting(fd: number, mode: number): void {
  checked(libc().fchmod(fd, mode));
}

/** Points the one vector at memory. */
function point(address: bigint, byteLength: number): void {
  vector[0] = address;
  vector[1] = BigInt(byteLength);
}

function scratchAddress(): bigint {
  return scratchAt ||= addressOf(scratch);
}

function statxNow(
  fd: number,
  path: KernelPath,
  flags: number,
  into: Uint32Array<ArrayBuffer>,
): number {
  const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
  const result = libc().statx(SYSTEM_CALLS.statx, fd, path, flags, STATX_WANTED, bytes);
  return result < 0 ? -lastErrno() : 0;
}

/** Times in milliseconds since 1970 as an array of `struct timespec`. */
export function timesOf(...timesMs: number[]): Uint8Array<ArrayBuffer> {
  const words = new BigInt64Array(4);
  timesMs.forEach((timeMs, index) => {
    const seconds = Math.floor(timeMs / 1000);
    words[index * 2] = BigInt(seconds);
    words[index * 2 + 1] = BigInt(Math.min(Math.round((timeMs - seconds * 1000) * 1e6), NANOS_MAX));
  });
  return new Uint8Array(words.buffer);
}

/** Passes the result of a system call on. Nothing may come between the call and this. */
function checked(result: number): number {
  if (result < 0) throw osError(lastErrno());
  return result;
}

// Data: by architecture (asm/unistd.h).
/** System calls by number, as not every C library has them. */
// deno-fmt-ignore
export const SYSTEM_CALLS = {
  x86_64:  { openat2: 437, statx: 332, preadv2: 327, pwritev2: 328, getdents64: 217, copy_file_range: 326 },
  aarch64: { openat2: 437, statx: 291, preadv2: 286, pwritev2: 287, getdents64: 61,  copy_file_range: 285 },
}[Deno.build.arch];

const AT_STATX_DONT_SYNC = 0x4000;
const RWF_NOWAIT = 0x8;
const SEEK_CUR = 1;
const F_SETFL = 4;
const POLLPRI = 2;
const NANOS_MAX = 999_999_999;
/** The empty path: what the descriptor stands for. */
export const NO_PATH = new Uint8Array(1);

/** Reads of this size and less go through memory whose address is known, and are copied. */
const SCRATCH_BYTES = 8192;

// struct open_how: flags u64, mode u64, resolve u64
const OPEN_HOW_BYTES = 24n;

// Reused by every call: none of them waits, and the kernel keeps nothing of them.
const how = new Uint32Array(6);
const howBytes = new Uint8Array(how.buffer);
// struct pollfd: fd i32, events u16, revents u16
const polled = new Int32Array(2);
const polledBytes = new Uint8Array(polled.buffer);
const vector = new BigUint64Array(2);
const vectorBytes = new Uint8Array(vector.buffer);
const scratch = new Uint8Array(SCRATCH_BYTES);
let scratchAt = 0n;
