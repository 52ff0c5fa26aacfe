// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Values that most calls are made of, as bytes: undefined, null, booleans, numbers, bigints,
// strings, dense arrays, plain objects and Uint8Arrays. What else structured clone can do is left
// to it (`postMessage`), which costs some 30 us more.
//
//   tag, 1 byte | nothing, int32, float64, count and bytes, count and items, count, keys and values

/** Values within values; deeper ones, as what contains itself, are left to `postMessage`. */
const DEPTH_MAX = 32;
/** Shorter strings are built character by character. */
const SHORT_TEXT_MAX = 24;
/** Characters that are built in one go. */
const TEXT_CHUNK = 8192;

// deno-fmt-ignore
const Tag = {
  undefined: 0, null: 1, false: 2, true: 3, int: 4, float: 5, bigint: 6, ascii: 7, utf16: 8,
  array: 9, object: 10, bytes: 11,
} as const;

/** Writes values one after the other into memory of its own. */
export class ValueWriter {
  /** What was written, in words. */
  readonly words: Int32Array<ArrayBuffer>;
  /** Bytes written. */
  length = 0;

  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  readonly #bytesMax: number;

  /** Sets the bound that a message has. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
    // Room for one number beyond the bound: that it was passed is seen before the next one.
    this.words = new Int32Array((bytesMax + 16 + 3) >> 2);
    this.#bytes = new Uint8Array(this.words.buffer);
    this.#view = new DataView(this.words.buffer);
  }

  /** Starts a message with one byte that says what it is, and a number. */
  begin(kind: number, id: number): void {
    this.#bytes[0] = kind;
    this.#view.setInt32(1, id, true);
    this.length = 5;
  }

  /** Writes a value; false when it has to go another way. Then the message is spoilt. */
  value(value: unknown): boolean {
    return this.#value(value, 0) && this.length <= this.#bytesMax;
  }

  #value(value: unknown, depth: number): boolean {
    if (this.length + 16 > this.#bytesMax) return false;
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "string":
        return this.#text(value);
      case "boolean":
        return this.#tag(value ? Tag.true : Tag.false);
      case "undefined":
        return this.#tag(Tag.undefined);
      case "bigint":
        return this.#tag(Tag.bigint) && this.#text(value.toString());
      case "object":
        return value === null ? this.#tag(Tag.null) : this.#object(value, depth + 1);
      default:
        return false;
    }
  }

  #tag(tag: number): true {
    this.#bytes[this.length++] = tag;
    return true;
  }

  #count(count: number): void {
    this.#view.setInt32(this.length, count, true);
    this.length += 4;
  }

  #number(value: number): true {
    if ((value | 0) === value && !Object.is(value, -0)) {
      this.#tag(Tag.int);
      this.#count(value);
    } else {
      this.#tag(Tag.float);
      this.#view.setFloat64(this.length, value, true);
      this.length += 8;
    }
    return true;
  }

  /** ASCII takes a byte a character; what is not takes two, so that nothing is lost. */
  #text(text: string): boolean {
    const { length } = text;
    const bytes = this.#bytes;
    if (this.length + 5 + length > this.#bytesMax) return false;
    const start = this.length + 5;
    let index = 0;
    for (; index < length; index++) {
      const code = text.charCodeAt(index);
      if (code >= 0x80) break;
      bytes[start + index] = code;
    }
    if (index < length) return this.#wideText(text);
    this.#tag(Tag.ascii);
    this.#count(length);
    this.length += length;
    return true;
  }

  #wideText(text: string): boolean {
    if (this.length + 5 + text.length * 2 > this.#bytesMax) return false;
    this.#tag(Tag.utf16);
    this.#count(text.length);
    for (let index = 0; index < text.length; index++) {
      this.#view.setUint16(this.length, text.charCodeAt(index), true);
      this.length += 2;
    }
    return true;
  }

  #object(value: object, depth: number): boolean {
    if (depth > DEPTH_MAX) return false;
    const prototype = Object.getPrototypeOf(value);
    if (Array.isArray(value)) return this.#array(value, depth);
    if (prototype === Object.prototype || prototype === null) return this.#plain(value, depth);
    return prototype === Uint8Array.prototype && this.#byteArray(value as Uint8Array);
  }

  #array(items: unknown[], depth: number): boolean {
    this.#tag(Tag.array);
    this.#count(items.length);
    for (let index = 0; index < items.length; index++) {
      if (!this.#value(items[index], depth)) return false;
    }
    return true;
  }

  #plain(value: object, depth: number): boolean {
    const keys = Object.keys(value);
    this.#tag(Tag.object);
    this.#count(keys.length);
    for (const key of keys) {
      if (!this.#text(key)) return false;
      if (!this.#value((value as Record<string, unknown>)[key], depth)) return false;
    }
    return true;
  }

  #byteArray(bytes: Uint8Array): boolean {
    if (!(bytes.buffer instanceof ArrayBuffer) || bytes.buffer.detached) return false;
    if (this.length + 5 + bytes.length > this.#bytesMax) return false;
    this.#tag(Tag.bytes);
    this.#count(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
    return true;
  }
}

/** Reads values one after the other out of memory that a mailbox copies messages into. */
export class ValueReader {
  /** Where the message is. */
  readonly words: Int32Array<ArrayBuffer>;

  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView<ArrayBuffer>;
  #at = 0;

  /** Makes the memory for messages of so many bytes. */
  constructor(bytesMax: number) {
    this.words = new Int32Array((bytesMax + 3) >> 2);
    this.#bytes = new Uint8Array(this.words.buffer);
    this.#view = new DataView(this.words.buffer);
  }

  /** What the message is. */
  get kind(): number {
    return this.#bytes[0];
  }

  /** Goes to the message's first value; gives its number. */
  begin(): number {
    this.#at = 5;
    return this.#view.getInt32(1, true);
  }

  /** Reads the next value. */
  value(): unknown {
    switch (this.#bytes[this.#at++]) {
      case Tag.undefined:
        return undefined;
      case Tag.null:
        return null;
      case Tag.false:
        return false;
      case Tag.true:
        return true;
      case Tag.int:
        return this.#count();
      case Tag.float:
        return this.#float();
      case Tag.bigint:
        return BigInt(this.value() as string);
      case Tag.ascii:
        return this.#ascii(this.#count());
      case Tag.utf16:
        return this.#utf16(this.#count());
      case Tag.array:
        return this.#array(this.#count());
      case Tag.object:
        return this.#object(this.#count());
      default:
        return this.#byteArray(this.#count());
    }
  }

  #count(): number {
    this.#at += 4;
    return this.#view.getInt32(this.#at - 4, true);
  }

  #float(): number {
    this.#at += 8;
    return this.#view.getFloat64(this.#at - 8, true);
  }

  #ascii(length: number): string {
    const start = this.#at;
    const bytes = this.#bytes;
    this.#at += length;
    if (length > SHORT_TEXT_MAX) return asciiDecoder.decode(bytes.subarray(start, start + length));
    let text = "";
    for (let at = start; at < start + length; at++) text += String.fromCharCode(bytes[at]);
    return text;
  }

  #utf16(length: number): string {
    let text = "";
    for (let done = 0; done < length; done += TEXT_CHUNK) {
      const codes = Array.from({ length: Math.min(TEXT_CHUNK, length - done) }, (_, index) => {
        return this.#view.getUint16(this.#at + (done + index) * 2, true);
      });
      text += String.fromCharCode(...codes);
    }
    this.#at += length * 2;
    return text;
  }

  #array(length: number): unknown[] {
    const items: unknown[] = [];
    for (let index = 0; index < length; index++) items.push(this.value());
    return items;
  }

  #object(length: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    for (let index = 0; index < length; index++) {
      const key = this.value() as string;
      // A plain assignment of this one key would set the prototype.
      if (key !== "__proto__") object[key] = this.value();
      else define(object, key, this.value());
    }
    return object;
  }

  #byteArray(length: number): Uint8Array<ArrayBuffer> {
    this.#at += length;
    return this.#bytes.slice(this.#at - length, this.#at);
  }
}

const asciiDecoder = new TextDecoder();

function define(object: object, key: string, value: unknown): void {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  });
}
