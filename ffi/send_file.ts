// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/**
 * Sends what the socket takes at once of a part of a file, without bringing it into this process
 * (sendfile(2)). The thread stops while a disk is read, so {@linkcode isCached} is asked first.
 *
 * The call waits for room unless the socket is non-blocking, which an operation of the ring must
 * not find: it is made so for the call.
 *
 * @returns How many bytes, 0 at the end of the file, or a negative error number: `-EAGAIN` when the
 * socket takes none now
 */
export function sendFileNow(
  socket: number,
  file: number,
  offset: number,
  byteLength: number,
): number {
  const { setFlags, sendfile } = libc();
  position[0] = BigInt(offset);
  setFlags(socket, F_SETFL, O_RDWR | O_NONBLOCK);
  const sent = sendfile(socket, file, position, BigInt(byteLength));
  const errno = sent < 0 ? lastErrno() : 0;
  setFlags(socket, F_SETFL, O_RDWR);
  return sent < 0 ? -errno : sent;
}

/**
 * Whether all pages of a part of a file are in memory (cachestat(2), 6.5); false too where the
 * kernel does not say. The part must not go beyond the end of the file.
 */
export function isCached(file: number, offset: number, byteLength: number): boolean {
  const first = Math.floor(offset / PAGE_BYTES) * PAGE_BYTES;
  const pages = Math.ceil((offset + byteLength - first) / PAGE_BYTES);
  range[0] = BigInt(first);
  range[1] = BigInt(pages * PAGE_BYTES);
  const { syscall } = libc();
  const result = syscall(
    NR_CACHESTAT,
    BigInt(file),
    rangeAddress(),
    rangeAddress() + 16n,
    0n,
    0n,
    0n,
  );
  return result === 0 && Number(range[2]) >= pages;
}

/**
 * The size of an open file in bytes (fstat(2)); 0 for what has none, such as a pipe.
 *
 * @throws {Error} Deno's error for the error number
 */
export function fileSize(file: number): number {
  if (libc().fstat(file, status) < 0) throw osError(lastErrno());
  return Number(status[STAT_SIZE]);
}

const F_SETFL = 4;
const O_RDWR = 2;
const O_NONBLOCK = 0o4000;
const PAGE_BYTES = 4096;
/** The same on every architecture that Deno runs on (asm-generic/unistd.h). */
const NR_CACHESTAT = 451n;
/** Place of `st_size` in `struct stat`, in words of 64 bits: x86-64 and arm64 alike. */
const STAT_SIZE = 6;
const STAT_WORDS = 32;

// Reused by every call: none of them waits, and the kernel keeps nothing of them.
const position = new BigInt64Array(1);
const status = new BigInt64Array(STAT_WORDS);

// struct cachestat_range: offset, length; then struct cachestat: pages cached, dirty, in writeback,
// evicted, recently evicted.
const range = new BigUint64Array(2 + 5);
let knownAddress: bigint | undefined;

function rangeAddress(): bigint {
  return knownAddress ??= BigInt(
    Deno.UnsafePointer.value(Deno.UnsafePointer.of(new Uint8Array(range.buffer))),
  );
}
