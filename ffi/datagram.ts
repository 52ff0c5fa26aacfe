// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { writeIovec, writeMessageHeader } from "./layout.ts";
import { lastErrno, libc } from "./libc.ts";
import { mapMemory, type Mapping } from "./memory.ts";
import { encodeSocketAddress, SOCKADDR_BYTES_MAX, type SocketAddress } from "./sockaddr.ts";

// The system calls on datagram sockets. All of them return at once: what would have to wait
// answers `-EAGAIN`.

/** Datagrams that one {@linkcode DatagramBatch} holds at most. */
export const BATCH_DATAGRAMS_MAX = 64;
/** Bytes of all datagrams of a batch together. */
export const BATCH_BYTES_MAX = 65_536;
/** Segments that the kernel cuts one message into at most (UDP_MAX_SEGMENTS, 4.18). */
export const SEGMENTS_MAX = 64;

/**
 * Sends one datagram.
 *
 * @param name The receiver's address as {@linkcode encodeSocketAddress} writes it
 * @param nameBytes How many bytes of it are the address; 0 on a connected socket
 * @returns The bytes sent, or a negative error number: `-EAGAIN` when there is no room now
 */
export function sendToNow(
  fd: number,
  bytes: Uint8Array,
  name: Uint8Array<ArrayBuffer>,
  nameBytes: number,
): number {
  const buffer = bytes as Uint8Array<ArrayBuffer>;
  const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
  const to = nameBytes === 0 ? null : name;
  const sent = libc().sendto(fd, buffer, BigInt(bytes.length), flags, to, nameBytes);
  return sent < 0 ? -lastErrno() : sent;
}

/** Fixes the peer of a datagram socket: others are no longer heard (connect(2)). */
export function connectNow(fd: number, address: SocketAddress): void {
  const name = new Uint8Array(SOCKADDR_BYTES_MAX);
  const nameBytes = encodeSocketAddress(address, name);
  if (libc().connect(fd, name, nameBytes) < 0) throw osError(lastErrno());
}

/**
 * Several datagrams that leave with one system call, sendmmsg(2), or one message that the kernel
 * cuts into datagrams (UDP_SEGMENT, udp(7)). The bytes are copied into memory of the batch.
 *
 * ```
 *   0            4096       5120       13312                       78848
 *   | mmsghdr 64 | iovec 64 | name 64  | payload of all datagrams  | control |
 * ```
 */
export class DatagramBatch {
  readonly #memory: Mapping = mapMemory(BATCH_MEMORY_BYTES);
  readonly #words: Uint32Array = new Uint32Array(this.#memory.bytes.buffer);
  #count = 0;
  #payloadBytes = 0;

  /** Datagrams in the batch. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all datagrams. */
  clear(): void {
    this.#count = 0;
    this.#payloadBytes = 0;
  }

  /** Adds a datagram; false when the batch is full. */
  add(bytes: Uint8Array, name: Uint8Array, nameBytes: number): boolean {
    const at = this.#count;
    if (at === BATCH_DATAGRAMS_MAX || this.#payloadBytes + bytes.length > BATCH_BYTES_MAX) {
      return false;
    }
    this.#write(at, bytes, name, nameBytes, 0);
    this.#count++;
    return true;
  }

  /**
   * Sends the datagrams from `first` on.
   *
   * @returns How many were sent, or a negative error number that is the first one's
   */
  send(fd: number, first: number): number {
    const pointer = Deno.UnsafePointer.offset(this.#memory.pointer, first * HEADER_BYTES);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = libc().sendmmsg(fd, pointer, this.#count - first, flags);
    return sent < 0 ? -lastErrno() : sent;
  }

  /**
   * Sends bytes as datagrams of `segmentBytes` each, the last one shorter.
   *
   * @param bytes At most {@linkcode SEGMENTS_MAX} segments
   * @returns The bytes sent, or a negative error number: EINVAL or EIO where the kernel or the
   * device cannot do it
   */
  sendSegments(
    fd: number,
    bytes: Uint8Array,
    segmentBytes: number,
    name: Uint8Array,
    nameBytes: number,
  ): number {
    this.clear();
    // struct cmsghdr: length u64, level i32, type i32; then the u16 that it carries.
    const control = CONTROL / 4;
    this.#words.set([CONTROL_LENGTH, 0, IPPROTO_UDP, UDP_SEGMENT, segmentBytes, 0], control);
    this.#write(0, bytes, name, nameBytes, CONTROL_BYTES);
    const flags = MSG_DONTWAIT | MSG_NOSIGNAL;
    const sent = libc().sendmsg(fd, this.#memory.pointer, flags);
    return sent < 0 ? -lastErrno() : sent;
  }

  #write(
    index: number,
    bytes: Uint8Array,
    name: Uint8Array,
    nameBytes: number,
    controlBytes: number,
  ): void {
    const { bytes: memory, addressLow, addressHigh } = this.#memory;
    const base = addressHigh * 2 ** 32 + addressLow;
    const nameAt = NAMES + index * SOCKADDR_BYTES_MAX;
    const payloadAt = PAYLOAD + this.#payloadBytes;
    memory.set(nameBytes < name.length ? name.subarray(0, nameBytes) : name, nameAt);
    memory.set(bytes, payloadAt);
    writeIovec(this.#words, (IOVECS + index * IOVEC_BYTES) / 4, base + payloadAt, bytes.length);
    writeMessageHeader(this.#words, index * HEADER_BYTES / 4, {
      name: nameBytes === 0 ? 0 : base + nameAt,
      nameBytes,
      iovec: base + IOVECS + index * IOVEC_BYTES,
      iovecCount: 1,
      control: controlBytes === 0 ? 0 : base + CONTROL,
      controlBytes,
    });
    this.#payloadBytes += bytes.length;
  }
}

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const IPPROTO_UDP = 17;
const UDP_SEGMENT = 103;

// struct mmsghdr: a msghdr of 56 bytes, the length that was sent, padding.
const HEADER_BYTES = 64;
const IOVEC_BYTES = 16;
const IOVECS = BATCH_DATAGRAMS_MAX * HEADER_BYTES;
const NAMES = IOVECS + BATCH_DATAGRAMS_MAX * IOVEC_BYTES;
const PAYLOAD = NAMES + BATCH_DATAGRAMS_MAX * SOCKADDR_BYTES_MAX;
const CONTROL = PAYLOAD + BATCH_BYTES_MAX;
/** CMSG_LEN(2) and CMSG_SPACE(2), cmsg(3). */
const CONTROL_LENGTH = 18;
const CONTROL_BYTES = 24;
const BATCH_MEMORY_BYTES = CONTROL + 64;
