// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { STATUS_TEXT } from "@std/http/status";
import type { PreparedAnswer } from "./prepared_response.ts";

/** Bodies up to this size are written behind their head; longer ones leave by themselves. */
export const INLINE_BODY_BYTES_MAX = 16_384;
/** Text up to this length is written octet by octet, which is faster than to call the encoder. */
const SHORT_TEXT_CHARS = 48;
/** Room for the fields that a head always has, and for any number. */
export const FRAME_BYTES = 256;
const START_BYTES = 65_536;
/** Longest text whose whole response is kept for the next that gives it. */
const REPEATED_TEXT_CHARS_MAX = 4096;
/** An output that grew beyond this is not kept. */
const KEPT_BYTES_MAX = 262_144;

const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SP = 0x20;
const ZERO = 0x30;

const encoder = new TextEncoder();

/** How a head says where its message ends. */
export type Framing = "chunked" | "none" | number;

/** How a response ends up on the wire, beside its own fields. */
export interface HeadFrame {
  /** Bytes of the body, `chunked`, or nothing. */
  readonly framing: Framing;
  /** Minor version of the request. */
  readonly minor: number;
  /** Whether further requests are taken. */
  readonly keepAlive: boolean;
  /** The time, as fields. */
  readonly clock: { readonly dateField: Uint8Array; readonly dateEnd: Uint8Array };
}

/**
 * Writes heads and short bodies one behind the other into one buffer, so that what one receive
 * asked for leaves in one send. One is enough for an isolate: it is empty between two turns.
 */
export class ResponseWriter {
  #bytes: Uint8Array = new Uint8Array(START_BYTES);
  #length = 0;
  // What it writes into otherwise, see #enter.
  #ownBytes: Uint8Array = this.#bytes;
  #ownLength = 0;
  // The last response that was a text and nothing else: handlers that say the same are common.
  #lastText: string | null = null;
  #lastType = "";
  #lastDate: Uint8Array | null = null;
  #lastWhole: Uint8Array = new Uint8Array();

  /** Bytes written. */
  get length(): number {
    return this.#length;
  }

  /** Takes what was written; good until the next write. */
  takeAll(): Uint8Array {
    const all = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#bytes = new Uint8Array(START_BYTES);
    return all;
  }

  /**
   * Writes the whole response to a handler that gave nothing but a text: status 200, its content
   * type, the text.
   *
   * @param withBody False for HEAD: the length is told and the text is not sent
   */
  text(text: string, contentType: string, frame: HeadFrame, withBody: boolean): void {
    this.#reserve(textBytesMax(text, contentType));
    this.#text(text, contentType, frame, withBody);
  }

  /** Writes as {@linkcode text} does, but into other memory; says where it ends. */
  textInto(
    memory: Uint8Array,
    start: number,
    text: string,
    contentType: string,
    frame: HeadFrame,
    withBody: boolean,
  ): number {
    this.#enter(memory, start);
    this.#text(text, contentType, frame, withBody);
    return this.#leave();
  }

  /** Writes a head; the fields that frame the message are written last and only once. */
  head(status: number, headers: readonly (readonly [string, string])[], frame: HeadFrame): void {
    let byteLength = FRAME_BYTES;
    for (const [name, value] of headers) byteLength += name.length + value.length + 4;
    this.#reserve(byteLength);
    this.#put(statusLine(status, frame.minor));
    let dated = false;
    let connects = false;
    for (const [name, value] of headers) {
      switch (name.length) {
        case 4:
          if (name.toLowerCase() === "date") dated = true;
          break;
        case 10:
          if (name.toLowerCase() === "connection") connects = true;
          break;
        case 14:
          if (name.toLowerCase() === "content-length") continue;
          break;
        case 17:
          if (name.toLowerCase() === "transfer-encoding") continue;
      }
      this.#field(name, value);
    }
    this.#frame(frame.framing, frame, dated, connects);
  }

  /** Writes a head whose fields are written already. */
  prepared({ status, fields, isDated }: PreparedAnswer, frame: HeadFrame): void {
    this.#reserve(FRAME_BYTES + fields.length);
    this.#put(statusLine(status, frame.minor));
    this.#put(fields);
    this.#frame(frame.framing, frame, isDated, false);
  }

  /** Writes as {@linkcode prepared} does, and content behind it, into other memory. */
  preparedInto(
    memory: Uint8Array,
    start: number,
    answer: PreparedAnswer,
    frame: HeadFrame,
    content: Uint8Array | null,
  ): number {
    this.#enter(memory, start);
    this.prepared(answer, frame);
    if (content !== null) this.#put(content);
    return this.#leave();
  }

  /** Writes octets. */
  octets(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#put(bytes);
  }

  /** Writes text, and says how many octets that took. */
  utf8(text: string): number {
    this.#reserve(3 * text.length);
    return this.#utf8(text);
  }

  /** Writes a chunk's size line: the chunk and CR LF are to follow. */
  chunkSize(byteLength: number): void {
    this.#reserve(FRAME_BYTES);
    this.#latin1(byteLength.toString(16));
    this.#endLine();
  }

  /** Ends a line. */
  endLine(): void {
    this.#reserve(2);
    this.#endLine();
  }

  /** Writes the last chunk, with trailer fields. */
  lastChunk(trailers: Iterable<readonly [string, string]>): void {
    this.#reserve(FRAME_BYTES);
    this.#bytes[this.#length++] = ZERO;
    this.#endLine();
    for (const [name, value] of trailers) {
      this.#reserve(name.length + value.length + FRAME_BYTES);
      this.#field(name, value);
    }
    this.#endLine();
  }

  /** Writes into other memory from now on, which has the room. */
  #enter(memory: Uint8Array, start: number): void {
    this.#ownBytes = this.#bytes;
    this.#ownLength = this.#length;
    this.#bytes = memory;
    this.#length = start;
  }

  /** Goes back to its own memory; says where the bytes in the other end. */
  #leave(): number {
    const end = this.#length;
    this.#bytes = this.#ownBytes;
    this.#length = this.#ownLength;
    return end;
  }

  #text(text: string, contentType: string, frame: HeadFrame, withBody: boolean): void {
    const { clock, keepAlive, minor } = frame;
    const isPlain = keepAlive && minor === 1 && withBody;
    const isSame = text === this.#lastText && contentType === this.#lastType && isPlain;
    if (isSame && this.#lastDate === clock.dateEnd) return this.#put(this.#lastWhole);
    const begin = this.#length;
    this.#writeText(text, contentType, frame, withBody);
    // A text that is given twice in a second may be given a thousand times.
    if (isSame && text.length <= REPEATED_TEXT_CHARS_MAX) {
      this.#lastWhole = this.#bytes.slice(begin, this.#length);
      this.#lastDate = clock.dateEnd;
    }
    if (!isPlain) return;
    this.#lastText = text;
    this.#lastType = contentType;
    if (!isSame) this.#lastDate = null;
  }

  #writeText(text: string, contentType: string, frame: HeadFrame, withBody: boolean): void {
    const begin = this.#length;
    // Most text is ASCII: its length is taken for that of its octets, and put right if it was not.
    const octets = this.#textOf(text, contentType, frame, text.length);
    if (octets !== text.length) {
      this.#length = begin;
      this.#textOf(text, contentType, frame, octets);
    }
    if (!withBody) this.#length -= octets;
  }

  #textOf(text: string, contentType: string, frame: HeadFrame, length: number): number {
    const { minor, keepAlive, clock } = frame;
    this.#put(textStart(contentType, minor));
    this.#number(length);
    this.#endLine();
    if (keepAlive && minor === 1) this.#put(clock.dateEnd);
    else this.#frame("none", frame, false, false);
    return this.#utf8(text);
  }

  #frame(framing: Framing, frame: HeadFrame, dated: boolean, connects: boolean): void {
    const { clock, keepAlive, minor } = frame;
    if (framing === "chunked") this.#put(TRANSFER_ENCODING);
    else if (framing !== "none") {
      this.#put(CONTENT_LENGTH);
      this.#number(framing);
      this.#endLine();
    }
    if (!dated) this.#put(clock.dateField);
    if (!connects && !keepAlive && minor === 1) this.#put(CONNECTION_CLOSE);
    if (!connects && keepAlive && minor === 0) this.#put(CONNECTION_KEEP_ALIVE);
    this.#endLine();
  }

  #field(name: string, value: string): void {
    this.#latin1(name);
    const bytes = this.#bytes;
    bytes[this.#length++] = COLON;
    bytes[this.#length++] = SP;
    this.#latin1(value);
    this.#endLine();
  }

  /** Control characters never get here: `Headers` refuses them, and a space stands for the rest. */
  #latin1(text: string): void {
    const bytes = this.#bytes;
    let at = this.#length;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      bytes[at++] = code < SP && code !== 0x09 ? SP : code;
    }
    this.#length = at;
  }

  #utf8(text: string): number {
    const bytes = this.#bytes;
    const begin = this.#length;
    if (text.length <= SHORT_TEXT_CHARS) {
      let at = begin;
      let seen = 0;
      for (let i = 0; i < text.length; i++) {
        const code = text.charCodeAt(i);
        bytes[at++] = code;
        seen |= code;
      }
      if (seen < 0x80) {
        this.#length = at;
        return text.length;
      }
    }
    const { written } = encoder.encodeInto(text, bytes.subarray(begin));
    this.#length = begin + written;
    return written;
  }

  #number(value: number): void {
    let digits = 1;
    for (let rest = value; rest >= 10; rest = Math.floor(rest / 10)) digits++;
    const bytes = this.#bytes;
    let at = this.#length + digits;
    this.#length = at;
    for (let rest = value; digits > 0; digits--) {
      bytes[--at] = ZERO + rest % 10;
      rest = Math.floor(rest / 10);
    }
  }

  #put(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #endLine(): void {
    const bytes = this.#bytes;
    bytes[this.#length++] = CR;
    bytes[this.#length++] = LF;
  }

  #reserve(byteLength: number): void {
    const needed = this.#length + byteLength;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

const CONTENT_LENGTH = encoder.encode("content-length: ");
const TRANSFER_ENCODING = encoder.encode("transfer-encoding: chunked\r\n");
const CONNECTION_CLOSE = encoder.encode("connection: close\r\n");
const CONNECTION_KEEP_ALIVE = encoder.encode("connection: keep-alive\r\n");

/** Status lines, by status and minor version; there are a few hundred at most. */
const statusLines: Uint8Array[][] = [[], []];

function statusLine(status: number, minor: number): Uint8Array {
  const lines = statusLines[minor];
  return lines[status] ??= encoder.encode(
    `HTTP/1.${minor} ${status} ${STATUS_TEXT[status] ?? ""}\r\n`,
  );
}

/** Longest that {@linkcode ResponseWriter.text} may get. */
export function textBytesMax(text: string, contentType: string): number {
  return FRAME_BYTES + contentType.length + 3 * text.length;
}

let lastType = "";
let lastMinor = 1;
let lastStart: Uint8Array = new Uint8Array();

/** All up to the length. A handler gives the same content type over and over. */
function textStart(contentType: string, minor: number): Uint8Array {
  if (contentType !== lastType || minor !== lastMinor) {
    lastType = contentType;
    lastMinor = minor;
    lastStart = encoder.encode(
      `HTTP/1.${minor} 200 OK\r\ncontent-type: ${contentType}\r\ncontent-length: `,
    );
  }
  return lastStart;
}
