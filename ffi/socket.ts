// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { noteClosed, noteOpened } from "./descriptor_table.ts";
import { Errno, osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";
import {
  AddressFamily,
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKADDR_BYTES_MAX,
  type SocketAddress,
} from "./sockaddr.ts";

// The system calls on sockets, pipes and descriptors that return at once. Each throws Deno's own
// error for the error number; every descriptor it makes is closed on exec.

/** The socket types of the kernel. */
export const SocketType = { stream: 1, datagram: 2, sequencedPacket: 5 } as const;

/** Whether calls on a new descriptor wait until they can do something, or fail with EAGAIN. */
export type BlockingMode = "blocking" | "nonblocking";

/**
 * Makes a socket.
 *
 * @param domain A family of {@linkcode AddressFamily}
 * @param type A type of {@linkcode SocketType}
 * @returns The descriptor; the caller closes it
 */
export function openSocket(domain: number, type: number): number {
  return noteOpened(check(libc().socket(domain, type | SOCK_CLOEXEC, 0)));
}

/**
 * Makes two Unix stream sockets that are connected to each other.
 *
 * @returns Both descriptors; the caller closes them
 */
export function openSocketPair(mode: BlockingMode = "blocking"): [number, number] {
  check(libc().socketpair(AddressFamily.unix, SocketType.stream | flagsOf(mode), 0, pair));
  return [noteOpened(pair[0]!), noteOpened(pair[1]!)];
}

/**
 * Makes a pipe.
 *
 * @returns The descriptor to read from and the one to write to; the caller closes them
 *
 * @example Two ends
 * ```ts
 * import { closeDescriptor, openPipe } from "@photon/std/ffi";
 *
 * if (Deno.build.os === "linux") {
 *   const [reader, writer] = openPipe();
 *   closeDescriptor(reader);
 *   closeDescriptor(writer);
 * }
 * ```
 */
export function openPipe(mode: BlockingMode = "blocking"): [reader: number, writer: number] {
  check(libc().pipe2(pair, flagsOf(mode)));
  return [noteOpened(pair[0]!), noteOpened(pair[1]!)];
}

/**
 * Makes a counter that can be waited for (eventfd(2)), at zero.
 *
 * @returns The descriptor; the caller closes it
 */
export function openEventfd(mode: BlockingMode = "blocking"): number {
  return noteOpened(check(libc().eventfd(0, flagsOf(mode))));
}

/**
 * Writes one byte to a non-blocking socket or pipe, as a wake-up call.
 *
 * A full one is no error: its reader has bytes to wake up for.
 *
 * @example Wake a reader
 * ```ts
 * import { closeDescriptor, openPipe, writeByte } from "@photon/std/ffi";
 *
 * if (Deno.build.os === "linux") {
 *   const [reader, writer] = openPipe("nonblocking");
 *   writeByte(writer, 1);
 *   closeDescriptor(reader);
 *   closeDescriptor(writer);
 * }
 * ```
 */
export function writeByte(fd: number, byte: number): void {
  one[0] = byte;
  if (libc().write(fd, one, 1n) >= 0) return;
  const errno = lastErrno();
  if (errno !== Errno.EAGAIN) throw osError(errno);
}

/**
 * Adds one to an eventfd's counter, which wakes who waits for it (eventfd(2)). A counter that is
 * full has told them already.
 *
 * @throws {Deno.errors.BadResource} with the code `EBADF` for a closed descriptor
 */
export function signalEventfd(fd: number): void {
  if (libc().write(fd, COUNTER_STEP, 8n) >= 0) return;
  const errno = lastErrno();
  if (errno !== Errno.EAGAIN) throw osError(errno);
}

/**
 * Makes a second descriptor for the same open file, above the three standard ones.
 *
 * @example A second name for standard output
 * ```ts
 * import { closeDescriptor, duplicateDescriptor } from "@photon/std/ffi";
 *
 * if (Deno.build.os === "linux") closeDescriptor(duplicateDescriptor(1));
 * ```
 */
export function duplicateDescriptor(fd: number): number {
  return noteOpened(check(libc().fcntl(fd, F_DUPFD_CLOEXEC, FIRST_FREE_DESCRIPTOR)));
}

/**
 * Closes a descriptor. The number is free again even when this throws (close(2)).
 *
 * @example Close a pipe
 * ```ts
 * import { closeDescriptor, openPipe } from "@photon/std/ffi";
 *
 * if (Deno.build.os === "linux") openPipe().forEach(closeDescriptor);
 * ```
 */
export function closeDescriptor(fd: number): void {
  noteClosed(fd);
  check(libc().close(fd));
}

/**
 * Sends what the socket takes at once of the first `byteLength` bytes (send(2)).
 *
 * @param more Whether further bytes follow at once, for which the kernel may wait
 * @returns How many, or a negative error number: `-EAGAIN` when it takes none now
 */
export function sendNow(
  fd: number,
  bytes: Uint8Array,
  byteLength: number,
  more = false,
): number {
  const buffer = bytes as Uint8Array<ArrayBuffer>;
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
  const sent = libc().send(fd, buffer, BigInt(byteLength), flags);
  return sent < 0 ? -lastErrno() : sent;
}

/**
 * Receives what the socket has now, `byteLength` bytes at most (recv(2)).
 *
 * @returns How many, 0 at the end of the stream, or a negative error number: `-EAGAIN` when there
 * are none now
 */
export function receiveNow(fd: number, into: Uint8Array, byteLength: number): number {
  const buffer = into as Uint8Array<ArrayBuffer>;
  const received = libc().recv(fd, buffer, BigInt(byteLength), MSG_DONTWAIT);
  return received < 0 ? -lastErrno() : received;
}

/** How many bytes a stream socket has to read now (FIONREAD, tcp(7)); 0 when that is not known. */
export function bytesToReceive(fd: number): number {
  return libc().ioctl(fd, FIONREAD, waiting) < 0 ? 0 : waiting[0]!;
}

/** Whether a socket is open and has nothing to read: what an idle connection should look like. */
export function isQuietNow(fd: number): boolean {
  const received = libc().recv(fd, one, 1n, MSG_DONTWAIT | MSG_PEEK);
  return received < 0 && lastErrno() === Errno.EAGAIN;
}

/** Removes a file by its path, if it is there (unlink(2)): the file of a Unix listener. */
export function removeFile(path: string): void {
  libc().unlink(new TextEncoder().encode(`${path}\0`));
}

/** Gives a socket its own address. */
export function bindSocket(fd: number, address: SocketAddress): void {
  const length = encodeSocketAddress(address, name);
  check(libc().bind(fd, name, length));
}

/** Lets a bound socket take connections; the kernel caps the backlog at `net.core.somaxconn`. */
export function listenSocket(fd: number, backlog: number): void {
  check(libc().listen(fd, backlog));
}

/** Ends one direction of a connection, or both. */
export function shutdownSocket(fd: number, how: "read" | "write" | "both"): void {
  check(libc().shutdown(fd, how === "read" ? 0 : how === "write" ? 1 : 2));
}

/** A socket's own address. */
export function socketName(fd: number, transport: "tcp" | "udp" = "tcp"): SocketAddress {
  nameLength[0] = SOCKADDR_BYTES_MAX;
  check(libc().getsockname(fd, name, nameLength));
  return decodeSocketAddress(name, nameLength[0]!, transport);
}

/** The address of the socket at the other end. */
export function peerName(fd: number, transport: "tcp" | "udp" = "tcp"): SocketAddress {
  nameLength[0] = SOCKADDR_BYTES_MAX;
  check(libc().getpeername(fd, name, nameLength));
  return decodeSocketAddress(name, nameLength[0]!, transport);
}

// Also O_CLOEXEC, EFD_CLOEXEC, O_NONBLOCK and EFD_NONBLOCK: all have the same bits.
const MSG_PEEK = 2;
const MSG_MORE = 0x8000;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const SOCK_CLOEXEC = 0o2000000;
const SOCK_NONBLOCK = 0o4000;
const FIONREAD = 0x541bn;
const F_DUPFD_CLOEXEC = 1030;
const FIRST_FREE_DESCRIPTOR = 3;

// Reused by every call: none of them waits, and the kernel keeps nothing of them.
const name = new Uint8Array(SOCKADDR_BYTES_MAX);
const nameLength = new Uint32Array(1);
const pair = new Int32Array(2);
const waiting = new Int32Array(1);
const one = new Uint8Array(1);
/** One, as the 64-bit number that an eventfd takes. */
const COUNTER_STEP = new Uint8Array(new BigUint64Array([1n]).buffer);

function flagsOf(mode: BlockingMode): number {
  return mode === "blocking" ? SOCK_CLOEXEC : SOCK_CLOEXEC | SOCK_NONBLOCK;
}

/** Passes the result of a system call on. Nothing may come between the call and this. */
function check(result: number): number {
  if (result < 0) throw osError(lastErrno());
  return result;
}
