// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend, SqeFlag } from "../ffi/abi.ts";
import { Errno, isNotNow, osError } from "../ffi/errno.ts";
import { bytesToReceive, receiveNow } from "../ffi/socket.ts";
import type { BufferRing } from "./buffer_ring.ts";
import type { Engine } from "./engine.ts";
import type { FdStream } from "./fd_stream.ts";
import type { Flushable } from "./flush_list.ts";
import { LowWater } from "./low_water.ts";
import type { Completion } from "./slot_table.ts";

/** Full blocks in a row after which a feed asks for large ones. */
const BULK_AFTER_BLOCKS = 4;
/** Most bytes that one call takes of bulk data: 200 us or so. */
const BULK_BYTES_MAX = 1_048_576;
/** What such a call counts for among the direct calls of a round. */
const BULK_CALLS = 4;
const POLLIN = 1; // poll(2)

/** Who takes what a {@linkcode StreamFeed} brings. */
export interface FeedSink {
  /** Takes bytes where they are; they are gone when the call returns. */
  take(bytes: Uint8Array, start: number, end: number): void;
  /** The peer sent its last byte (null), or the stream failed. Called once at most. */
  ended(error: Error | null): void;
  /**
   * Where bulk data is wanted, so that it need not be copied there; null for nowhere.
   *
   * @param byteLength So many bytes have come
   */
  room?(byteLength: number): Uint8Array | null;
  /** So many bytes were received where there was {@linkcode room}. */
  filled?(byteLength: number): void;
}

/**
 * Receives for a protocol: one standing (multishot) receive, whose blocks are read where they are.
 *
 * No promise, no copy and no entry for each message. It borrows the stream's receiver, so that
 * nobody else can read, and gives it back when it is stopped. A feed that is paused may still bring
 * what the kernel had taken by then: 32 blocks at most, for so many does it fill in one go.
 *
 * Where much is to come ({@linkcode StreamFeed.expectBulk}) it waits until the socket has much
 * ({@linkcode LowWater}) and takes it by calls that do not wait ({@linkcode DirectBudget}), right
 * into where it is wanted if the sink says so.
 */
export class StreamFeed implements Completion, Flushable {
  readonly #engine: Engine;
  readonly #stream: FdStream;
  #sink: FeedSink;
  #blocks: BufferRing;
  #slot = -1;
  #hold: boolean;
  #paused = false;
  #stopped = false;
  #over = false;
  #delayed = false;
  #single = false;
  #fullBlocks = 0;
  #bulk = false;
  #bulkLeft = 0;
  #water: LowWater | null = null;
  #polling = false;
  #returned = false;
  #onStopped: () => void = () => {};

  /**
   * Begins to receive.
   *
   * @param hold Whether waiting for bytes keeps the process alive
   * @throws {Deno.errors.Busy} when the stream is being read by others
   */
  constructor(engine: Engine, stream: FdStream, hold: boolean, sink: FeedSink) {
    if (!stream.receiver.borrow()) {
      throw new Deno.errors.Busy("Cannot feed from stream: it is being read");
    }
    this.#engine = engine;
    this.#stream = stream;
    this.#sink = sink;
    this.#hold = hold;
    this.#blocks = engine.smallReceives;
    this.#arm();
  }

  /** Brings what comes from now on to another sink. */
  redirect(sink: FeedSink): void {
    this.#sink = sink;
  }

  /** Brings no more until {@linkcode resume}, save what is on its way. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#cancel();
  }

  /** Goes on. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#slot < 0) this.#arm();
  }

  /**
   * Ends the feed and gives the receiver back; what still arrives is brought before.
   *
   * @param onStopped Called when that is done, in this call or later
   */
  stop(onStopped: () => void = () => {}): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#onStopped = onStopped;
    if (this.#slot >= 0) this.#cancel();
    else if (!this.#delayed) this.#giveBack();
  }

  /**
   * How much is to come at least: it is taken in pieces as large as there are. With 0 that ends,
   * and not before.
   */
  expectBulk(byteLength: number): void {
    this.#bulkLeft = byteLength;
    if (this.#bulk === byteLength > 0) return;
    this.#bulk = byteLength > 0;
    if (this.#bulk) this.#water ??= new LowWater(this.#engine, this.#stream.fd);
    else this.#water?.reset();
    // It takes another receive, which is armed when the one in flight is over.
    this.#cancel();
  }

  /** Whether waiting for bytes keeps the process alive. */
  hold(hold: boolean): void {
    this.#hold = hold;
    this.#engine.hold(this.#slot, this, hold);
  }

  /** Takes a completion of the receive. */
  complete(result: number, flags: number): void {
    if ((flags & CqeFlag.MORE) === 0) this.#slot = -1;
    try {
      if (flags & CqeFlag.BUFFER) this.#deliver(result, flags >>> 16);
      else if (this.#polling) this.#polled(result);
      else if (!this.#over) this.#end(result);
    } finally {
      if (this.#slot < 0) this.#next();
    }
  }

  /** Starts the receive that had to wait for blocks. */
  flush(): void {
    this.#delayed = false;
    this.#next();
  }

  #next(): void {
    if (this.#delayed || this.#slot >= 0) return;
    if (this.#stopped) this.#giveBack();
    else if (!this.#paused && !this.#over) this.#arm();
  }

  #arm(): void {
    if (this.#over || this.#stopped || this.#delayed) return;
    this.#polling = this.#bulk;
    try {
      this.#slot = this.#bulk ? this.#submitPoll() : this.#submitReceive();
    } catch (error) {
      this.#over = true;
      this.#sink.ended(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #submitPoll(): number {
    const { fd } = this.#stream;
    this.#water!.waits(this.#bulkLeft);
    return this.#engine.submit(this, this.#hold, Op.POLL_ADD, fd, 0, 0, 0, 0, 0, POLLIN);
  }

  #submitReceive(): number {
    const multishot = this.#single ? 0 : RecvSend.MULTISHOT;
    const head = Op.RECV | SqeFlag.BUFFER_SELECT << 8 | multishot << 16;
    const { fd } = this.#stream;
    const bytes = this.#single ? this.#blocks.blockBytes : 0;
    const { group } = this.#blocks;
    return this.#engine.submit(this, this.#hold, head, fd, 0, 0, 0, 0, bytes, 0, group);
  }

  /** The socket is ready: takes what there is, by calls that do not wait. */
  #polled(result: number): void {
    this.#polling = false;
    this.#water!.waited();
    if (result < 0) return this.#end(result);
    const before = this.#bulkLeft;
    const last = this.#receiveBulk();
    if (last <= 0 && !isNotNow(last)) return this.#end(last);
    if (this.#bulk) this.#water!.came(before - this.#bulkLeft);
  }

  /** Receives while there is something; says as `receiveNow` what the last call brought. */
  #receiveBulk(): number {
    const { direct } = this.#engine;
    let received = -Errno.EAGAIN;
    while (this.#bulk && !this.#paused && !this.#stopped && direct.take(BULK_CALLS)) {
      const { fd } = this.#stream;
      const room = this.#sink.room?.(Math.min(bytesToReceive(fd), BULK_BYTES_MAX)) ?? null;
      const place = room ?? (shared ??= new Uint8Array(BULK_BYTES_MAX));
      const wanted = Math.min(BULK_BYTES_MAX, place.length);
      received = receiveNow(fd, place, wanted);
      if (received <= 0) break;
      this.#bulkLeft -= received;
      if (room === null) this.#sink.take(place, 0, received);
      else this.#sink.filled!(received);
      // There was no more.
      if (received < wanted) break;
    }
    return received;
  }

  #deliver(byteLength: number, block: number): void {
    const blocks = this.#blocks;
    blocks.took();
    try {
      if (byteLength > 0 && !this.#over) {
        const start = blocks.start(block);
        if (blocks === this.#engine.largeReceives) this.#engine.direct.noteBulk();
        this.#sink.take(blocks.bytes, start, start + byteLength);
      }
    } finally {
      blocks.giveBack(block);
      this.#chooseBlocks(byteLength);
    }
  }

  /** Bulk data comes in large blocks, which takes another receive. */
  #chooseBlocks(byteLength: number): void {
    const { smallReceives, largeReceives } = this.#engine;
    if (this.#blocks === largeReceives) {
      if (byteLength > smallReceives.blockBytes || this.#fullBlocks === 0) return;
      this.#fullBlocks = 0;
    } else if (byteLength < smallReceives.blockBytes) {
      this.#fullBlocks = 0;
      return;
    } else if (++this.#fullBlocks !== BULK_AFTER_BLOCKS) {
      return;
    }
    if (this.#slot >= 0) return this.#cancel();
    this.#blocks = this.#fullBlocks >= BULK_AFTER_BLOCKS ? largeReceives : smallReceives;
  }

  /** A completion without bytes: the end of the stream, of the entry, or an error. */
  #end(result: number): void {
    if (result === -Errno.ECANCELED) {
      const bulk = this.#fullBlocks >= BULK_AFTER_BLOCKS;
      this.#blocks = bulk ? this.#engine.largeReceives : this.#engine.smallReceives;
      return;
    }
    if (result === -Errno.ENOBUFS || result === -Errno.EINTR) {
      // Others give their blocks back by the end of the turn.
      this.#delayed = true;
      return this.#engine.flushLater(this);
    }
    if (result === -Errno.EINVAL && !this.#single) {
      // Kernels before 6.0 have no multishot receive.
      this.#single = true;
      return;
    }
    this.#over = true;
    this.#sink.ended(result === 0 ? null : osError(-result));
  }

  #giveBack(): void {
    if (this.#returned) return;
    this.#returned = true;
    this.#stream.receiver.giveBack();
    this.#onStopped();
  }

  #cancel(): void {
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
  }
}

/** Shared: what is in it is taken before anything else is received. Made when it is needed. */
let shared: Uint8Array | null = null;
