// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CqeFlag, Op, RecvSend, SqeFlag } from "../ffi/abi.ts";
import { Errno, osError } from "../ffi/errno.ts";
import type { BufferRing } from "./buffer_ring.ts";
import type { Engine } from "./engine.ts";
import type { FdStream } from "./fd_stream.ts";
import type { Flushable } from "./flush_list.ts";
import type { Completion } from "./slot_table.ts";

/** Full blocks in a row after which a feed asks for large ones. */
const BULK_AFTER_BLOCKS = 4;

/** Who takes what a {@linkcode StreamFeed} brings. */
export interface FeedSink {
  /** Takes bytes where they are; they are gone when the call returns. */
  take(bytes: Uint8Array, start: number, end: number): void;
  /** The peer sent its last byte (null), or the stream failed. Called once at most. */
  ended(error: Error | null): void;
}

/**
 * Receives for a protocol: one standing (multishot) receive, whose blocks are read where they are.
 *
 * No promise, no copy and no entry for each message. It borrows the stream's receiver, so that
 * nobody else can read, and gives it back when it is stopped. A feed that is paused may still bring
 * what the kernel had taken by then: 32 blocks at most, for so many does it fill in one go.
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

  /** Whether much is to come: then blocks are large, however little comes at a time. */
  expectBulk(bulk: boolean): void {
    if (this.#bulk === bulk) return;
    this.#bulk = bulk;
    this.#fullBlocks = bulk ? BULK_AFTER_BLOCKS : 0;
    const { smallReceives, largeReceives } = this.#engine;
    const wanted = bulk ? largeReceives : smallReceives;
    if (this.#blocks === wanted) return;
    // It takes another receive, which is armed when the one in flight is over.
    if (this.#slot >= 0) this.#cancel();
    else this.#blocks = wanted;
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
    const multishot = this.#single ? 0 : RecvSend.MULTISHOT;
    const head = Op.RECV | SqeFlag.BUFFER_SELECT << 8 | multishot << 16;
    const { fd } = this.#stream;
    const bytes = this.#single ? this.#blocks.blockBytes : 0;
    const { group } = this.#blocks;
    try {
      this.#slot = this.#engine.submit(this, this.#hold, head, fd, 0, 0, 0, 0, bytes, 0, group);
    } catch (error) {
      this.#over = true;
      this.#sink.ended(error instanceof Error ? error : new Error(String(error)));
    }
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
    if (this.#bulk) return;
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
    this.#stream.receiver.giveBack();
    this.#onStopped();
  }

  #cancel(): void {
    if (this.#slot >= 0) this.#engine.cancel(this.#slot, this);
  }
}
