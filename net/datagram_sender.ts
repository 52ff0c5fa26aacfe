// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { DatagramBatch, SEGMENTS_MAX, sendToNow } from "../ffi/datagram.ts";
import { Errno, isNotNow, osError } from "../ffi/errno.ts";
import type { Engine } from "../io/engine.ts";
import type { Completion } from "../io/slot_table.ts";
import type { EncodedName } from "./datagram_address.ts";

/** Sends that may wait for room on one socket; one more is refused with `Deno.errors.Busy`. */
export const SENDS_WAITING_MAX = 1024;

/** Pause before a full receiver is tried again. */
export const RETRY_MS = 1;

const POLLOUT = 4; // poll(2)
/** The name of nobody: the peer of a connected socket. */
const NOBODY: EncodedName = { bytes: new Uint8Array(1), length: 0 };

/** Tries to send; answers `-EAGAIN` when there is no room now. */
type Attempt = () => number;

interface WaitingSend {
  readonly attempt: Attempt;
  readonly resolve: (result: number) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The sending half of a datagram socket. A datagram leaves by a system call that never waits, from
 * where it is: the result is known at once, nothing is copied, and no answer has to be waited for.
 * (By entries of the ring a loop of `receive` and `send` would need a round for each datagram.)
 * Only a full socket is waited for with the ring.
 */
export class DatagramSender implements Completion {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #waiting: WaitingSend[] = [];
  #slot = -1;
  #timer = 0;
  #closed = false;

  /** Sends on a socket. */
  constructor(engine: Engine, fd: number) {
    this.#engine = engine;
    this.#fd = fd;
  }

  /** Whether the ring watches for room. */
  get busy(): boolean {
    return this.#slot >= 0;
  }

  /** Sends one datagram. */
  send(p: Uint8Array, name: EncodedName | null): Promise<number> {
    const { bytes, length } = name ?? NOBODY;
    if (this.#waiting.length === 0) {
      const sent = sendToNow(this.#fd, p, bytes, length);
      if (sent >= 0) return Promise.resolve(sent);
      if (!isNotNow(sent)) return Promise.reject(osError(-sent));
    }
    // The caller's name may be written again for the next datagram.
    const ownName = bytes.slice();
    return this.#wait(() => sendToNow(this.#fd, p, ownName, length));
  }

  /** Sends several datagrams in order; says how many. */
  async sendBatch(
    datagrams: readonly (readonly [Uint8Array, EncodedName | null])[],
  ): Promise<number> {
    let sent = 0;
    while (sent < datagrams.length) {
      if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
      const first = sent;
      const count = await this.#attempt(() => sendSome(this.#fd, datagrams, first));
      sent += count;
    }
    return sent;
  }

  /** Sends bytes as datagrams of one size; says how many bytes. */
  async sendSegments(
    p: Uint8Array,
    segmentBytes: number,
    name: EncodedName | null,
  ): Promise<number> {
    const { bytes, length } = name ?? NOBODY;
    const ownName = bytes.slice();
    const stepBytes = Math.min(SEGMENTS_MAX, Math.floor(MESSAGE_BYTES_MAX / segmentBytes)) *
      segmentBytes;
    for (let at = 0; at < p.length; at += stepBytes) {
      if (this.#closed) throw new Deno.errors.Interrupted("operation canceled");
      const piece = p.subarray(at, at + stepBytes);
      const result = await this.#attempt(
        () => resultOrRefusal(batch().sendSegments(this.#fd, piece, segmentBytes, ownName, length)),
      );
      if (result === REFUSED) await this.#sendEach(piece, segmentBytes, { bytes: ownName, length });
    }
    return p.length;
  }

  /** Rejects what waits. */
  close(reason: unknown): void {
    this.#closed = true;
    for (const send of this.#waiting.splice(0)) send.reject(reason);
    clearTimeout(this.#timer);
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
  }

  /** The socket has room, or an error. */
  complete(): void {
    this.#slot = -1;
    this.#retry();
  }

  /** Lets what waits try again, in order. */
  #retry(): void {
    let tried = false;
    while (this.#waiting.length > 0) {
      const { attempt, resolve, reject } = this.#waiting[0]!;
      const result = attempt();
      if (isNotNow(result)) break;
      tried = true;
      this.#waiting.shift();
      if (result < 0) reject(osError(-result));
      else resolve(result);
    }
    if (this.#waiting.length === 0) return;
    // A Unix socket has room even when its receiver has none, which cannot be waited for.
    if (tried) this.#watch();
    else this.#timer = Number(setTimeout(() => this.#retry(), RETRY_MS));
  }

  /** Without the kernel's help: a datagram at a time. */
  async #sendEach(p: Uint8Array, segmentBytes: number, name: EncodedName): Promise<void> {
    for (let at = 0; at < p.length; at += segmentBytes) {
      await this.send(p.subarray(at, at + segmentBytes), name);
    }
  }

  async #attempt(attempt: Attempt): Promise<number> {
    if (this.#waiting.length > 0) return await this.#wait(attempt);
    const result = attempt();
    if (result >= 0) return result;
    if (isNotNow(result)) return await this.#wait(attempt);
    throw osError(-result);
  }

  #wait(attempt: Attempt): Promise<number> {
    if (this.#waiting.length >= SENDS_WAITING_MAX) {
      const reason = `Cannot send: ${SENDS_WAITING_MAX} sends are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    this.#waiting.push({ attempt, resolve, reject });
    if (this.#waiting.length === 1) this.#watch();
    return promise;
  }

  #watch(): void {
    try {
      this.#slot = this.#engine.submit(this, true, Op.POLL_ADD, this.#fd, 0, 0, 0, 0, 0, POLLOUT);
    } catch (error) {
      for (const send of this.#waiting.splice(0)) send.reject(error);
    }
  }
}

/** Most bytes of one message (RFC 768, less the headers of IPv4). */
const MESSAGE_BYTES_MAX = 65_507;
/** The result of an attempt that the kernel or the device refuses as such. */
const REFUSED = 0;

let shared: DatagramBatch | undefined;

/** The one batch of this isolate: it is filled and sent without a pause. */
function batch(): DatagramBatch {
  return shared ??= new DatagramBatch();
}

/** Sends as many as one call takes, from `first` on. */
function sendSome(
  fd: number,
  datagrams: readonly (readonly [Uint8Array, EncodedName | null])[],
  first: number,
): number {
  const all = batch();
  all.clear();
  for (let index = first; index < datagrams.length; index++) {
    const [bytes, name] = datagrams[index]!;
    if (!all.add(bytes, (name ?? NOBODY).bytes, (name ?? NOBODY).length)) break;
  }
  if (all.count > 0) return all.send(fd, 0);
  // More than any datagram holds: the kernel says so.
  const [bytes, name] = datagrams[first]!;
  const sent = sendToNow(fd, bytes, (name ?? NOBODY).bytes, (name ?? NOBODY).length);
  return sent < 0 ? sent : 1;
}

/** EINVAL, EIO and EOPNOTSUPP say that segments are not cut here, not that the bytes are bad. */
function resultOrRefusal(result: number): number {
  const refusals = [-Errno.EINVAL, -Errno.EIO, -Errno.EOPNOTSUPP];
  return refusals.includes(result) ? REFUSED : result;
}
