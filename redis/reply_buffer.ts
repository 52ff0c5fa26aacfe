// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { TextWindow } from "./decode_text.ts";
import { TRUST_BYTES, unterminated } from "./large_string.ts";
import { ProtocolError } from "./redis_error.ts";
import { parseInteger } from "./reply_number.ts";

/** What {@linkcode ReplyDecoder.next} gives while the next reply is not all there. */
export const INCOMPLETE: unique symbol = Symbol("incomplete");
/** Longest simple string, error, number or header. */
export const LINE_BYTES_MAX = 65_536;
/** The length that says null. */
export const NULL_LENGTH = -1;
/** The length that says that there is none: a stream. */
export const STREAMED = -3;

/** A value of this size makes the buffer as large as several of them. */
const BULK_BYTES_MIN = 32_768;
/** Twice the throughput of a buffer that holds one reply of 64 KiB. */
const BULK_BUFFER_BYTES = 512 * 1024;
/** Size of the buffer at first; reading in place needs 16 KiB. */
const BUFFER_BYTES_MIN = 16_384;
const CR = 13;
const LF = 10;
const MINUS = 45;
const ZERO = 48;
/** Digits whose number is exact in a double. */
const EXACT_DIGITS = 15;

/**
 * The bytes that a decoder has not decoded, and the lines in them.
 *
 * ```
 *   bytes  | decoded | not decoded yet     | room() |
 *          0         at                    end      bytes.length
 * ```
 */
export class ReplyBuffer {
  /** The buffer. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES_MIN);
  /** The same, as text. */
  text: TextWindow = new TextWindow(this.bytes);
  /** Offset of the value that is decoded next. */
  at = 0;
  /** Offset behind the last byte that came. */
  end = 0;
  /** Bytes that the value at `at` needs, when that is known. */
  wanted = 0;

  /** Where the next bytes belong; never empty. Say with {@linkcode filled} how many came. */
  room(): Uint8Array<ArrayBuffer> {
    if (this.at === this.end) this.at = this.end = 0;
    const kept = this.end - this.at;
    const wanted = Math.max(Math.min(this.wanted, kept + TRUST_BYTES), kept + 1);
    if (wanted > this.bytes.length || this.end === this.bytes.length) {
      if (wanted <= this.bytes.length / 2) this.#compact(this.bytes);
      else this.#grow(wanted);
    } else if (this.at + wanted > this.bytes.length) this.#compact(this.bytes);
    return this.bytes.subarray(this.end);
  }

  /** Offset of the CR that ends the line, or -1 while it is not there. */
  lineEnd(): number {
    const buffer = this.bytes;
    for (let i = this.at + 1; i < this.end; i++) {
      if (buffer[i] !== CR) {
        if (buffer[i] === LF) throw unterminated();
        continue;
      }
      if (i + 1 === this.end) break;
      if (buffer[i + 1] !== LF) throw unterminated();
      if (i - this.at <= LINE_BYTES_MAX) return i;
      break;
    }
    if (this.end - this.at > LINE_BYTES_MAX) {
      throw new ProtocolError(`Cannot decode reply: a line of more than ${LINE_BYTES_MAX} bytes`);
    }
    return -1;
  }

  /** The text behind the type. */
  line(): string | typeof INCOMPLETE {
    const end = this.lineEnd();
    if (end < 0) return INCOMPLETE;
    const start = this.at + 1;
    this.at = end + 2;
    return this.text.decode(start, end);
  }

  /** The integer behind the type, usually a small one. */
  integer(): number | bigint | typeof INCOMPLETE {
    const buffer = this.bytes;
    const start = this.at + 1;
    let i = start;
    const negative = buffer[i] === MINUS;
    if (negative) i++;
    const first = i;
    let value = 0;
    for (const end = this.end; i < end; i++) {
      const digit = buffer[i]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const isExact = i - first <= EXACT_DIGITS && i > first;
    if (isExact && i + 1 < this.end && buffer[i] === CR && buffer[i + 1] === LF) {
      this.at = i + 2;
      return negative && value > 0 ? -value : value;
    }
    return this.bigNumber();
  }

  /** An integer of any size. */
  bigNumber(): number | bigint | typeof INCOMPLETE {
    const text = this.line();
    return text === INCOMPLETE ? INCOMPLETE : parseInteger(text);
  }

  /** The number behind the type: a length, -1 for null, `?` for a stream. */
  length(): number | typeof INCOMPLETE {
    const buffer = this.bytes;
    let i = this.at + 1;
    let value = 0;
    for (const end = this.end; i < end; i++) {
      const digit = buffer[i]! - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    const digits = i - this.at - 1;
    if (
      digits > 0 && digits <= EXACT_DIGITS && i + 1 < this.end && buffer[i] === CR &&
      buffer[i + 1] === LF
    ) {
      this.at = i + 2;
      return value;
    }
    const text = this.line();
    if (text === INCOMPLETE) return INCOMPLETE;
    if (text === "-1") return NULL_LENGTH;
    if (text === "?") return STREAMED;
    throw new ProtocolError("Cannot decode reply: a length is a number");
  }

  #grow(wanted: number): void {
    const isBulk = wanted >= BULK_BYTES_MIN;
    let size = isBulk ? Math.max(this.bytes.length, BULK_BUFFER_BYTES) : this.bytes.length;
    while (size < wanted || size - (this.end - this.at) < size / 2) size *= 2;
    const larger = new Uint8Array(size);
    this.#compact(larger);
    this.bytes = larger;
    this.text = new TextWindow(larger);
  }

  /** Moves what is not decoded to the start of a buffer. */
  #compact(to: Uint8Array): void {
    if (to === this.bytes) to.copyWithin(0, this.at, this.end);
    else to.set(this.bytes.subarray(this.at, this.end));
    this.end -= this.at;
    this.at = 0;
  }
}
