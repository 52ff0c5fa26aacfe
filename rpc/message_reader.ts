// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The bytes of one message, read from front to back. Every read checks that they are there, so a
 * message can claim what it likes: no more memory is taken than it is long.
 */
export class MessageReader {
  #bytes: Uint8Array = NO_BYTES;
  #view: DataView = new DataView(NO_BYTES.buffer);
  #at = 0;
  #end = 0;

  /** Begins with the message that lies in this part of a buffer. */
  open(bytes: Uint8Array, start: number, end: number): void {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    }
    this.#at = start;
    this.#end = end;
  }

  /** The buffer that the message lies in. */
  get view(): DataView {
    return this.#view;
  }

  /** Bytes that are left. */
  get left(): number {
    return this.#end - this.#at;
  }

  /** Goes no further than so many bytes; gives the end that was, for {@linkcode leave}. */
  enter(byteLength: number): number {
    if (byteLength > this.left) throw this.missing(byteLength);
    const end = this.#end;
    this.#end = this.#at + byteLength;
    return end;
  }

  /** Skips what is left of what was {@linkcode enter}ed. */
  leave(end: number): void {
    this.#at = this.#end;
    this.#end = end;
  }

  /** One byte. */
  u8(): number {
    return this.#bytes[this.skip(1)];
  }

  /** Four bytes. */
  u32(): number {
    return this.#view.getUint32(this.skip(4), true);
  }

  /** Text with its length in front as four bytes. */
  string(): string {
    const bytes = this.raw(this.u32());
    // A short text of ASCII is the rule, and a decoder costs 0.2 us to call.
    if (bytes.length <= SHORT_TEXT_MAX) {
      const text = asciiText(bytes);
      if (text !== null) return text;
    }
    try {
      return decoder.decode(bytes);
    } catch {
      throw new Deno.errors.InvalidData("Cannot decode message: a text is not UTF-8");
    }
  }

  /** So many bytes, as a view of the message. */
  raw(byteLength: number): Uint8Array {
    const at = this.skip(byteLength);
    return this.#bytes.subarray(at, at + byteLength);
  }

  /** The error of a message that is too short. */
  missing(byteLength: number): Error {
    const text = `Cannot decode message: ${byteLength} bytes are wanted, ${this.left} are left`;
    return new Deno.errors.InvalidData(text);
  }

  /** Goes on by so many bytes, and says where they begin in {@linkcode view}. */
  skip(byteLength: number): number {
    const at = this.#at;
    if (byteLength > this.#end - at) throw this.missing(byteLength);
    this.#at = at + byteLength;
    return at;
  }
}

const NO_BYTES = new Uint8Array(0);
const SHORT_TEXT_MAX = 24;

function asciiText(bytes: Uint8Array): string | null {
  let text = "";
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index];
    if (byte > 0x7f) return null;
    text += String.fromCharCode(byte);
  }
  return text;
}
