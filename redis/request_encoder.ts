// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a command takes: text, numbers as text, or bytes as they are. */
export type Argument = string | number | bigint | Uint8Array;

/** Size of the write buffer at first and again after a large request. */
const BUFFER_BYTES_MIN = 16_384;
/** A buffer that grew beyond this is not kept. */
const BUFFER_BYTES_KEPT_MAX = 1024 * 1024;
/** Text up to here is written by a loop, beyond by `TextEncoder`. */
const LOOP_CHARS_MAX = 48;
/** `$`, up to ten digits, CR LF in front of an argument, CR LF behind. */
const FRAME_BYTES = 15;

const CR = 13;
const LF = 10;
const DOLLAR = 36;
const STAR = 42;
const ZERO = 48;

const encoder = new TextEncoder();

/**
 * The name of a command as it leaves: `$3\r\nGET\r\n`. Made once for each command.
 *
 * @param words The name, and the subcommand's
 *
 * @example Of a subcommand
 * ```ts
 * import { encodeHead } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const text = new TextDecoder().decode(encodeHead("CLIENT", "ID"));
 * assertEquals(text, "$6\r\nCLIENT\r\n$2\r\nID\r\n");
 * ```
 */
export function encodeHead(...words: string[]): Uint8Array {
  return encoder.encode(words.map((word) => `$${word.length}\r\n${word}\r\n`).join(""));
}

/**
 * Encodes requests, one behind the other, into one buffer.
 *
 * ```
 *   *2\r\n $3\r\nGET\r\n $1\r\nk\r\n  | *3\r\n $3\r\nSET\r\n ...  | room
 *   count  ready head    argument                              end
 * ```
 *
 * @example Two requests, one write
 * ```ts
 * import { encodeHead, RequestEncoder } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * const requests = new RequestEncoder();
 * requests.add(encodeHead("GET"), 1, ["k"]);
 * assertEquals(new TextDecoder().decode(requests.take()), "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n");
 * ```
 */
export class RequestEncoder {
  #buffer: Uint8Array<ArrayBuffer> = new Uint8Array(BUFFER_BYTES_MIN);
  #spare: Uint8Array<ArrayBuffer> | null = null;
  #end = 0;

  /** Bytes that {@linkcode take} would give. */
  get length(): number {
    return this.#end;
  }

  /**
   * Adds a request.
   *
   * @param head What {@linkcode encodeHead} gave
   * @param words How many words the head has
   * @throws {TypeError} when an argument is neither text, number nor bytes; nothing is added then
   */
  add(head: Uint8Array, words: number, args: readonly Argument[]): void {
    const before = this.#end;
    if (this.#buffer.length - before < head.length + FRAME_BYTES) {
      this.#reserve(head.length + FRAME_BYTES);
    }
    this.#writeLength(STAR, words + args.length);
    const buffer = this.#buffer;
    let end = this.#end;
    for (let i = 0; i < head.length; i++) buffer[end++] = head[i]!;
    this.#end = end;
    for (let i = 0; i < args.length; i++) {
      if (this.#addArgument(args[i]!)) continue;
      this.#end = before;
      throw new TypeError(
        `Cannot send argument ${i + 1}: it must be text, a number or bytes, received ` +
          (args[i] === null ? "null" : typeof args[i]),
      );
    }
  }

  /** Forgets what was added since {@linkcode length} was this. */
  cut(length: number): void {
    this.#end = length;
  }

  /** Everything added, to be written before the take after next; the encoder is empty then. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#buffer.subarray(0, this.#end);
    const next = this.#spare ?? new Uint8Array(BUFFER_BYTES_MIN);
    this.#spare = this.#buffer.length > BUFFER_BYTES_KEPT_MAX ? null : this.#buffer;
    this.#buffer = next;
    this.#end = 0;
    return bytes;
  }

  #addArgument(argument: Argument): boolean {
    if (typeof argument === "string") this.#addText(argument);
    else if (typeof argument === "number" || typeof argument === "bigint") {
      this.#addText(numberText(argument));
    } else if (argument instanceof Uint8Array) this.#addBytes(argument);
    else return false;
    return true;
  }

  #addBytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length + FRAME_BYTES);
    this.#writeLength(DOLLAR, bytes.length);
    this.#buffer.set(bytes, this.#end);
    this.#end += bytes.length;
    this.#writeEnd();
  }

  #addText(text: string): void {
    const { length } = text;
    // UTF-8 needs three bytes for a UTF-16 unit at most.
    const needed = length * 3 + FRAME_BYTES;
    if (this.#buffer.length - this.#end < needed) this.#reserve(needed);
    const start = this.#end;
    this.#writeLength(DOLLAR, length);
    if (length > LOOP_CHARS_MAX) return this.#encodeText(text, start);
    const buffer = this.#buffer;
    let end = this.#end;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 127) return this.#encodeText(text, start);
      buffer[end++] = unit;
    }
    this.#end = end;
    this.#writeEnd();
  }

  /** Any text: written behind a guess of its length, and moved when the guess has fewer digits. */
  #encodeText(text: string, start: number): void {
    this.#end = start;
    this.#writeLength(DOLLAR, text.length);
    const guessed = this.#end;
    const { written } = encoder.encodeInto(text, this.#buffer.subarray(guessed));
    if (written !== text.length) {
      this.#end = start;
      const moved = guessed + digitsOf(written) - digitsOf(text.length);
      this.#buffer.copyWithin(moved, guessed, guessed + written);
      this.#writeLength(DOLLAR, written);
    }
    this.#end += written;
    this.#writeEnd();
  }

  /** `*12\r\n` or `$12\r\n`. */
  #writeLength(type: number, length: number): void {
    const buffer = this.#buffer;
    let end = this.#end;
    buffer[end++] = type;
    if (length < 10) buffer[end++] = ZERO + length;
    else if (length < 100) {
      const tens = (length * 205) >> 11; // length / 10, exact below 128
      buffer[end++] = ZERO + tens;
      buffer[end++] = ZERO + length - tens * 10;
    } else {
      end += digitsOf(length);
      let at = end;
      for (let rest = length; rest > 0; rest = Math.floor(rest / 10)) {
        buffer[--at] = ZERO + rest % 10;
      }
    }
    buffer[end++] = CR;
    buffer[end++] = LF;
    this.#end = end;
  }

  #writeEnd(): void {
    this.#buffer[this.#end++] = CR;
    this.#buffer[this.#end++] = LF;
  }

  #reserve(byteLength: number): void {
    const needed = this.#end + byteLength;
    if (needed <= this.#buffer.length) return;
    let size = this.#buffer.length;
    while (size < needed) size *= 2;
    const larger = new Uint8Array(size);
    larger.set(this.#buffer.subarray(0, this.#end));
    this.#buffer = larger;
  }
}

function digitsOf(length: number): number {
  let digits = 1;
  for (let rest = length; rest >= 10; rest /= 10) digits++;
  return digits;
}

/** Numbers as the server reads them. */
function numberText(value: number | bigint): string {
  if (value === Infinity) return "+inf";
  if (value === -Infinity) return "-inf";
  if (typeof value === "number" && Number.isInteger(value) && Math.abs(value) >= 1e21) {
    return BigInt(value).toString();
  }
  return String(value);
}
