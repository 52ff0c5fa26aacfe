// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend } from "../ffi/abi.ts";
import { Errno, isNotNow, osError } from "../ffi/errno.ts";
import { BULK_BLOCKS, type BulkBlock } from "./bulk_blocks.ts";
import type { Engine } from "./engine.ts";
import type { FdStream } from "./fd_stream.ts";
import type { Receiver } from "./receiver.ts";
import type { Sender } from "./sender.ts";
import type { SendBorrower } from "./write_request.ts";
import type { Completion } from "./slot_table.ts";

// Moving bytes between a socket and a bulk block with operations that never wait for the peer:
// they take what is there, or what there is room for, and a block is free again right after.

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const POLLOUT = 4; // poll(2)

/** Receives into bulk blocks in turn with the stream's own reads, whose order is kept. */
export class DirectReceiver implements Completion {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #receiver: Receiver;
  #resolve: (count: number | null) => void = () => {};
  #reject: (reason: unknown) => void = () => {};

  /** Receives from a socket. */
  constructor(engine: Engine, stream: FdStream) {
    this.#engine = engine;
    this.#fd = stream.fd;
    this.#receiver = stream.receiver;
  }

  /**
   * Receives what is there, `byteLength` at most.
   *
   * @returns How many bytes: 0 when there are none now, or others read; null at the end
   */
  receive(block: BulkBlock, byteLength: number): Promise<number | null> {
    if (this.#receiver.keeps) return this.#receiver.read(block.bytes.subarray(0, byteLength));
    if (!this.#receiver.borrow()) return Promise.resolve(0);
    const { addressLow, addressHigh } = block;
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      try {
        const where = [addressLow, addressHigh, byteLength] as const;
        this.#engine.submit(this, true, Op.RECV, this.#fd, 0, 0, ...where, MSG_DONTWAIT);
      } catch (error) {
        this.#receiver.giveBack();
        reject(error);
      }
    });
  }

  /** Takes the completion of the receive. */
  complete(result: number): void {
    this.#receiver.giveBack();
    if (result === 0) this.#resolve(null);
    else if (result > 0) this.#resolve(result);
    else if (isNotNow(result)) this.#resolve(0);
    else this.#reject(osError(-result));
  }
}

/**
 * Sends from bulk blocks. It has the stream's sending to itself from {@linkcode borrow} until it is
 * disposed; writes made meanwhile leave after it. A failed send ends the stream.
 */
export class DirectSender implements Completion, SendBorrower, Disposable {
  readonly #engine: Engine;
  readonly #fd: number;
  readonly #sender: Sender;
  readonly #stream: FdStream;
  #slot = -1;
  #withdrawn: { reason: unknown } | null = null;
  #error: Error | null = null;
  #resolve: (count: number) => void = () => {};
  #reject: (reason: unknown) => void = () => {};

  /** Use {@linkcode borrow}. */
  constructor(engine: Engine, stream: FdStream) {
    this.#engine = engine;
    this.#fd = stream.fd;
    this.#sender = stream.sender;
    this.#stream = stream;
  }

  /** Waits until all that was written before has left. */
  static async borrow(
    engine: Engine,
    stream: FdStream,
    signal?: AbortSignal,
  ): Promise<DirectSender> {
    const direct = new DirectSender(engine, stream);
    await stream.sender.borrow(direct, signal);
    return direct;
  }

  /**
   * Sends what there is room for now and says how much: 0 when there is none. The block may be
   * given back then: one that is sent without a copy is kept until the peer has it.
   */
  send(block: BulkBlock, byteLength: number): Promise<number> {
    const { addressLow, addressHigh } = block;
    const flags = MSG_NOSIGNAL | MSG_DONTWAIT;
    // Peers that are slow to take what was lent must leave blocks for the others.
    const spare = this.#engine.pool.bulk.leased <= BULK_BLOCKS / 2;
    if (spare && byteLength >= this.#stream.zeroCopyBytesMin) {
      return this.#sendUncopied(block, byteLength);
    }
    return this.#start(Op.SEND, addressLow, addressHigh, byteLength, flags);
  }

  /** Resolves when there is room, or an error to be had from {@linkcode send}. */
  async writable(signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted();
    const stop = () => this.withdraw(signal!.reason);
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await this.#start(Op.POLL_ADD, 0, 0, 0, POLLOUT);
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Throws when the stream was closed: for whoever sends on the descriptor by calls of its own.
   *
   * @throws {unknown} the reason that it was closed with
   */
  check(): void {
    if (this.#withdrawn) throw this.#withdrawn.reason;
  }

  /** Notes what such a call failed with, which ends the stream; gives the error back. */
  failed(error: Error): Error {
    return this.#error = error;
  }

  /** The stream was closed: whatever is asked for from now on rejects. */
  withdraw(reason: unknown): void {
    this.#withdrawn = { reason };
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
  }

  /** Takes the completion of the operation in flight. */
  complete(result: number): void {
    this.#slot = -1;
    if (result >= 0) this.#resolve(result);
    else if (this.#withdrawn) this.#reject(this.#withdrawn.reason);
    else if (isNotNow(result)) this.#resolve(0);
    else this.#reject(this.#error = osError(-result));
  }

  /** Gives the sending back. */
  [Symbol.dispose](): void {
    this.#sender.giveBack(this.#error);
  }

  /** SEND_ZC (6.0) answers twice: with the count, and when the memory is free again. */
  #sendUncopied(block: BulkBlock, byteLength: number): Promise<number> {
    if (this.#withdrawn) return Promise.reject(this.#withdrawn.reason);
    const engine = this.#engine;
    const fixed = engine.pool.bulk.fix(engine.ring.registry);
    const { addressLow, addressHigh, index } = block;
    return new Promise<number>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const release = block.share();
      const complete = (result: number, flags: number) => {
        if ((flags & CqeFlag.MORE) === 0) release();
        if (flags & CqeFlag.NOTIF) return;
        if (result !== -Errno.EOPNOTSUPP && result !== -Errno.EINVAL) return this.complete(result);
        // A Unix socket, or a kernel before 6.0: it is copied from now on.
        this.#stream.zeroCopyBytesMin = Infinity;
        this.send(block, byteLength).then(resolve, reject);
      };
      try {
        engine.submit(
          { complete },
          true,
          Op.SEND_ZC | (fixed ? RecvSend.FIXED_BUF << 16 : 0),
          this.#fd,
          0,
          0,
          addressLow,
          addressHigh,
          byteLength,
          MSG_NOSIGNAL | MSG_DONTWAIT,
          fixed ? index : 0,
        );
      } catch (error) {
        release();
        reject(error);
      }
    });
  }

  #start(op: number, low: number, high: number, byteLength: number, flags: number) {
    if (this.#withdrawn) return Promise.reject(this.#withdrawn.reason);
    return new Promise<number>((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      const where = [low, high, byteLength] as const;
      this.#slot = this.#engine.submit(this, true, op, this.#fd, 0, 0, ...where, flags);
    });
  }
}
