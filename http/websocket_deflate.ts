// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";
import type zlib from "node:zlib";
import { WebSocketFailure } from "./websocket_frame.ts";

/** How messages are compressed: permessage-deflate (RFC 7692). */
export interface WebSocketCompression {
  /**
   * Shortest message that is worth it, in bytes.
   *
   * @default {1024}
   */
  minBytes?: number;
  /**
   * Effort, 1 to 9.
   *
   * @default {6}
   */
  level?: number;
  /**
   * Window of what this side sends, as a power of two, 8 to 15.
   *
   * @default {15}
   */
  windowBits?: number;
  /**
   * Whether each message that this side sends is compressed by itself: worse, and without the 256
   * KiB that a connection keeps otherwise.
   *
   * @default {false}
   */
  noContextTakeover?: boolean;
  /**
   * Asks the peer for a window of so many bits.
   *
   * @default {15}
   */
  peerWindowBits?: number;
  /**
   * Asks the peer to compress each message by itself, so that nothing of it is kept here.
   *
   * @default {false}
   */
  peerNoContextTakeover?: boolean;
}

/** One direction, as it was agreed on. */
export interface DeflateParameters {
  /** Window as a power of two. */
  readonly windowBits: number;
  /** Whether a message may refer to those before it. */
  readonly takesOver: boolean;
}

/** zlib has no raw window of 256 bytes; in one of 512 it refers back by 250 at most. */
const ZLIB_WINDOW_BITS_MIN = 9;
const TAIL_BYTES = 4;

/**
 * Compresses the messages of one direction; {@linkcode MessageDeflater.close} has to follow.
 *
 * What messages have in common is found only with a stream of zlib, which holds 256 KiB and which
 * the public API drives by promises alone. The synchronous call under it is internal to Deno and
 * Node: without it each message is compressed by itself, which is always allowed.
 */
export class MessageDeflater {
  readonly #windowBits: number;
  readonly #level: number;
  readonly #stream: SyncDeflate | null;

  /** Compresses with what was agreed on. */
  constructor({ windowBits, takesOver }: DeflateParameters, level: number) {
    this.#windowBits = Math.max(windowBits, ZLIB_WINDOW_BITS_MIN);
    this.#level = level;
    this.#stream = takesOver ? SyncDeflate.open(this.#windowBits, level) : null;
  }

  /** Gives the message compressed; null when it would get longer, and is to be sent as it is. */
  deflate(bytes: Uint8Array): Uint8Array | null {
    // What a stream has seen later messages may refer to, so it has to be sent.
    if (this.#stream !== null) return withoutTail(this.#stream.run(bytes));
    const { deflateRawSync, constants } = loadZlib();
    const deflated = deflateRawSync(bytes, {
      finishFlush: constants.Z_SYNC_FLUSH,
      windowBits: this.#windowBits,
      level: this.#level,
    });
    return deflated.length - TAIL_BYTES >= bytes.length ? null : withoutTail(deflated);
  }

  /** Frees the memory. */
  close(): void {
    this.#stream?.close();
  }
}

/** 00 00 ff ff stays away (RFC 7692 section 7.2.1). */
function withoutTail(deflated: Uint8Array): Uint8Array {
  return deflated.subarray(0, deflated.length - TAIL_BYTES);
}

/** What is used of a stream of node:zlib beneath its API. */
interface ZlibStream {
  readonly _handle: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputAt: number,
      inputLength: number,
      output: Uint8Array,
      outputAt: number,
      outputLength: number,
    ): void;
  };
  /** Room that was left in the output, input that was left. */
  readonly _writeState: Uint32Array;
  close(): void;
}

/** A stream that compresses in a call. */
class SyncDeflate {
  static #works: boolean | undefined;
  readonly #stream: ZlibStream;
  #output = new Uint8Array(OUTPUT_BYTES);

  constructor(stream: ZlibStream) {
    this.#stream = stream;
  }

  /** Null where the internals are not as assumed. */
  static open(windowBits: number, level: number): SyncDeflate | null {
    SyncDeflate.#works ??= SyncDeflate.#probe();
    return SyncDeflate.#works ? SyncDeflate.#open(windowBits, level) : null;
  }

  /** Compresses what belongs to one message; the bytes are good until the next call. */
  run(bytes: Uint8Array): Uint8Array {
    const { _handle: handle, _writeState: state } = this.#stream;
    const flush = loadZlib().constants.Z_SYNC_FLUSH;
    let length = 0;
    for (let taken = 0;;) {
      const room = this.#output.length - length;
      handle.writeSync(flush, bytes, taken, bytes.length - taken, this.#output, length, room);
      const [roomLeft, inputLeft] = state;
      taken = bytes.length - inputLeft;
      length = this.#output.length - roomLeft;
      if (roomLeft > 0) break;
      const larger = new Uint8Array(2 * this.#output.length);
      larger.set(this.#output);
      this.#output = larger;
    }
    const output = this.#output.subarray(0, length);
    // A large message does not cost its connection memory for ever.
    if (this.#output.length > OUTPUT_BYTES_KEPT) this.#output = new Uint8Array(OUTPUT_BYTES);
    return output;
  }

  close(): void {
    this.#stream.close();
  }

  static #open(windowBits: number, level: number): SyncDeflate {
    const stream = loadZlib().createDeflateRaw({ windowBits, level });
    return new SyncDeflate(stream as unknown as ZlibStream);
  }

  static #probe(): boolean {
    const text = new TextEncoder().encode("a probe of a stream");
    try {
      const deflate = SyncDeflate.#open(ZLIB_WINDOW_BITS_MIN, 6);
      const [first, second] = [deflate.run(text).slice(), deflate.run(text).slice()];
      deflate.close();
      const inflater = new MessageInflater({ windowBits: 15, takesOver: true });
      const same = [first, second].every((deflated) => {
        const inflated = inflater.inflate(withoutTail(deflated), text.length);
        return inflated.every((byte, i) => byte === text[i]) && inflated.length === text.length;
      });
      return same && second.length < first.length;
    } catch {
      return false;
    }
  }
}

const OUTPUT_BYTES = 4096;
const OUTPUT_BYTES_KEPT = 65_536;

/**
 * Undoes the compression of one direction.
 *
 * No stream is held: a message is decompressed by a call of its own, in front of whose input the
 * end of what came before stands as stored blocks (RFC 1951 section 3.2.4). So a connection keeps a
 * window, 32 KiB at most, and has nothing to close.
 */
export class MessageInflater {
  readonly #windowBits: number;
  readonly #window: InflateWindow | null;

  /** Decompresses with what was agreed on. */
  constructor({ windowBits, takesOver }: DeflateParameters) {
    this.#windowBits = windowBits;
    this.#window = takesOver ? new InflateWindow(windowBits) : null;
  }

  /**
   * Gives a message as it was.
   *
   * @throws {WebSocketFailure} when it is malformed or breaks off, or is longer than it may be: no
   *   more than that is ever decompressed
   */
  inflate(bytes: Uint8Array, messageBytesMax: number): Uint8Array<ArrayBuffer> {
    // Some peers leave all away that an empty message comes to.
    if (bytes.length === 0) return new Uint8Array();
    const { inflateRawSync } = loadZlib();
    const before = this.#window?.length ?? 0;
    const input = this.#window?.before(bytes, MESSAGE_END) ?? joined(bytes, MESSAGE_END);
    let inflated: Uint8Array;
    try {
      inflated = inflateRawSync(input, {
        windowBits: this.#windowBits,
        maxOutputLength: Math.min(before + messageBytesMax, MESSAGE_BYTES_MAX),
        chunkSize: Math.min(before + Math.max(4 * bytes.length, CHUNK_BYTES_MIN), CHUNK_BYTES_MAX),
      });
    } catch (error) {
      if ((error as { code?: string }).code === "ERR_BUFFER_TOO_LARGE") {
        throw new WebSocketFailure(
          1009,
          `Cannot read message: it is above ${messageBytesMax} bytes`,
        );
      }
      throw new WebSocketFailure(1007, "Cannot read message: it cannot be decompressed");
    }
    // Node gives a part of a pool; a message is an array of its own.
    const message = new Uint8Array(inflated.subarray(before));
    this.#window?.append(message);
    return message;
  }
}

/**
 * What a sender takes away (RFC 7692 section 7.2.2), and an empty last block (RFC 1951 section
 * 3.2.4): where a message breaks off, that is part of what is missing, and the data has no end.
 */
const MESSAGE_END = new Uint8Array([0x00, 0x00, 0xff, 0xff, 0x01, 0x00, 0x00, 0xff, 0xff]);
const MESSAGE_BYTES_MAX = 2 ** 31 - 1;
const CHUNK_BYTES_MIN = 1024;
const CHUNK_BYTES_MAX = 65_536;
/** Octet of the kind, length, and its complement. */
const STORED_HEAD_BYTES = 5;

/** The end of what was decompressed. */
class InflateWindow {
  readonly #bytesMax: number;
  #bytes: Uint8Array = new Uint8Array();

  constructor(windowBits: number) {
    this.#bytesMax = 2 ** windowBits;
  }

  get length(): number {
    return this.#bytes.length;
  }

  /** The window as a stored block, the bytes behind it, and their end. */
  before(bytes: Uint8Array, end: Uint8Array): Uint8Array {
    const { length } = this.#bytes;
    if (length === 0) return joined(bytes, end);
    const input = new Uint8Array(STORED_HEAD_BYTES + length + bytes.length + end.length);
    input[1] = length & 0xff;
    input[2] = length >> 8;
    input[3] = ~input[1];
    input[4] = ~input[2];
    input.set(this.#bytes, STORED_HEAD_BYTES);
    input.set(bytes, STORED_HEAD_BYTES + length);
    input.set(end, STORED_HEAD_BYTES + length + bytes.length);
    return input;
  }

  append(bytes: Uint8Array): void {
    const max = this.#bytesMax;
    if (bytes.length >= max) {
      this.#bytes = bytes.slice(bytes.length - max);
      return;
    }
    const kept = Math.min(this.#bytes.length, max - bytes.length);
    const next = new Uint8Array(kept + bytes.length);
    next.set(this.#bytes.subarray(this.#bytes.length - kept));
    next.set(bytes, kept);
    this.#bytes = next;
  }
}

function joined(bytes: Uint8Array, end: Uint8Array): Uint8Array {
  const input = new Uint8Array(bytes.length + end.length);
  input.set(bytes);
  input.set(end, bytes.length);
  return input;
}

function loadZlib(): typeof zlib {
  return loaded ??= process.getBuiltinModule("node:zlib");
}

let loaded: typeof zlib | undefined;
