// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type FieldLimits, FieldSection } from "./field_section.ts";
import { Octet, OCTETS, textOf } from "./octets.ts";

/** How a body ends that has no length, see {@linkcode ResponseHead.bodyLength}. */
export const BodyEnd = {
  /** With its last chunk. */
  CHUNKED: -1,
  /** With the connection, which cannot be used again. */
  CLOSE: -2,
} as const;

const CR = 0x0d;
const LF = 0x0a;
const SP = 0x20;
const ZERO = 0x30;
/** `HTTP/1.` and a minor version, a blank, three digits. */
const STATUS_BYTES = "HTTP/1.1 200".length;
const VERSION = "HTTP/1.";

/**
 * The head of a response: an incremental scanner, and what it found (RFC 9112 section 4).
 *
 * ```
 *   HTTP/1.1 200 OK CR LF               status, reason phrase reasonStart..reasonEnd
 *   Content-Type: text/plain CR LF      fields[0..3], see `FieldSection`
 *   Content-Length: 5 CR LF             fields[4..7]
 *   CR LF                               length
 * ```
 *
 * It is as strict as the request's: lines end in CR LF, framing that two parsers may read in two
 * ways is refused, and so is obs-fold, which Deno's own client refuses as well. Two things that
 * leave no doubt are taken: a status line without the blank before a missing reason phrase, and any
 * status from 100 to 999. Interim responses (1xx) are heads like others: the caller passes over
 * them, and takes 101 as the end of HTTP.
 */
export class ResponseHead extends FieldSection {
  /** Status code: 100 to 999. */
  status = 0;
  /** Minor version: 0 or 1. */
  minor = 1;
  /** Beginning of the reason phrase. */
  reasonStart = 0;
  /** End of the reason phrase; often it is empty. */
  reasonEnd = 0;
  #inFields = false;

  /** Forgets everything. */
  override reset(): void {
    super.reset();
    this.status = 0;
    this.#inFields = false;
  }

  /** Whether the server takes more requests; moot where the body ends with the connection. */
  get keepAlive(): boolean {
    return !this.closes && (this.minor === 1 || this.keeps);
  }

  /**
   * Scans bytes that begin with the head; those of the last call come again, with more behind.
   *
   * @returns The length of the head when it is complete, 0 when more bytes are needed, and less
   * than 0 when it is refused: {@linkcode reason} says why
   */
  scan(bytes: Uint8Array, start: number, end: number, limits: FieldLimits): number {
    let result = this.#inFields ? 1 : this.#scanStatusLine(bytes, start, end);
    if (result > 0) result = this.scanFields(bytes, start, end, limits);
    if (result < 0) return result;
    if ((result > 0 ? result : end - start) > limits.headerBytesMax) {
      return this.refuse(431, "head too long");
    }
    return result === 0 ? 0 : this.#finish(result);
  }

  /**
   * Bytes of the body that follows the answer to a request of this method (RFC 9112 section 6.3),
   * or how it ends.
   */
  bodyLength(method: string): number {
    const { status } = this;
    if (status < 200 || status === 204 || status === 304 || method === "HEAD") return 0;
    // What follows is a tunnel's.
    if (method === "CONNECT" && status < 300) return 0;
    if (this.chunked) return BodyEnd.CHUNKED;
    return this.contentLength >= 0 ? this.contentLength : BodyEnd.CLOSE;
  }

  /** The reason phrase, one character an octet; the usual ones are not made anew. */
  statusText(bytes: Uint8Array, start: number): string {
    const from = start + this.reasonStart;
    const length = this.reasonEnd - this.reasonStart;
    if (length === 0) return "";
    if (length === 2 && bytes[from] === O && bytes[from + 1] === K) return "OK";
    return textOf(bytes, from, from + length);
  }

  #scanStatusLine(bytes: Uint8Array, start: number, end: number): number {
    const length = Math.min(end - start, STATUS_BYTES);
    for (let i = 0; i < length; i++) {
      if (!mayStandAt(i, bytes[start + i])) return this.refuse(400, "bad status line");
    }
    if (length < STATUS_BYTES) return 0;
    let at = start + STATUS_BYTES;
    if (at === end) return 0;
    if (bytes[at] !== SP && bytes[at] !== CR) return this.refuse(400, "bad status line");
    if (bytes[at] === SP) at++;
    const reason = at;
    while (at < end && (OCTETS[bytes[at]] & Octet.VALUE) !== 0) at++;
    if (at === end) return 0;
    if (bytes[at] !== CR) return this.refuse(400, "bad reason phrase");
    if (at + 1 === end) return 0;
    if (bytes[at + 1] !== LF) return this.refuse(400, "bare CR");
    this.minor = bytes[start + VERSION.length] - ZERO;
    const digits = start + STATUS_BYTES - 3;
    this.status = (bytes[digits] - ZERO) * 100 + (bytes[digits + 1] - ZERO) * 10 +
      bytes[digits + 2] - ZERO;
    this.reasonStart = reason - start;
    this.reasonEnd = at - start;
    this.at = at + 2 - start;
    this.#inFields = true;
    return 1;
  }

  /** What only the whole head can tell. */
  #finish(length: number): number {
    if (!this.chunked) return length;
    // RFC 9112 section 6.3: such a response may have been made to be read in two ways.
    if (this.contentLength >= 0) return this.refuse(400, "two lengths");
    // RFC 9112 section 6.1: the framing of such a message is taken to be faulty.
    if (this.minor === 0) return this.refuse(400, "transfer-encoding in HTTP/1.0");
    return length;
  }
}

const [O, K] = [0x4f, 0x4b];

/** Whether the octet may be the one at this offset of a status line. */
function mayStandAt(offset: number, octet: number): boolean {
  if (offset < VERSION.length) return octet === VERSION.charCodeAt(offset);
  if (offset === VERSION.length) return octet === ZERO || octet === ZERO + 1;
  if (offset === VERSION.length + 1) return octet === SP;
  const first = offset === VERSION.length + 2;
  return octet >= (first ? ZERO + 1 : ZERO) && octet <= ZERO + 9;
}
