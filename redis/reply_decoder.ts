// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { INCOMPLETE, NULL_LENGTH, ReplyBuffer, STREAMED } from "./reply_buffer.ts";
import { TextWindow } from "./decode_text.ts";
import { LargeString, unterminated } from "./large_string.ts";
import { ProtocolError, ReplyError } from "./redis_error.ts";
export { INCOMPLETE } from "./reply_buffer.ts";
import { PushMessage, type Reply, VerbatimString } from "./reply.ts";
import { parseDouble } from "./reply_number.ts";

/** Bounds of what a server may send; beyond them is a {@linkcode ProtocolError}. */
export interface ReplyLimits {
  /** Longest string in bytes: 512 MiB, the server's own limit, by default. */
  stringBytesMax?: number;
  /** Aggregates inside aggregates: 32 by default; the server needs 9. */
  depthMax?: number;
}

const STRING_BYTES_MAX = 512 * 1024 * 1024;
const DEPTH_MAX = 32;
/** A string beyond this is gathered apart, so that the buffer stays this small. */
const BUFFER_BYTES_MAX = 256 * 1024;

const CR = 13;
const LF = 10;

/** Says that a value was begun and its parts follow. */
const OPENED: unique symbol = Symbol("opened");
/** Ends a streamed aggregate. */
const ENDED: unique symbol = Symbol("ended");

type AggregateKind = "array" | "map" | "set" | "push" | "attributes" | "chunks";

/** One aggregate that is not complete. */
interface Frame {
  readonly kind: AggregateKind;
  /** Items still to come; Infinity for a streamed one. */
  remaining: number;
  readonly items: Reply[];
}

/**
 * Decodes RESP2 and RESP3 as the bytes come, straight from the buffer they were received into.
 *
 * ```
 *   buffer | decoded | not decoded yet     | room() |
 *          0         at                    end      buffer.length
 * ```
 *
 * Strings are decoded out of the buffer once all of their bytes are there. A string larger than the
 * buffer may grow is gathered in memory of its own, into which {@linkcode room} then points.
 *
 * @example Decode what came
 * ```ts
 * import { INCOMPLETE, ReplyDecoder } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const decoder = new ReplyDecoder();
 * decoder.push(new TextEncoder().encode("*2\r\n$3\r\nGET\r\n:1"));
 * assertEquals(decoder.next(), INCOMPLETE);
 * decoder.push(new TextEncoder().encode("2\r\n"));
 * assertEquals(decoder.next(), ["GET", 12]);
 * ```
 */
export class ReplyDecoder {
  /** Takes the attributes (RESP3 `|`) that precede a value; they are dropped otherwise. */
  onAttributes: ((attributes: Map<Reply, Reply>) => void) | null = null;

  readonly #stringBytesMax: number;
  readonly #depthMax: number;
  readonly #input = new ReplyBuffer();
  readonly #frames: Frame[] = [];
  #asBytes = false;
  #large: LargeString | null = null;

  /** Starts with an empty buffer. */
  constructor(limits: ReplyLimits = {}) {
    this.#stringBytesMax = limits.stringBytesMax ?? STRING_BYTES_MAX;
    this.#depthMax = limits.depthMax ?? DEPTH_MAX;
  }

  /** Whether a reply has begun to arrive. */
  get isInside(): boolean {
    return this.#input.at < this.#input.end || this.#frames.length > 0 || this.#large !== null;
  }

  /** Whether the next bytes belong to a string outside of the buffer. */
  get #isGathering(): boolean {
    return this.#large !== null && !this.#large.isComplete;
  }

  /** Where the next bytes belong; never empty. Say with {@linkcode filled} how many came. */
  room(): Uint8Array<ArrayBuffer> {
    return this.#isGathering ? this.#large!.room() : this.#input.room();
  }

  /** Takes note of bytes that were put at the start of {@linkcode room}. */
  filled(count: number): void {
    if (this.#isGathering) this.#large!.filled(count);
    else this.#input.end += count;
  }

  /** Copies bytes in, for those who do not read into {@linkcode room}. */
  push(bytes: Uint8Array): void {
    for (let taken = 0; taken < bytes.length;) {
      const room = this.room();
      const piece = bytes.subarray(taken, taken + room.length);
      room.set(piece);
      this.filled(piece.length);
      taken += piece.length;
    }
  }

  /**
   * The next reply, or {@linkcode INCOMPLETE}.
   *
   * @param asBytes Strings as `Uint8Array`; counts from the start of a reply to its end
   * @throws {ProtocolError} on what is no RESP or goes beyond a limit; the decoder is useless then
   */
  next(asBytes = false): Reply | typeof INCOMPLETE {
    if (this.#frames.length === 0 && this.#large === null) this.#asBytes = asBytes;
    for (;;) {
      const value = this.#value();
      if (value === OPENED) continue;
      if (value === INCOMPLETE) return INCOMPLETE;
      if (this.#frames.length === 0) return value as Reply;
      const whole = this.#add(value);
      if (whole !== OPENED) return whole;
    }
  }

  /** One scalar, or the head of an aggregate. */
  #value(): Reply | typeof INCOMPLETE | typeof OPENED | typeof ENDED {
    if (this.#large !== null) return this.#largeString();
    if (this.#input.at >= this.#input.end) return INCOMPLETE;
    if (this.#frames.length > 0) this.#checkChunks();
    // deno-fmt-ignore
    switch (this.#input.bytes[this.#input.at]) {
      case 0x24: return this.#bulk();                    // $
      case 0x2b: return this.#simple();                  // +
      case 0x3a: return this.#input.integer();               // :
      case 0x2a: return this.#open("array", 1);          // *
      case 0x5f: return this.#null();                    // _
      case 0x2d: return this.#error();                   // -
      case 0x25: return this.#open("map", 2);            // %
      case 0x7e: return this.#open("set", 1);            // ~
      case 0x2c: return this.#double();                  // ,
      case 0x23: return this.#boolean();                 // #
      case 0x3e: return this.#open("push", 1);           // >
      case 0x28: return this.#input.bigNumber();               // (
      case 0x3d: return this.#bulk();                    // =
      case 0x21: return this.#bulk();                    // !
      case 0x7c: return this.#open("attributes", 2);     // |
      case 0x3b: return this.#chunk();                   // ;
      case 0x2e: return this.#endOfStream();             // .
    }
    const byte = this.#input.bytes[this.#input.at]!;
    throw new ProtocolError(`Cannot decode reply: no type begins with byte ${byte}`);
  }

  /** Adds a value to the innermost aggregate; gives the reply when that completes it. */
  #add(first: Reply | typeof ENDED): Reply | typeof OPENED {
    let value = first;
    for (;;) {
      const frame = this.#frames.at(-1)!;
      if (value === ENDED) frame.remaining = 0;
      else {
        frame.items.push(value);
        frame.remaining--;
      }
      if (frame.remaining > 0) return OPENED;
      this.#frames.pop();
      const whole = this.#close(frame);
      if (whole === OPENED) return OPENED;
      if (this.#frames.length === 0) return whole;
      value = whole;
    }
  }

  #close({ kind, items }: Frame): Reply | typeof OPENED {
    switch (kind) {
      case "array":
        return items;
      case "map":
        return toMap(items);
      case "set":
        return new Set(items);
      case "push":
        return new PushMessage(items);
      case "attributes":
        this.onAttributes?.(toMap(items));
        return OPENED;
      case "chunks":
        return this.#asBytes ? join(items as Uint8Array[]) : decodeChunks(items as Uint8Array[]);
    }
  }

  #open(kind: AggregateKind, itemsEach: number): Reply | typeof INCOMPLETE | typeof OPENED {
    const length = this.#input.length();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length === NULL_LENGTH) return null;
    if (this.#frames.length >= this.#depthMax) {
      throw new ProtocolError(`Cannot decode reply: nested deeper than ${this.#depthMax}`);
    }
    if (kind === "push" && this.#frames.length > 0) {
      throw new ProtocolError("Cannot decode reply: a push inside another value");
    }
    const frame = {
      kind,
      remaining: length === STREAMED ? Infinity : length * itemsEach,
      items: [],
    };
    if (frame.remaining > 0) {
      this.#frames.push(frame);
      return OPENED;
    }
    return this.#close(frame);
  }

  /** Bulk string, verbatim string and blob error: a length, and so many bytes. */
  #bulk(): Reply | typeof INCOMPLETE | typeof OPENED {
    const head = this.#input.at;
    const type = this.#input.bytes[head]!;
    const length = this.#input.length();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length === NULL_LENGTH) return null;
    if (length === STREAMED) return this.#openChunks(type);
    if (length > this.#stringBytesMax) {
      throw new ProtocolError(
        `Cannot decode reply: a string of ${length} bytes, the limit is ${this.#stringBytesMax}`,
      );
    }
    const start = this.#input.at;
    const end = start + length;
    if (end + 2 > this.#input.end) {
      if (end + 2 - head > BUFFER_BYTES_MAX) return this.#beginLarge(type, length);
      this.#input.at = head;
      this.#input.wanted = end + 2 - head;
      return INCOMPLETE;
    }
    if (this.#input.bytes[end] !== CR || this.#input.bytes[end + 1] !== LF) throw unterminated();
    this.#input.at = end + 2;
    this.#input.wanted = 0;
    if (type === 0x24) {
      return this.#asBytes
        ? this.#input.bytes.slice(start, end)
        : this.#input.text.decode(start, end);
    }
    return this.#typed(type, this.#input.bytes.slice(start, end));
  }

  /** Verbatim strings and errors, which are rare. */
  #typed(type: number, bytes: Uint8Array): Reply {
    if (type === 0x21) return new ReplyError(new TextWindow(bytes).decode(0, bytes.length));
    if (type === 0x24) return this.#asBytes ? bytes : decodeAll(bytes);
    if (bytes.length < 4 || bytes[3] !== 0x3a) {
      throw new ProtocolError("Cannot decode reply: a verbatim string without a format");
    }
    const text = bytes.subarray(4);
    return new VerbatimString(
      decodeAll(bytes.subarray(0, 3)),
      this.#asBytes ? text : decodeAll(text),
    );
  }

  #beginLarge(type: number, length: number): Reply | typeof INCOMPLETE {
    const kept = this.#input.bytes.subarray(this.#input.at, this.#input.end);
    this.#large = new LargeString(type, length, kept);
    this.#input.at = this.#input.end = 0;
    this.#input.wanted = 0;
    return INCOMPLETE;
  }

  #largeString(): Reply | typeof INCOMPLETE {
    const large = this.#large!;
    if (!large.isComplete) return INCOMPLETE;
    this.#large = null;
    return this.#typed(large.type, large.bytes());
  }

  #openChunks(type: number): typeof OPENED {
    if (type !== 0x24) throw new ProtocolError("Cannot decode reply: only strings are streamed");
    if (this.#frames.length >= this.#depthMax) {
      throw new ProtocolError(`Cannot decode reply: nested deeper than ${this.#depthMax}`);
    }
    this.#frames.push({ kind: "chunks", remaining: Infinity, items: [] });
    return OPENED;
  }

  /** Inside of a streamed string only its pieces may come. */
  #checkChunks(): void {
    if (this.#frames.at(-1)!.kind !== "chunks" || this.#input.bytes[this.#input.at] === 0x3b) {
      return;
    }
    throw new ProtocolError("Cannot decode reply: a streamed string has other parts than chunks");
  }

  /** A piece of a streamed string: `;length`, and the bytes; the one of length 0 is the end. */
  #chunk(): Reply | typeof INCOMPLETE | typeof ENDED {
    const frame = this.#frames.at(-1);
    if (frame?.kind !== "chunks") {
      throw new ProtocolError("Cannot decode reply: a chunk of nothing");
    }
    const head = this.#input.at;
    const length = this.#input.length();
    if (length === INCOMPLETE) return INCOMPLETE;
    if (length === 0) return ENDED;
    const before = frame.items.reduce<number>((sum, item) => sum + (item as Uint8Array).length, 0);
    if (length < 0 || before + length > this.#stringBytesMax) {
      throw new ProtocolError(
        `Cannot decode reply: a string of more than ${this.#stringBytesMax} bytes`,
      );
    }
    const end = this.#input.at + length;
    if (end + 2 > this.#input.end) {
      this.#input.wanted = end + 2 - head;
      this.#input.at = head;
      return INCOMPLETE;
    }
    if (this.#input.bytes[end] !== CR || this.#input.bytes[end + 1] !== LF) throw unterminated();
    const bytes = this.#input.bytes.slice(this.#input.at, end);
    this.#input.at = end + 2;
    this.#input.wanted = 0;
    return bytes;
  }

  #endOfStream(): typeof INCOMPLETE | typeof ENDED {
    const end = this.#input.lineEnd();
    if (end < 0) return INCOMPLETE;
    const frame = this.#frames.at(-1);
    const isStreamed = frame?.remaining === Infinity && frame.kind !== "chunks";
    if (!isStreamed || end !== this.#input.at + 1) {
      throw new ProtocolError("Cannot decode reply: the end of a stream that never began");
    }
    if ((frame.kind === "map" || frame.kind === "attributes") && frame.items.length % 2 === 1) {
      throw new ProtocolError("Cannot decode reply: a map ends behind a key");
    }
    this.#input.at = end + 2;
    return ENDED;
  }

  #simple(): Reply | typeof INCOMPLETE {
    const end = this.#input.lineEnd();
    if (end < 0) return INCOMPLETE;
    const start = this.#input.at + 1;
    this.#input.at = end + 2;
    return this.#asBytes
      ? this.#input.bytes.slice(start, end)
      : this.#input.text.decode(start, end);
  }

  #error(): Reply | typeof INCOMPLETE {
    const text = this.#input.line();
    return text === INCOMPLETE ? INCOMPLETE : new ReplyError(text);
  }

  #null(): null | typeof INCOMPLETE {
    const text = this.#input.line();
    if (text === INCOMPLETE) return INCOMPLETE;
    if (text === "") return null;
    throw new ProtocolError("Cannot decode reply: a null with a value");
  }

  #boolean(): boolean | typeof INCOMPLETE {
    const text = this.#input.line();
    if (text === INCOMPLETE) return INCOMPLETE;
    if (text === "t") return true;
    if (text === "f") return false;
    throw new ProtocolError("Cannot decode reply: a boolean is t or f");
  }

  #double(): number | typeof INCOMPLETE {
    const text = this.#input.line();
    return text === INCOMPLETE ? INCOMPLETE : parseDouble(text);
  }
}

function toMap(items: Reply[]): Map<Reply, Reply> {
  const map = new Map<Reply, Reply>();
  for (let i = 0; i + 1 < items.length; i += 2) map.set(items[i]!, items[i + 1]!);
  return map;
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

function decodeChunks(pieces: readonly Uint8Array[]): string {
  return decodeAll(join(pieces));
}

function decodeAll(bytes: Uint8Array): string {
  return new TextWindow(bytes).decode(0, bytes.length);
}
