// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type FieldLimits, FieldSection } from "./field_section.ts";
import { isName, Octet, OCTETS, textOf } from "./octets.ts";

/** What bounds the head of a request, see `ServeLimits`. */
export interface HeadLimits extends FieldLimits {
  readonly urlBytesMax: number;
}

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const DOT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
/** Longest method; RFC 9110 section 9 knows none of more than 17 letters. */
const METHOD_BYTES_MAX = 32;
/** Empty lines before a request line that are passed over (RFC 9112 section 2.2). */
const EMPTY_LINES_MAX = 4;
const VERSION = "HTTP/";

/**
 * The head of a request: an incremental scanner, and what it found.
 *
 * It holds offsets and no text; whoever wants a value makes one from the bytes. All offsets count
 * from the first byte of the head, so the bytes may move between two calls. What a line means for
 * the framing of the message is known when the head is complete.
 *
 * ```
 *   POST /path HTTP/1.1 CR LF            method 0..methodEnd, target targetStart..targetEnd
 *   Host: example.com CR LF              fields[0..3]: name start, name end, value start, value end
 *   Content-Length: 5 CR LF              fields[4..7]
 *   CR LF                                length
 * ```
 */
export class RequestHead extends FieldSection {
  /** End of the method, which begins at {@linkcode methodStart}. */
  methodEnd = 0;
  /** Beginning of the method: 0, unless empty lines came first. */
  methodStart = 0;
  /** Beginning of the request target. */
  targetStart = 0;
  /** End of the request target. */
  targetEnd = 0;
  /** Minor version: 0 or 1. */
  minor = 1;
  /** Which field is `host`, or -1. */
  hostField = -1;
  /** Whether the client means to send more requests. */
  keepAlive = true;
  /** Whether the client waits for `100 Continue`. */
  expectsContinue = false;

  #inFields = false;
  #isTrailers = false;

  /** Forgets everything. */
  override reset(): void {
    super.reset();
    this.hostField = -1;
    this.expectsContinue = false;
    this.#inFields = false;
    this.#isTrailers = false;
  }

  /**
   * Scans bytes that begin with the head; those of the last call come again, with more behind.
   *
   * @returns The length of the head when it is complete, 0 when more bytes are needed, and the
   * negative status code of the answer when it must be refused
   */
  scan(bytes: Uint8Array, start: number, end: number, limits: HeadLimits): number {
    let result = this.#inFields ? 1 : this.#scanRequestLine(bytes, start, end, limits);
    if (result > 0) result = this.scanFields(bytes, start, end, limits);
    if (result < 0) return result;
    const length = result > 0 ? result : end - start;
    if (length > limits.headerBytesMax) return this.refuse(431, "head too long");
    return result === 0 ? 0 : this.#finish(bytes, start, result);
  }

  /** Scans a trailer section from now on: fields without a request line. */
  beginTrailers(): void {
    this.reset();
    this.#inFields = true;
    this.#isTrailers = true;
  }

  /** The method; the usual ones are not made anew. */
  method(bytes: Uint8Array, start: number): string {
    const at = start + this.methodStart;
    const length = this.methodEnd - this.methodStart;
    if (length === 3 && bytes[at] === G && bytes[at + 1] === E && bytes[at + 2] === T) return "GET";
    for (const method of METHODS[length] ?? []) {
      if (isText(bytes, at, method)) return method;
    }
    return textOf(bytes, at, at + length);
  }

  #scanRequestLine(
    bytes: Uint8Array,
    start: number,
    end: number,
    { urlBytesMax }: HeadLimits,
  ): number {
    let at = start;
    for (let lines = 0; at < end && bytes[at] === CR; lines++) {
      if (lines === EMPTY_LINES_MAX) return this.refuse(400, "too many empty lines");
      if (at + 1 === end) return 0;
      if (bytes[at + 1] !== LF) return this.refuse(400, "bare CR");
      at += 2;
    }
    this.methodStart = at - start;
    while (at < end && (OCTETS[bytes[at]] & Octet.TOKEN) !== 0) at++;
    const methodBytes = at - start - this.methodStart;
    if (methodBytes > METHOD_BYTES_MAX) return this.refuse(400, "method too long");
    if (at === end) return 0;
    if (bytes[at] !== SP || methodBytes === 0) return this.refuse(400, "bad method");
    this.methodEnd = at - start;
    const target = ++at;
    while (at < end && (OCTETS[bytes[at]] & Octet.TARGET) !== 0) at++;
    if (at - target > urlBytesMax) return this.refuse(414, "target too long");
    if (at === end) return 0;
    if (bytes[at] !== SP || at === target) return this.refuse(400, "bad target");
    this.targetStart = target - start;
    this.targetEnd = at - start;
    return this.#scanVersion(bytes, start, at + 1, end);
  }

  /** `HTTP/1.1` and the end of the line. */
  #scanVersion(bytes: Uint8Array, start: number, from: number, end: number): number {
    let at = from;
    for (let i = 0; i < VERSION.length; i++, at++) {
      if (at === end) return 0;
      if (bytes[at] !== VERSION.charCodeAt(i)) return this.refuse(400, "bad version");
    }
    if (at + 3 > end) return isVersionPrefix(bytes, at, end) ? 0 : this.refuse(400, "bad version");
    const minor = bytes[at + 2] - ZERO;
    if (!isVersionPrefix(bytes, at, at + 3)) return this.refuse(400, "bad version");
    if (bytes[at] !== ZERO + 1 || minor > 1) return this.refuse(505, "version not supported");
    at += 3;
    if (at < end && bytes[at] !== CR) return this.refuse(400, "bad end of line");
    if (at + 1 < end && bytes[at + 1] !== LF) return this.refuse(400, "bare CR");
    if (at + 2 > end) return 0;
    this.minor = minor;
    this.at = at + 2 - start;
    this.#inFields = true;
    return 1;
  }

  /** Looks at a field that routes or frames the message. */
  override note(
    bytes: Uint8Array,
    name: number,
    nameEnd: number,
    start: number,
    end: number,
  ): number {
    switch (nameEnd - name) {
      case 4:
        return isName(bytes, name, nameEnd, "host") ? this.#noteHost(bytes, start, end) : 0;
      case 6:
        if (!isName(bytes, name, nameEnd, "expect")) return 0;
        // Other expectations are passed over, as RFC 9110 section 10.1.1 allows.
        this.expectsContinue ||= isName(bytes, start, end, "100-continue");
        return 0;
      default:
        return super.note(bytes, name, nameEnd, start, end);
    }
  }

  /** RFC 9112 section 3.2: one of them, and a valid one. */
  #noteHost(bytes: Uint8Array, start: number, end: number): number {
    if (this.hostField >= 0) return this.refuse(400, "second host");
    this.hostField = this.fieldCount - 1;
    for (let at = start; at < end; at++) {
      if ((OCTETS[bytes[at]] & Octet.HOST) === 0) return this.refuse(400, "bad host");
    }
    return 0;
  }

  /** What only the whole head can tell. */
  #finish(bytes: Uint8Array, start: number, length: number): number {
    if (this.#isTrailers) {
      // RFC 9110 section 6.5.1: what frames or routes a message has no place behind it.
      const frames = this.chunked || this.contentLength >= 0 || this.hostField >= 0;
      return frames ? this.refuse(400, "framing field in trailers") : length;
    }
    if (this.chunked) {
      if (this.contentLength >= 0) return this.refuse(400, "two lengths");
      // HTTP/1.0 has no transfer codings: whoever sent it may have framed the body otherwise.
      if (this.minor === 0) return this.refuse(400, "transfer-encoding in HTTP/1.0");
    }
    if (this.hostField < 0 && this.minor === 1) return this.refuse(400, "no host");
    if (bytes[start + this.targetStart] !== SLASH && !this.#isOtherForm(bytes, start)) {
      return this.refuse(400, "bad target");
    }
    this.keepAlive = !this.closes && (this.minor === 1 || this.keeps);
    return length;
  }

  /** Absolute form, `*` of OPTIONS, or authority form of CONNECT (RFC 9112 section 3.2). */
  #isOtherForm(bytes: Uint8Array, start: number): boolean {
    const method = this.method(bytes, start);
    const target = textOf(bytes, start + this.targetStart, start + this.targetEnd);
    if (method === "CONNECT") return AUTHORITY_REGEXP.test(target);
    if (method === "OPTIONS" && target === "*") return true;
    return ABSOLUTE_REGEXP.test(target);
  }
}

const SLASH = 0x2f;
const [G, E, T] = [0x47, 0x45, 0x54];
const AUTHORITY_REGEXP = /^[\w.~!$&'()*+,;=%[\]:-]+:\d{1,5}$/;
const ABSOLUTE_REGEXP = /^https?:\/\/[\w.~!$&'()*+,;=%[\]:-]+(?:[/?].*)?$/i;

// Data: methods by their length.
const METHODS: Record<number, readonly string[] | undefined> = {
  3: ["GET", "PUT"],
  4: ["POST", "HEAD"],
  5: ["PATCH", "TRACE"],
  6: ["DELETE"],
  7: ["OPTIONS", "CONNECT"],
};

function isText(bytes: Uint8Array, start: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    if (bytes[start + i] !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** Whether the bytes may begin `digit . digit`. */
function isVersionPrefix(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const octet = bytes[at];
    if (at === start + 1 ? octet !== DOT : octet < ZERO || octet > NINE) return false;
  }
  return true;
}
