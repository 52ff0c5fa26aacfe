// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isName, Octet, OCTETS, textOf } from "./octets.ts";

/** What bounds the fields of a message. */
export interface FieldLimits {
  readonly headerBytesMax: number;
  readonly headerCountMax: number;
}

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const HT = 0x09;
const COLON = 0x3a;
const COMMA = 0x2c;
const ZERO = 0x30;
const NINE = 0x39;

/**
 * The field lines of a message: an incremental scanner, and what they say of its framing.
 *
 * It holds offsets and no text; whoever wants a value makes one from the bytes. All offsets count
 * from the first byte of the head, so the bytes may move between two calls. Requests, responses and
 * trailers are scanned by the same code: what one refuses, the others refuse as well.
 *
 * ```
 *   Content-Length: 5 CR LF      fields[0..3]: name start, name end, value start, value end
 *   CR LF                        the end
 * ```
 */
export class FieldSection {
  /** Four offsets a field: name start and end, value start and end. */
  fields: Int32Array = new Int32Array(4 * 32);
  /** Header fields. */
  fieldCount = 0;
  /** `Content-Length`, or -1. */
  contentLength = -1;
  /** Whether the body is chunked. */
  chunked = false;
  /** Whether `Connection` names `upgrade`. */
  upgrades = false;
  /** Whether `Connection` names `close`. */
  closes = false;
  /** Whether `Connection` names `keep-alive`. */
  keeps = false;
  /** Why the message was refused, for tests and logs; empty while it was not. */
  reason = "";
  /** Where scanning goes on: always at the beginning of a line, or of the head. */
  at = 0;

  /** Forgets everything. */
  reset(): void {
    this.fieldCount = 0;
    this.contentLength = -1;
    this.chunked = false;
    this.upgrades = false;
    this.closes = false;
    this.keeps = false;
    this.reason = "";
    this.at = 0;
  }

  /**
   * Scans field lines from {@linkcode at} on, up to the empty line.
   *
   * @returns The length of the head when it is complete, 0 when more bytes are needed, and the
   * negative status code of the answer when it must be refused
   */
  scanFields(bytes: Uint8Array, start: number, end: number, limits: FieldLimits): number {
    let at = start + this.at;
    for (;;) {
      this.at = at - start;
      if (at === end) return 0;
      if (bytes[at] === CR) {
        if (at + 1 === end) return 0;
        return bytes[at + 1] === LF ? at + 2 - start : this.refuse(400, "bare CR");
      }
      const line = at;
      while (at < end && (OCTETS[bytes[at]] & Octet.TOKEN) !== 0) at++;
      if (at === end) return 0;
      // Also where the line begins with a blank (obs-fold) or has one before the colon.
      if (bytes[at] !== COLON || at === line) return this.refuse(400, "bad field name");
      const nameEnd = at++;
      while (at < end && (bytes[at] === SP || bytes[at] === HT)) at++;
      const value = at;
      while (at < end && (OCTETS[bytes[at]] & Octet.VALUE) !== 0) at++;
      if (at === end) return 0;
      if (bytes[at] !== CR) return this.refuse(400, "bad field value");
      if (at + 1 === end) return 0;
      if (bytes[at + 1] !== LF) return this.refuse(400, "bare CR");
      let valueEnd = at;
      while (valueEnd > value && (bytes[valueEnd - 1] === SP || bytes[valueEnd - 1] === HT)) {
        valueEnd--;
      }
      at += 2;
      if (this.fieldCount === limits.headerCountMax) return this.refuse(431, "too many fields");
      this.#addField(line - start, nameEnd - start, value - start, valueEnd - start);
      const status = this.note(bytes, line, nameEnd, value, valueEnd);
      if (status !== 0) return status;
    }
  }

  /** Looks at a field that frames the message; a negative status when it is refused. */
  note(bytes: Uint8Array, name: number, nameEnd: number, start: number, end: number): number {
    switch (nameEnd - name) {
      case 10:
        if (isName(bytes, name, nameEnd, "connection")) this.#noteConnection(bytes, start, end);
        return 0;
      case 14:
        if (!isName(bytes, name, nameEnd, "content-length")) return 0;
        return this.#noteContentLength(bytes, start, end);
      case 17:
        if (!isName(bytes, name, nameEnd, "transfer-encoding")) return 0;
        return this.#noteTransferEncoding(bytes, start, end);
      default:
        return 0;
    }
  }

  /** Keeps the reason; gives the negative status. */
  refuse(status: number, reason: string): number {
    this.reason = reason;
    return -status;
  }

  #addField(nameStart: number, nameEnd: number, valueStart: number, valueEnd: number): void {
    const at = this.fieldCount++ * 4;
    if (at === this.fields.length) {
      const more = new Int32Array(this.fields.length * 2);
      more.set(this.fields);
      this.fields = more;
    }
    const { fields } = this;
    fields[at] = nameStart;
    fields[at + 1] = nameEnd;
    fields[at + 2] = valueStart;
    fields[at + 3] = valueEnd;
  }

  #noteConnection(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end;) {
      const from = at;
      while (at < end && bytes[at] !== COMMA) at++;
      const [first, last] = trim(bytes, from, at++);
      if (isName(bytes, first, last, "close")) this.closes = true;
      else if (isName(bytes, first, last, "keep-alive")) this.keeps = true;
      else if (isName(bytes, first, last, "upgrade")) this.upgrades = true;
    }
  }

  /** RFC 9112 section 6.3: a list or a second one is refused, also where all are the same. */
  #noteContentLength(bytes: Uint8Array, start: number, end: number): number {
    if (this.contentLength >= 0) return this.refuse(400, "second content-length");
    let length = 0;
    for (let at = start; at < end; at++) {
      const octet = bytes[at];
      if (octet < ZERO || octet > NINE) return this.refuse(400, "bad content-length");
      length = length * 10 + octet - ZERO;
      if (length > Number.MAX_SAFE_INTEGER) return this.refuse(413, "content-length too large");
    }
    if (start === end) return this.refuse(400, "bad content-length");
    this.contentLength = length;
    return 0;
  }

  /** RFC 9112 section 6.1: `chunked` and nothing else is understood. */
  #noteTransferEncoding(bytes: Uint8Array, start: number, end: number): number {
    if (this.chunked) return this.refuse(400, "second transfer-encoding");
    if (!isName(bytes, start, end, "chunked")) {
      const codings = textOf(bytes, start, end).toLowerCase();
      return KNOWN_CODINGS_REGEXP.test(codings)
        ? this.refuse(501, "transfer coding not supported")
        : this.refuse(400, "bad transfer-encoding");
    }
    this.chunked = true;
    return 0;
  }
}

const KNOWN_CODINGS_REGEXP = /^(?:(?:x-)?(?:gzip|compress)|deflate)[ \t]*,[ \t]*chunked$/;

/** The range without blanks at its ends. */
function trim(bytes: Uint8Array, start: number, end: number): [number, number] {
  let [first, last] = [start, end];
  while (first < last && (bytes[first] === SP || bytes[first] === HT)) first++;
  while (last > first && (bytes[last - 1] === SP || bytes[last - 1] === HT)) last--;
  return [first, last];
}
