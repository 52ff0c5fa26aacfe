// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Structures that the kernel reads and writes, as 32-bit words: a `Uint32Array` over the memory and
// the index of the structure's first word. A 64-bit field is two words, the low half first (Deno
// runs on little-endian machines only); addresses and sizes stay below 2^53, so they are numbers.

/** Words of a `struct iovec`. */
export const IOVEC_WORDS = 4;

/**
 * Writes a `struct iovec` (readv(2)): one piece of memory.
 *
 *     word 0         2         4
 *          | address | length  |
 */
export function writeIovec(
  words: Uint32Array,
  at: number,
  address: number,
  lengthBytes: number,
): void {
  write64(words, at, address);
  write64(words, at + 2, lengthBytes);
}

/** Words of a `struct __kernel_timespec`. */
export const TIMESPEC_WORDS = 4;

/**
 * Writes a `struct __kernel_timespec`: a span or a point in time, to the nanosecond.
 *
 *     word 0         2              4
 *          | seconds | nanoseconds  |
 */
export function writeTimespec(words: Uint32Array, at: number, milliseconds: number): void {
  const seconds = Math.floor(milliseconds / 1e3);
  write64(words, at, seconds);
  // Rounding may reach a full second, which the kernel refuses.
  write64(words, at + 2, Math.min(Math.round((milliseconds - seconds * 1e3) * 1e6), 999_999_999));
}

/** Words of a `struct msghdr`. */
export const MESSAGE_HEADER_WORDS = 14;

/** What a message is made of: where it goes or came from, its bytes, its control data. */
export interface MessageHeader {
  /** Address of the socket address, 0 for none. */
  name: number;
  /** Bytes of the socket address, or room for it. */
  nameBytes: number;
  /** Address of the first `struct iovec`. */
  iovec: number;
  /** How many there are. */
  iovecCount: number;
  /** Address of the control data, 0 for none. */
  control: number;
  /** Bytes of the control data, or room for it. */
  controlBytes: number;
}

/**
 * Writes a `struct msghdr` (sendmsg(2)) with its flags clear.
 *
 *     word 0      2           3   4       6            8         10             12      13  14
 *          | name | nameBytes | 0 | iovec | iovecCount | control | controlBytes | flags | 0 |
 */
export function writeMessageHeader(words: Uint32Array, at: number, header: MessageHeader): void {
  write64(words, at, header.name);
  write64(words, at + 2, header.nameBytes);
  write64(words, at + 4, header.iovec);
  write64(words, at + 6, header.iovecCount);
  write64(words, at + 8, header.control);
  write64(words, at + 10, header.controlBytes);
  write64(words, at + 12, 0);
}

/** Reads from a `struct msghdr` what the kernel put there on receipt. */
export function readMessageHeader(
  words: Uint32Array,
  at: number,
): { nameBytes: number; controlBytes: number; flags: number } {
  return {
    nameBytes: words[at + 2]!,
    controlBytes: read64(words, at + 10),
    flags: words[at + 12]!,
  };
}

/** Words of a `struct statx`. */
export const STATX_WORDS = 64;

/** What statx(2) tells of a file; times are milliseconds since 1970, with a fraction. */
export interface FileStatus {
  /** Which of the fields below the file system filled in (`STATX_*`). */
  mask: number;
  /** The block size for efficient I/O, in bytes. */
  blockBytes: number;
  /** Number of hard links. */
  linkCount: number;
  /** User of the owner. */
  uid: number;
  /** Group of the owner. */
  gid: number;
  /** Type and permission bits. */
  mode: number;
  /** Inode number; not exact above 2^53. */
  inode: number;
  /** Size in bytes. */
  sizeBytes: number;
  /** Number of 512-byte blocks allocated. */
  blockCount: number;
  /** Last access. */
  accessTimeMs: number;
  /** Creation, where the file system keeps it. */
  birthTimeMs: number;
  /** Last change of the inode. */
  changeTimeMs: number;
  /** Last change of the contents. */
  modificationTimeMs: number;
  /** The device that a device file stands for (makedev(3)). */
  specialDevice: number;
  /** The device that holds the file. */
  device: number;
}

/**
 * Reads a `struct statx` (statx(2)).
 *
 *     word 0      1            2            4           5     6     7          8       10
 *          | mask | blockBytes | attributes | linkCount | uid | gid | mode 16b | inode |
 *          10          12           14                16           20          24           28
 *          | sizeBytes | blockCount | attributes mask | accessTime | birthTime | changeTime |
 *          28                 32                         34                  36    ...     64
 *          | modificationTime | special device: maj, min | device: maj, min | mount, alignment |
 *
 *     a time: word 0         2             3   4
 *                  | seconds | nanoseconds | 0 |
 */
export function readFileStatus(words: Uint32Array, at: number): FileStatus {
  return {
    mask: words[at]!,
    blockBytes: words[at + 1]!,
    linkCount: words[at + 4]!,
    uid: words[at + 5]!,
    gid: words[at + 6]!,
    mode: words[at + 7]! & 0xffff,
    inode: read64(words, at + 8),
    sizeBytes: read64(words, at + 10),
    blockCount: read64(words, at + 12),
    accessTimeMs: readTime(words, at + 16),
    birthTimeMs: readTime(words, at + 20),
    changeTimeMs: readTime(words, at + 24),
    modificationTimeMs: readTime(words, at + 28),
    specialDevice: deviceNumber(words[at + 32]!, words[at + 33]!),
    device: deviceNumber(words[at + 34]!, words[at + 35]!),
  };
}

const TWO_32 = 2 ** 32;

function write64(words: Uint32Array, at: number, value: number): void {
  words[at] = value; // The low 32 bits, by the conversion of ECMA-262 (ToUint32).
  words[at + 1] = Math.floor(value / TWO_32);
}

function read64(words: Uint32Array, at: number): number {
  return words[at]! + words[at + 1]! * TWO_32;
}

/** Seconds are signed: a file may be older than 1970. */
function readTime(words: Uint32Array, at: number): number {
  return (words[at]! + (words[at + 1]! | 0) * TWO_32) * 1e3 + words[at + 2]! / 1e6;
}

/** One number for a device, as stat(2) has it: the bits of major and minor in glibc's places. */
function deviceNumber(major: number, minor: number): number {
  const low = (minor & 0xff) + (major & 0xfff) * 2 ** 8 + (minor >>> 8) * 2 ** 20;
  return low + (major >>> 12) * 2 ** 44;
}
