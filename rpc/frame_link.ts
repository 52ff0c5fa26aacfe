// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Duplex, writeAll } from "../io/byte_stream.ts";
import { DIRECT_BYTES_MIN } from "../io/direct_budget.ts";
import { submitQueued } from "../io/engine_info.ts";
import { MessageWriter } from "./message_writer.ts";

/** How frames lie on the wire: what precedes each, and how long it is with that. */
export interface FrameShape {
  /** Bytes after which the length is known. */
  readonly headBytes: number;
  /** Bytes of the whole frame whose head lies at this place; it may throw. */
  frameBytes(view: DataView, at: number): number;
}

/** Who gets the frames of a {@linkcode FrameLink}. */
export interface FrameReceiver {
  /**
   * One whole frame; what it throws ends the link. The bytes may be kept: their memory is not used
   * again.
   */
  frame(bytes: Uint8Array, view: DataView, start: number, end: number): void;
  /**
   * A frame begins here that is longer than is taken.
   *
   * @returns Whether it is passed over; otherwise the link ends
   */
  tooLong?(view: DataView, start: number): boolean;
  /** The link has ended; `error` is null when the peer did so between two frames. */
  ended(error: unknown): void;
}

/** Bounds of a {@linkcode FrameLink}. */
export interface FrameLinkOptions {
  /** Longest frame that is taken. */
  frameBytesMax: number;
  /**
   * Reads nothing while {@linkcode OUTGOING_BYTES_MAX} wait to be sent, so that a peer that does
   * not read what it asked for cannot make us hold it. Of the two ends one may do so only.
   *
   * @default {false}
   */
  pausesReading?: boolean;
}

/** Bytes that may wait to be sent before {@linkcode FrameLink.ready} lets streams wait. */
export const OUTGOING_BYTES_MAX = 1_048_576;
/**
 * Frames that leave at once and do not wait for the turn's end: the peer works on them while the
 * rest of the turn's are made. Without it both ends of a connection took turns, and with 64 calls
 * in flight each waited so long for the other that it slept: 230 k calls/s instead of 500 k.
 */
const PORTION_FRAMES = 16;
/** Memory for frames that come in; a longer frame has memory of its own. */
const CHUNK_BYTES = 65_536;
/** A peer that claims to send more must have sent a quarter of it before we take memory for it. */
const CLAIMED_BYTES_MAX = 4_194_304;
/** Less room than this is not worth a read. */
const ROOM_BYTES_MIN = 4096;

/**
 * Frames over a stream of bytes, both ways.
 *
 * What is written to {@linkcode writer} in one turn leaves in one write, or two when it is more
 * than {@linkcode PORTION_FRAMES}. Frames are handed to the receiver where they lie: nothing is
 * copied, and no promise is made for a frame.
 */
export class FrameLink {
  readonly #conn: VectoredDuplex;
  readonly #shape: FrameShape;
  readonly #frameBytesMax: number;
  readonly #receiver: FrameReceiver;
  readonly #pausesReading: boolean;
  #filling = new MessageWriter();
  #sending = new MessageWriter();
  /** Frames appended since the last write began. */
  #appended = 0;
  #writing = false;
  #scheduled = false;
  readonly #sendLater = () => {
    this.#scheduled = false;
    if (!this.#writing) void this.#send();
  };
  #readyWaiters: (() => void)[] = [];
  #ended = false;
  #lastReadMs = performance.now();

  /** Begins to read at once. */
  constructor(
    conn: Duplex,
    shape: FrameShape,
    receiver: FrameReceiver,
    options: FrameLinkOptions,
  ) {
    this.#conn = conn;
    this.#shape = shape;
    this.#receiver = receiver;
    this.#frameBytesMax = options.frameBytesMax;
    this.#pausesReading = options.pausesReading ?? false;
  }

  /** Whether it is over. */
  get ended(): boolean {
    return this.#ended;
  }

  /** When bytes last came in, on the clock of `performance.now()`. */
  get lastReadMs(): number {
    return this.#lastReadMs;
  }

  /** Where to append frames; {@linkcode flush} afterwards. It changes with every flush. */
  get writer(): MessageWriter {
    return this.#filling;
  }

  /** Sees to it that the frame that was appended leaves, together with others of the turn. */
  flush(): void {
    this.#appended++;
    // Who writes sends what is appended meanwhile as well.
    if (this.#writing || this.#ended) return;
    if (this.#appended >= PORTION_FRAMES) {
      void this.#send();
      submitQueued();
    } else if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(this.#sendLater);
    }
  }

  /** Resolves when few enough bytes wait to be sent. */
  ready(): Promise<void> | undefined {
    if (this.#ended || this.#filling.byteLength <= OUTGOING_BYTES_MAX) return undefined;
    return this.#drained();
  }

  /**
   * Reads frames until the link ends.
   *
   * @param first Bytes that were read already
   */
  async read(first: Uint8Array = new Uint8Array(0)): Promise<void> {
    try {
      const left = await this.#readFrames(first);
      if (left > 0) throw new Deno.errors.UnexpectedEof("Cannot read frame: the stream has ended");
      this.#end(null);
    } catch (error) {
      this.#end(error);
    }
  }

  /** Ends it; the receiver is told. */
  end(error: unknown): void {
    this.#end(error);
  }

  /** Resolves when all that was appended has left. */
  async flushed(): Promise<void> {
    while (!this.#ended && (this.#writing || this.#filling.byteLength > 0)) {
      this.flush();
      await new Promise<void>((resolve) => this.#readyWaiters.push(resolve));
    }
  }

  async #readFrames(first: Uint8Array): Promise<number> {
    let bytes = new Uint8Array(Math.max(CHUNK_BYTES, first.length));
    let view = new DataView(bytes.buffer);
    bytes.set(first);
    let start = 0;
    let end = first.length;
    for (;;) {
      const wanted = this.#deliver(bytes, view, start, end);
      start = this.#delivered;
      if (this.#ended) return 0;
      if (this.#paused) {
        await this.ready();
        continue;
      }
      if (mustMove(bytes.length, start, end, wanted)) {
        // Never written over: what was delivered may be kept.
        const next = new Uint8Array(roomFor(wanted, end - start));
        next.set(bytes.subarray(start, end));
        [bytes, view, end, start] = [next, new DataView(next.buffer), end - start, 0];
      }
      const count = await this.#conn.read(bytes.subarray(end));
      if (count === null) return end - start + this.#passOver;
      this.#lastReadMs = performance.now();
      end += count;
    }
  }

  get #paused(): boolean {
    return this.#pausesReading && this.#filling.byteLength > OUTGOING_BYTES_MAX;
  }

  /** Where the last {@linkcode #deliver} ended. */
  #delivered = 0;
  /** Bytes to come of a frame that is too long. */
  #passOver = 0;

  /** Hands over the whole frames; says how many bytes the next one has, as far as that is known. */
  #deliver(bytes: Uint8Array, view: DataView, start: number, end: number): number {
    const { headBytes } = this.#shape;
    const passed = Math.min(this.#passOver, end - start);
    this.#passOver -= passed;
    start += passed;
    let wanted = headBytes;
    while (end - start >= headBytes && !this.#ended && !this.#paused) {
      wanted = this.#shape.frameBytes(view, start);
      if (wanted > this.#frameBytesMax) {
        if (!this.#receiver.tooLong?.(view, start)) throw tooLong(wanted, this.#frameBytesMax);
        this.#passOver = Math.max(0, wanted - (end - start));
      } else if (end - start < wanted) break;
      else this.#receiver.frame(bytes, view, start, start + wanted);
      start = Math.min(end, start + wanted);
      wanted = headBytes;
    }
    this.#delivered = start;
    return wanted;
  }

  async #send(): Promise<void> {
    this.#writing = true;
    try {
      while (this.#filling.byteLength > 0 && !this.#ended) {
        const sending = this.#filling;
        this.#filling = this.#sending;
        this.#sending = sending;
        this.#appended = 0;
        await this.#writeAll(sending.pieces());
        sending.clear();
        this.#tellReady();
      }
    } catch (error) {
      this.#end(error);
    } finally {
      this.#writing = false;
      this.#tellReady();
    }
  }

  async #drained(): Promise<void> {
    do await new Promise<void>((resolve) => this.#readyWaiters.push(resolve)); while (
      !this.#ended && this.#filling.byteLength > OUTGOING_BYTES_MAX
    );
  }

  async #writeAll(pieces: Uint8Array[]): Promise<void> {
    if (this.#conn.writev && pieces.length > 1 && !pieces.some(isBulk)) {
      return void await this.#conn.writev(pieces);
    }
    for (const piece of pieces) {
      // Sent from where it is, without a copy, once nothing is queued before it.
      if (isBulk(piece)) submitQueued();
      await writeAll(this.#conn, piece);
    }
  }

  #tellReady(): void {
    if (this.#readyWaiters.length === 0) return;
    const waiters = this.#readyWaiters;
    this.#readyWaiters = [];
    for (const resolve of waiters) resolve();
  }

  #end(error: unknown): void {
    if (this.#ended) return;
    this.#ended = true;
    try {
      this.#conn.close();
    } catch {
      // It was closed by whoever gave it to us.
    }
    this.#tellReady();
    this.#receiver.ended(error);
  }
}

/** Most connections can take several buffers at once. */
interface VectoredDuplex extends Duplex {
  writev?(buffers: readonly Uint8Array[]): Promise<number>;
}

function isBulk(piece: Uint8Array): boolean {
  return piece.length >= DIRECT_BYTES_MIN;
}

/** Memory for a frame of which so many bytes are there. */
function roomFor(wanted: number, had: number): number {
  return Math.max(CHUNK_BYTES, Math.min(wanted, Math.max(CLAIMED_BYTES_MAX, had * 4)));
}

/** Whether the rest of a chunk does not do: it cannot hold the frame, or is not worth a read. */
function mustMove(length: number, start: number, end: number, wanted: number): boolean {
  if (length - start < Math.min(wanted, CLAIMED_BYTES_MAX) || length === end) return true;
  // A long frame that nearly fills its memory stays where it is.
  return length - end < ROOM_BYTES_MIN && end - start < ROOM_BYTES_MIN;
}

function tooLong(frameBytes: number, frameBytesMax: number): Error {
  const text = `Cannot read frame: it has ${frameBytes} bytes, ${frameBytesMax} are allowed`;
  return new Deno.errors.InvalidData(text);
}
