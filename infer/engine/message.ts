// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Word of a message that says how many bytes of it come in further pieces; see `SharedLine`. */
const PIECE_WORD = 0;
const KIND_WORD = 1;
const ID_WORD = 2;
const HEADER_WORDS = 3;

/**
 * Writes a message between threads, in words:
 *
 *     | rest of it | kind | id | fields ... |
 *
 * An int is a word, a number two, a text its length in bytes and then its UTF-8, padded.
 */
export class MessageWriter {
  #words = new Int32Array(1024);
  #bytes = new Uint8Array(this.#words.buffer);
  #length = 0;
  readonly #float = new Float64Array(1);
  readonly #floatWords = new Int32Array(this.#float.buffer);

  /** The message; only its first {@linkcode byteLength} bytes count. */
  get words(): Int32Array<ArrayBuffer> {
    return this.#words;
  }

  /** Bytes of the message. */
  get byteLength(): number {
    return this.#length * Int32Array.BYTES_PER_ELEMENT;
  }

  /** Begins a message. */
  begin(kind: number, id: number): this {
    this.#words[PIECE_WORD] = 0;
    this.#words[KIND_WORD] = kind;
    this.#words[ID_WORD] = id;
    this.#length = HEADER_WORDS;
    return this;
  }

  /** Adds a whole number of 32 bits. */
  int(value: number): this {
    this.#reserve(1);
    this.#words[this.#length++] = value;
    return this;
  }

  /** Adds any number. */
  number(value: number): this {
    this.#reserve(2);
    this.#float[0] = value;
    this.#words[this.#length++] = this.#floatWords[0]!;
    this.#words[this.#length++] = this.#floatWords[1]!;
    return this;
  }

  /** Adds a text. */
  text(value: string): this {
    this.#reserve(1 + Math.ceil(value.length * 3 / 4));
    const begin = (this.#length + 1) * 4;
    const { written } = encoder.encodeInto(value, this.#bytes.subarray(begin));
    this.#words[this.#length] = written;
    this.#length += 1 + Math.ceil(written / 4);
    return this;
  }

  /** Adds words with their number. */
  ints(values: ArrayLike<number>): this {
    this.#reserve(1 + values.length);
    this.#words[this.#length] = values.length;
    this.#words.set(values, this.#length + 1);
    this.#length += 1 + values.length;
    return this;
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#words.length) return;
    const words = new Int32Array(Math.max(this.#words.length * 2, this.#length + count));
    words.set(this.#words.subarray(0, this.#length));
    this.#words = words;
    this.#bytes = new Uint8Array(words.buffer);
  }
}

/** Reads what a {@linkcode MessageWriter} has written, field by field in the same order. */
export class MessageReader {
  #words: Int32Array<ArrayBuffer> = new Int32Array(HEADER_WORDS);
  #bytes = new Uint8Array(this.#words.buffer);
  #at = HEADER_WORDS;
  readonly #float = new Float64Array(1);
  readonly #floatWords = new Int32Array(this.#float.buffer);

  /** What the message is. */
  get kind(): number {
    return this.#words[KIND_WORD]!;
  }

  /** Whom it is for. */
  get id(): number {
    return this.#words[ID_WORD]!;
  }

  /** Begins to read a message. */
  begin(words: Int32Array<ArrayBuffer>): void {
    if (words !== this.#words) this.#bytes = new Uint8Array(words.buffer);
    this.#words = words;
    this.#at = HEADER_WORDS;
  }

  /** The next field, a whole number of 32 bits. */
  int(): number {
    return this.#words[this.#at++]!;
  }

  /** The next field, any number. */
  number(): number {
    this.#floatWords[0] = this.#words[this.#at++]!;
    this.#floatWords[1] = this.#words[this.#at++]!;
    return this.#float[0]!;
  }

  /** The next field, a text. */
  text(): string {
    const length = this.int();
    const begin = this.#at * 4;
    this.#at += Math.ceil(length / 4);
    return length === 0 ? "" : decoder.decode(this.#bytes.subarray(begin, begin + length));
  }

  /** The next field, words; a copy. */
  ints(): Int32Array<ArrayBuffer> {
    const length = this.int();
    this.#at += length;
    return this.#words.slice(this.#at - length, this.#at);
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
