// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CONTROL, CONTROL_HEAD_BYTES, ControlMessage } from "./control_message.ts";
import { isNotNow, osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/** What it takes to make records of TLS 1.3 in one direction (RFC 8446 section 5.2). */
export interface RecordKeys {
  /** Cipher suite in the words of the standard: `TLS_AES_128_GCM_SHA256`. */
  readonly suite: string;
  /** Key of the cipher. */
  readonly key: Uint8Array;
  /** What is mixed with the number of a record to be its nonce; 12 bytes. */
  readonly iv: Uint8Array;
  /** Number of the next record. */
  readonly sequence: bigint;
}

/** Whether the kernel knows a cipher suite. */
export function isKernelSuite(suite: string): boolean {
  return suite in CIPHERS;
}

/**
 * Has the kernel make records of all that is sent on a TCP socket from now on
 * (Documentation/networking/tls.rst; TLS 1.3 since Linux 5.1, ChaCha20 since 5.11).
 *
 * @param fd A connected socket, on which nothing waits to be sent
 * @returns Whether it does; false when this kernel cannot, and all is as before
 */
export function encryptByKernel(fd: number, keys: RecordKeys): boolean {
  const info = encodeCryptoInfo(keys);
  const { setsockopt } = libc();
  if (setsockopt(fd, SOL_TCP, TCP_ULP, PROTOCOL, PROTOCOL.length) < 0) return false;
  return setsockopt(fd, SOL_TLS, TLS_TX, info, info.length) === 0;
}

/**
 * `struct tls12_crypto_info_*` of linux/tls.h; the nonce of AES is in two parts:
 *
 *     0         2        4    12    12 + key    16 + key   24 + key
 *     | version | cipher | iv | key | salt of 4 | sequence |            AES-GCM
 *     | version | cipher | iv of 12 | key       | sequence |            ChaCha20-Poly1305
 *
 * @throws {TypeError} when the kernel knows no such cipher suite
 */
export function encodeCryptoInfo(
  { suite, key, iv, sequence }: RecordKeys,
): Uint8Array<ArrayBuffer> {
  const cipher = CIPHERS[suite];
  if (cipher === undefined) throw new TypeError(`Cannot encrypt by the kernel: it lacks ${suite}`);
  const salt = iv.subarray(0, cipher.saltBytes);
  const rest = iv.subarray(cipher.saltBytes);
  const info = new Uint8Array(HEAD_BYTES + iv.length + key.length + SEQUENCE_BYTES);
  const view = new DataView(info.buffer);
  view.setUint16(0, TLS_1_3, true);
  view.setUint16(2, cipher.type, true);
  info.set(rest, HEAD_BYTES);
  info.set(key, HEAD_BYTES + rest.length);
  info.set(salt, HEAD_BYTES + rest.length + key.length);
  view.setBigUint64(info.length - SEQUENCE_BYTES, sequence);
  return info;
}

/**
 * Sends the goodbye of TLS (close_notify, RFC 8446 section 6.1) on a socket whose records the
 * kernel makes.
 *
 * @returns Whether it was taken; false when there is no room now
 * @throws {Error} Deno's error for the error number
 */
export function sendGoodbyeByKernel(fd: number): boolean {
  const { pointer } = (message ??= goodbye()).mapping;
  const sent = libc().sendmsg(fd, pointer, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent >= 0) return true;
  const errno = lastErrno();
  if (isNotNow(-errno)) return false;
  throw osError(errno);
}

// linux/tls.h, netinet/tcp.h, sys/socket.h
const SOL_TCP = 6;
const SOL_TLS = 282;
const TCP_ULP = 31;
const TLS_TX = 1;
const TLS_SET_RECORD_TYPE = 1;
const TLS_1_3 = 0x304;
const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;

const PROTOCOL = new TextEncoder().encode("tls");
const HEAD_BYTES = 4;
const SEQUENCE_BYTES = 8;

// Data: what linux/tls.h calls the ciphers, and how much of a nonce it calls its salt.
// deno-fmt-ignore
const CIPHERS: Record<string, { readonly type: number; readonly saltBytes: number }> = {
  TLS_AES_128_GCM_SHA256:       { type: 51, saltBytes: 4 },
  TLS_AES_256_GCM_SHA384:       { type: 52, saltBytes: 4 },
  TLS_CHACHA20_POLY1305_SHA256: { type: 54, saltBytes: 0 },
};

const RECORD_ALERT = 21;
/** Level `warning`, description `close_notify`. */
const CLOSE_NOTIFY = [1, 0];

const PAYLOAD = 192;
/** One control message with a byte, and what fills it up to 8. */
const CONTROL_BYTES = CONTROL_HEAD_BYTES + 8;

let message: ControlMessage | undefined;

function goodbye(): ControlMessage {
  const made = new ControlMessage(PAYLOAD, CLOSE_NOTIFY.length);
  made.describe(CLOSE_NOTIFY.length, CONTROL_BYTES);
  made.mapping.bytes.set(CLOSE_NOTIFY, PAYLOAD);
  const head = [CONTROL_HEAD_BYTES + 1, 0, SOL_TLS, TLS_SET_RECORD_TYPE];
  made.words.set([...head, RECORD_ALERT], CONTROL / 4);
  return made;
}
