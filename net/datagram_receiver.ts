// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend, SqeFlag } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { DATAGRAM_BLOCKS, DatagramBlocks, type DatagramLayout } from "../io/datagram_blocks.ts";
import type { Engine } from "../io/engine.ts";
import type { Flushable } from "../io/flush_list.ts";
import type { Completion } from "../io/slot_table.ts";
import type { DatagramAddresses } from "./datagram_address.ts";
import type { Datagram, DatagramAddr } from "./datagram_socket.ts";

/** Receives that may wait on one socket; one more is refused with `Deno.errors.Busy`. */
export const RECEIVES_WAITING_MAX = 1024;
/** Datagrams taken before they are asked for; then the kernel keeps, or drops, what comes next. */
export const DATAGRAMS_KEPT_MAX = 256;
/** Bytes of them, with the same effect. */
export const DATAGRAM_BYTES_KEPT_MAX = 1_048_576;

interface ReceiveRequest<A extends DatagramAddr> {
  readonly into: Uint8Array | undefined;
  readonly resolve: (datagram: Datagram<A>) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * The receiving half of a datagram socket: one standing (multishot) receive that begins with the
 * first `receive` and is stopped when nobody takes what it brings.
 *
 * The kernel picks a block when a datagram arrives ({@linkcode DatagramBlocks}). It is copied to
 * the reader who waits, and the block goes back at once; or it is held in its block for the rest of
 * the round, in which the readers of most of a burst come, and copied to be kept only then:
 *
 * ```
 *   block --> reader who waits
 *     |
 *     +--> held (this round) --> reader
 *               |
 *               +--> kept (a copy) --> reader
 * ```
 */
export class DatagramReceiver<A extends DatagramAddr> implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #layout: DatagramLayout;
  readonly #addresses: DatagramAddresses;
  readonly #waiting: ReceiveRequest<A>[] = [];
  #kept: Datagram<A>[] = [];
  #keptStart = 0;
  #keptBytes = 0;
  /** Blocks whose datagrams are younger than those that are kept, and the bytes in each. */
  readonly #heldBlocks = new Uint8Array(DATAGRAM_BLOCKS);
  readonly #heldBytes = new Uint32Array(DATAGRAM_BLOCKS);
  #heldStart = 0;
  #heldEnd = 0;
  #flushes = false;
  #blocks: DatagramBlocks | null = null;
  #slot = -1;
  #stopping = false;
  #delayed = false;
  #hold = true;
  #holds = false;
  #failure: Error | null = null;
  #closed = false;

  /** Receives on a socket. */
  constructor(engine: Engine, fd: number, layout: DatagramLayout, addresses: DatagramAddresses) {
    this.#engine = engine;
    this.#fd = fd;
    this.#layout = layout;
    this.#addresses = addresses;
  }

  /** Whether the receive is in flight, or about to be. */
  get busy(): boolean {
    return this.#slot >= 0 || this.#delayed;
  }

  /** The next datagram, cut to the length of `into` where given. */
  receive(into: Uint8Array | undefined, signal?: AbortSignal): Promise<Datagram<A>> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (this.#kept.length > this.#keptStart) return Promise.resolve(this.#takeKept(into));
    if (this.#heldStart < this.#heldEnd) return Promise.resolve(this.#takeHeld(into));
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = null;
      return Promise.reject(failure);
    }
    if (this.#waiting.length >= RECEIVES_WAITING_MAX) {
      const reason = `Cannot receive: ${RECEIVES_WAITING_MAX} receives are waiting`;
      return Promise.reject(new Deno.errors.Busy(reason));
    }
    const promise = new Promise<Datagram<A>>((resolve, reject) => {
      this.#waiting.push({ into, resolve, reject });
    });
    if (signal) this.#withdrawOnAbort(this.#waiting.at(-1)!, signal, promise);
    if (!this.busy) this.#start();
    else this.#updateHold();
    return promise;
  }

  /** Rejects what waits, and ends the receive. */
  close(reason: unknown): void {
    this.#closed = true;
    this.#kept = [];
    while (this.#heldStart < this.#heldEnd) {
      this.#blocks!.giveBack(this.#heldBlocks[this.#heldStart++]!);
    }
    for (const request of this.#waiting.splice(0)) request.reject(reason);
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
  }

  /** Whether waiting receives keep the process alive. */
  hold(hold: boolean): void {
    this.#hold = hold;
    this.#updateHold();
  }

  /** Takes a completion: a datagram, or the end of the receive. */
  complete(result: number, flags: number): void {
    if ((flags & CqeFlag.MORE) === 0) this.#slot = -1;
    if (flags & CqeFlag.BUFFER) this.#deliver(flags >>> 16, result);
    else if (result < 0) this.#ended(result);
    if (this.#slot >= 0) return this.#updateHold();
    this.#stopping = false;
    if (this.#waiting.length > 0 && !this.#delayed) this.#start();
  }

  /** The round is over: starts the receive that had to wait for blocks, and gives back the rest. */
  flush(): void {
    this.#flushes = false;
    this.#keepHeld();
    this.#stopWhenFull();
    if (!this.#delayed) return;
    this.#delayed = false;
    if (this.#waiting.length > 0) this.#start();
  }

  #flushLater(): void {
    if (this.#flushes) return;
    this.#flushes = true;
    this.#engine.flushLater(this);
  }

  #start(): void {
    try {
      this.#submit();
    } catch (error) {
      for (const request of this.#waiting.splice(0)) request.reject(error);
    }
  }

  #submit(): void {
    const blocks = this.#blocks ??= DatagramBlocks.of(this.#engine);
    this.#holds = this.#hold && this.#waiting.length > 0;
    this.#slot = this.#engine.submit(
      this,
      this.#holds,
      Op.RECVMSG | SqeFlag.BUFFER_SELECT << 8 | RecvSend.MULTISHOT << 16,
      this.#fd,
      0,
      0,
      blocks.header(this.#layout),
      this.#engine.pool.addressHigh,
      1,
      0,
      blocks.ring.group,
    );
  }

  /** Hands on what a block holds; its length is what was taken in of a datagram that was longer. */
  #deliver(block: number, byteLength: number): void {
    const blocks = this.#blocks!;
    blocks.ring.took();
    if (this.#closed) return blocks.giveBack(block);
    const segmentBytes = this.#segmentBytes(block);
    if (segmentBytes > 0) return this.#deliverSegments(block, byteLength, segmentBytes);
    const request = this.#waiting.shift();
    if (request !== undefined) {
      return request.resolve(this.#datagramOf(block, byteLength, request.into));
    }
    if (this.#heldEnd === DATAGRAM_BLOCKS) this.#keepHeld();
    this.#heldBlocks[this.#heldEnd] = block;
    this.#heldBytes[this.#heldEnd++] = byteLength;
    this.#flushLater();
  }

  /** Copies the datagrams that the kernel has joined. */
  #deliverSegments(block: number, byteLength: number, segmentBytes: number): void {
    const blocks = this.#blocks!;
    const { bytes } = blocks.ring;
    const end = blocks.ring.start(block) + byteLength;
    this.#keepHeld();
    blocks.giveBack(block);
    let at = this.#payloadStart(block);
    do {
      const payload = bytes.subarray(at, Math.min(at + segmentBytes, end));
      const addr = this.#senderOf(block);
      const request = this.#waiting.shift();
      if (request) request.resolve([copyOf(payload, request.into), addr]);
      else this.#keep([payload.slice(), addr]);
      at += segmentBytes;
    } while (at < end);
    this.#stopWhenFull();
  }

  /** Copies a datagram out of its block, which it gives back. */
  #datagramOf(block: number, byteLength: number, into: Uint8Array | undefined): Datagram<A> {
    const blocks = this.#blocks!;
    const { bytes } = blocks.ring;
    const end = blocks.ring.start(block) + byteLength;
    // The kernel sees it no sooner than the next entries.
    blocks.giveBack(block);
    return [copyOf(bytes.subarray(this.#payloadStart(block), end), into), this.#senderOf(block)];
  }

  #senderOf(block: number): A {
    const blocks = this.#blocks!;
    const start = blocks.nameStart(block);
    return this.#addresses.decode(blocks.ring.bytes, start, blocks.nameBytes(block)) as A;
  }

  #payloadStart(block: number): number {
    const { nameBytes, controlBytes } = this.#layout;
    return this.#blocks!.nameStart(block) + nameBytes + controlBytes;
  }

  /** The size of the datagrams that the kernel has joined, or 0. */
  #segmentBytes(block: number): number {
    if (this.#layout.controlBytes === 0) return 0;
    const blocks = this.#blocks!;
    const start = blocks.nameStart(block) + this.#layout.nameBytes;
    return segmentSize(blocks.ring.bytes, start, blocks.controlBytes(block));
  }

  #takeHeld(into: Uint8Array | undefined): Datagram<A> {
    const index = this.#heldStart++;
    const datagram = this.#datagramOf(this.#heldBlocks[index]!, this.#heldBytes[index]!, into);
    if (this.#heldStart === this.#heldEnd) this.#heldStart = this.#heldEnd = 0;
    return datagram;
  }

  /** Copies what is held, for others may need the blocks. */
  #keepHeld(): void {
    while (this.#heldStart < this.#heldEnd) this.#keep(this.#takeHeld(undefined));
  }

  #keep(datagram: Datagram<A>): void {
    this.#kept.push(datagram);
    this.#keptBytes += datagram[0].length;
  }

  #stopWhenFull(): void {
    const full = this.#kept.length - this.#keptStart >= DATAGRAMS_KEPT_MAX ||
      this.#keptBytes >= DATAGRAM_BYTES_KEPT_MAX;
    if (!full || this.#slot < 0 || this.#stopping) return;
    this.#stopping = true;
    this.#engine.cancel(this.#slot, this);
  }

  #takeKept(into: Uint8Array | undefined): Datagram<A> {
    const datagram = this.#kept[this.#keptStart]!;
    this.#keptStart++;
    this.#keptBytes -= datagram[0].length;
    if (this.#keptStart === this.#kept.length) {
      this.#kept = [];
      this.#keptStart = 0;
    }
    return into === undefined ? datagram : [copyOf(datagram[0], into), datagram[1]];
  }

  /** The receive ended without a datagram. */
  #ended(result: number): void {
    if (result === -Errno.ENOBUFS || result === -Errno.EINTR) {
      // Blocks come back by the end of the turn; the datagram waits in the socket.
      this.#delayed = true;
      return this.#flushLater();
    }
    if (result === -Errno.ECANCELED || this.#closed) return;
    const error = result === -Errno.EINVAL
      ? new Deno.errors.NotSupported("Cannot receive datagrams: the kernel must be 6.0 or newer")
      : osError(-result);
    const request = this.#waiting.shift();
    if (request) request.reject(error);
    else this.#failure = error;
  }

  #updateHold(): void {
    const holds = this.#hold && this.#waiting.length > 0;
    if (holds === this.#holds || this.#slot < 0) return;
    this.#holds = holds;
    this.#engine.hold(this.#slot, this, holds);
  }

  #withdrawOnAbort(
    request: ReceiveRequest<A>,
    signal: AbortSignal,
    promise: Promise<unknown>,
  ): void {
    const abort = () => {
      const index = this.#waiting.indexOf(request);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      request.reject(signal.reason);
      this.#updateHold();
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}

/** Copies to the reader's buffer what fits, or into one of its own. */
function copyOf(
  payload: Uint8Array<ArrayBuffer>,
  into: Uint8Array | undefined,
): Uint8Array<ArrayBuffer> {
  if (into === undefined) return payload.slice();
  const count = Math.min(payload.length, into.length);
  into.set(count < payload.length ? payload.subarray(0, count) : payload);
  return into.subarray(0, count) as Uint8Array<ArrayBuffer>;
}

// struct cmsghdr: length u64, level i32, type i32, then for UDP_GRO the size as an i32 (udp(7)).
const CMSG_LEVEL = 8;
const CMSG_TYPE = 12;
const CMSG_DATA = 16;
const IPPROTO_UDP = 17;
const UDP_GRO = 104;

/** The size of the datagrams that the kernel has joined, or 0. */
function segmentSize(bytes: Uint8Array, at: number, controlBytes: number): number {
  if (controlBytes < CMSG_DATA + 2) return 0;
  const isGro = bytes[at + CMSG_LEVEL] === IPPROTO_UDP && bytes[at + CMSG_TYPE] === UDP_GRO;
  return isGro ? bytes[at + CMSG_DATA]! | bytes[at + CMSG_DATA + 1]! << 8 : 0;
}
