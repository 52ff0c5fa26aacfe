// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CONTROL, CONTROL_HEAD_BYTES, ControlMessage } from "./control_message.ts";
import { noteOpened } from "./descriptor_table.ts";
import { osError } from "./errno.ts";
import { readMessageHeader } from "./layout.ts";
import { lastErrno, libc } from "./libc.ts";

/** Descriptors that one message carries at most (SCM_MAX_FD, unix(7)). */
export const DESCRIPTORS_PER_MESSAGE_MAX = 253;

/** Bytes that go with them at most. */
export const DESCRIPTOR_PAYLOAD_BYTES_MAX = 4096;

/**
 * Sends descriptors over a Unix socket, with some bytes (SCM_RIGHTS, unix(7)): the receiver gets
 * its own descriptors for the same open files.
 *
 * @param bytes One at least, {@linkcode DESCRIPTOR_PAYLOAD_BYTES_MAX} at most
 * @returns The bytes sent, or a negative error number: `-EAGAIN` when there is no room now
 * @throws {RangeError} when there are none, or too many of either
 */
export function sendDescriptorsNow(
  socket: number,
  fds: readonly number[],
  bytes: Uint8Array,
): number {
  if (bytes.length === 0 || bytes.length > DESCRIPTOR_PAYLOAD_BYTES_MAX) {
    throw new RangeError(
      `Cannot send descriptors: from 1 to ${DESCRIPTOR_PAYLOAD_BYTES_MAX} bytes go with them, ` +
        `received ${bytes.length}`,
    );
  }
  if (fds.length === 0 || fds.length > DESCRIPTORS_PER_MESSAGE_MAX) {
    throw new RangeError(
      `Cannot send descriptors: from 1 to ${DESCRIPTORS_PER_MESSAGE_MAX} go at once, ` +
        `received ${fds.length}`,
    );
  }
  const controlBytes = CONTROL_HEAD_BYTES + 4 * fds.length + (fds.length % 2) * 4;
  const { mapping, words } = message(bytes.length, controlBytes);
  mapping.bytes.set(bytes, PAYLOAD);
  const length = CONTROL_HEAD_BYTES + 4 * fds.length;
  words.set([length, 0, SOL_SOCKET, SCM_RIGHTS, ...fds], CONTROL / 4);
  const sent = libc().sendmsg(socket, mapping.pointer, MSG_DONTWAIT | MSG_NOSIGNAL);
  return sent < 0 ? -lastErrno() : sent;
}

/**
 * Receives what {@linkcode sendDescriptorsNow} sent; the caller closes the descriptors.
 *
 * @returns The bytes and the descriptors, or a negative error number: `-EAGAIN` when there is
 * nothing now; null at the end of the stream
 */
export function receiveDescriptorsNow(
  socket: number,
): { bytes: Uint8Array; fds: number[] } | number | null {
  const { mapping, words } = message(DESCRIPTOR_PAYLOAD_BYTES_MAX, CONTROL_BYTES_MAX);
  const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
  const received = libc().recvmsg(socket, mapping.pointer, flags);
  if (received < 0) return -lastErrno();
  if (received === 0) return null;
  const { controlBytes } = readMessageHeader(words, 0);
  const at = CONTROL / 4;
  const isRights = controlBytes >= CONTROL_HEAD_BYTES && words[at + 2] === SOL_SOCKET &&
    words[at + 3] === SCM_RIGHTS;
  const count = isRights ? (words[at]! - CONTROL_HEAD_BYTES) / 4 : 0;
  const fds = [...words.subarray(at + 4, at + 4 + count)].map(noteOpened);
  return { bytes: mapping.bytes.slice(PAYLOAD, PAYLOAD + received), fds };
}

/**
 * Takes over a descriptor that this process was started with: it is closed on exec from now on, and
 * by this thread.
 *
 * @throws {Error} `.code` is `"EBADF"` when it is not open
 */
export function adoptDescriptor(fd: number): number {
  if (libc().setFlags(fd, F_SETFD, FD_CLOEXEC) < 0) throw osError(lastErrno());
  return noteOpened(fd);
}

/** Whether a socket listens (SO_ACCEPTCONN); false for what is no socket. */
export function isListening(fd: number): boolean {
  const value = new Uint8Array(4);
  const length = new Uint32Array([value.length]);
  return libc().getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, value, length) === 0 && value[0] === 1;
}

const SOL_SOCKET = 1;
const SO_ACCEPTCONN = 30;
const SCM_RIGHTS = 1;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

const CONTROL_BYTES_MAX = 1040;
const PAYLOAD = 2048;

let memory: ControlMessage | undefined;

/** A message with room for control data. It is filled and used without a pause. */
function message(payloadBytes: number, controlBytes: number): ControlMessage {
  memory ??= new ControlMessage(PAYLOAD, DESCRIPTOR_PAYLOAD_BYTES_MAX);
  memory.describe(payloadBytes, controlBytes);
  return memory;
}
