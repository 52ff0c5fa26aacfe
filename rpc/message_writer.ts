// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Byte strings of this size and more are not copied: they leave from where they are. */
export const BORROWED_BYTES_MIN = 4096;

const FIRST_BYTES = 4096;
const encoder = new TextEncoder();

/** A byte string of the caller's that goes out between the writer's own bytes. */
interface Borrowed {
  /** The writer's own bytes before it. */
  readonly at: number;
  readonly bytes: Uint8Array;
}

/**
 * Messages on their way out, little-endian and back to back: bytes of its own that grow as needed,
 * with long byte strings of the caller's in between.
 */
export class MessageWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES);
  #view: DataView = new DataView(this.#bytes.buffer);
  #length = 0;
  #borrowed: Borrowed[] = [];
  #borrowedBytes = 0;

  /** Bytes written so far, borrowed ones included. */
  get byteLength(): number {
    return this.#length + this.#borrowedBytes;
  }

  /** Its own bytes; a new one whenever they grow. */
  get view(): DataView {
    return this.#view;
  }

  /** Leaves room for numbers that are only known later, all of which must be set; says where. */
  reserve(byteLength: number): number {
    return this.#room(byteLength);
  }

  /** Fills room that was {@linkcode reserve}d. */
  setU32(at: number, value: number): void {
    this.#view.setUint32(at, value, true);
  }

  /** Fills one byte that was {@linkcode reserve}d. */
  setU8(at: number, value: number): void {
    this.#bytes[at] = value;
  }

  /** Appends one byte. */
  u8(value: number): void {
    const at = this.#room(1);
    this.#bytes[at] = value;
  }

  /** Appends four bytes. */
  u32(value: number): void {
    const at = this.#room(4);
    this.#view.setUint32(at, value, true);
  }

  /** Appends text as UTF-8, its length in front as four bytes. */
  string(text: string): void {
    const at = this.#room(4 + text.length * 3);
    const { written } = encoder.encodeInto(text, this.#bytes.subarray(at + 4));
    this.#view.setUint32(at, written, true);
    this.#length = at + 4 + written;
  }

  /** Appends bytes as they are; long ones are borrowed until the writer was sent. */
  raw(bytes: Uint8Array): void {
    if (bytes.length < BORROWED_BYTES_MIN) {
      const at = this.#room(bytes.length);
      this.#bytes.set(bytes, at);
      return;
    }
    this.#borrowed.push({ at: this.#length, bytes });
    this.#borrowedBytes += bytes.length;
  }

  /** Takes back what was written since a place. */
  truncate(mark: WriterMark): void {
    this.#length = mark.length;
    this.#borrowed.length = mark.borrowed;
    this.#borrowedBytes = mark.borrowedBytes;
  }

  /** Where it stands, for {@linkcode truncate}. */
  mark(): WriterMark {
    const { length: borrowed } = this.#borrowed;
    return { length: this.#length, borrowed, borrowedBytes: this.#borrowedBytes };
  }

  /** A copy of all that was written since a place. */
  since(mark: WriterMark): Uint8Array {
    const copy = new Uint8Array(this.byteLength - mark.length - mark.borrowedBytes);
    let from = mark.length;
    let to = 0;
    const append = (bytes: Uint8Array) => {
      copy.set(bytes, to);
      to += bytes.length;
    };
    for (const { at, bytes } of this.#borrowed.slice(mark.borrowed)) {
      append(this.#bytes.subarray(from, at));
      append(bytes);
      from = at;
    }
    append(this.#bytes.subarray(from, this.#length));
    return copy;
  }

  /** All that was written, as buffers to be sent in this order; valid until {@linkcode clear}. */
  pieces(): Uint8Array[] {
    const own = this.#bytes;
    if (this.#borrowed.length === 0) return [own.subarray(0, this.#length)];
    const pieces: Uint8Array[] = [];
    let from = 0;
    for (const { at, bytes } of this.#borrowed) {
      if (at > from) pieces.push(own.subarray(from, at));
      pieces.push(bytes);
      from = at;
    }
    if (this.#length > from) pieces.push(own.subarray(from, this.#length));
    return pieces;
  }

  /** Begins anew; memory beyond {@linkcode KEPT_BYTES_MAX} is given back. */
  clear(): void {
    this.#length = this.#borrowedBytes = 0;
    if (this.#borrowed.length > 0) this.#borrowed = [];
    if (this.#bytes.length > KEPT_BYTES_MAX) this.#replace(new Uint8Array(FIRST_BYTES));
  }

  /** Makes room; the memory may be another one afterwards. */
  #room(byteLength: number): number {
    const at = this.#length;
    const end = at + byteLength;
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      grown.set(this.#bytes.subarray(0, at));
      this.#replace(grown);
    }
    this.#length = end;
    return at;
  }

  #replace(bytes: Uint8Array<ArrayBuffer>): void {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** A place in a writer, to go back to. */
export interface WriterMark {
  /** Its own bytes. */
  readonly length: number;
  /** Byte strings that are borrowed. */
  readonly borrowed: number;
  /** Bytes in these. */
  readonly borrowedBytes: number;
}

/** Memory that a writer keeps for the next messages. */
const KEPT_BYTES_MAX = 262_144;
