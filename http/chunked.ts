// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Octet, OCTETS, textOf } from "./octets.ts";
import { type HeadLimits, RequestHead } from "./request_head.ts";

/** Bytes that all chunk extensions of one body may have; what they say is passed over. */
export const CHUNK_EXTENSION_BYTES_MAX = 4096;
/** Digits of a chunk's size: up to 2^52 bytes. */
const SIZE_DIGITS_MAX = 13;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;

type State =
  | "size"
  | "extension"
  | "size LF"
  | "data"
  | "data CR"
  | "data LF"
  | "trailers"
  | "done";

/**
 * Takes the chunks off a body (RFC 9112 section 7.1), incrementally.
 *
 * ```
 *   5 CR LF hello CR LF         size, data
 *   3;name=value CR LF ...      an extension, passed over
 *   0 CR LF                     the last chunk
 *   Name: value CR LF           trailers, if any
 *   CR LF
 * ```
 *
 * Every line ends in CR LF and nothing else will do: where two parsers disagree on the end of a
 * line, a request can be smuggled past one of them.
 */
export class ChunkedDecoder {
  /** The trailer fields when {@linkcode done}; offsets into {@linkcode trailerBytes}. */
  readonly trailers: RequestHead = new RequestHead();
  /** The trailer section. */
  trailerBytes: Uint8Array = EMPTY;
  /** Why the body was refused; empty while it was not. */
  reason = "";

  readonly #limits: HeadLimits;
  #state: State = "size";
  #left = 0;
  #digits = 0;
  #extensionBytes = 0;

  /** Bounds the trailers as a head is. */
  constructor(limits: HeadLimits) {
    this.#limits = limits;
  }

  /** Whether the last byte of the body was taken. */
  get done(): boolean {
    return this.#state === "done";
  }

  /** The trailer fields as text. */
  trailerPairs(): [string, string][] {
    const { fields, fieldCount } = this.trailers;
    const pairs: [string, string][] = [];
    for (let at = 0; at < fieldCount * 4; at += 4) {
      const name = textOf(this.trailerBytes, fields[at], fields[at + 1]);
      pairs.push([name, textOf(this.trailerBytes, fields[at + 2], fields[at + 3])]);
    }
    return pairs;
  }

  /**
   * Decodes what there is, up to the end of the body.
   *
   * @param data Takes each piece of the content: bytes `from..to`
   * @returns How far it came, or the negative status code of the answer
   */
  decode(
    bytes: Uint8Array,
    start: number,
    end: number,
    data: (bytes: Uint8Array, from: number, to: number) => void,
  ): number {
    let at = start;
    while (at < end && this.#state !== "done") {
      if (this.#state === "data") {
        const to = Math.min(end, at + this.#left);
        data(bytes, at, to);
        this.#left -= to - at;
        at = to;
        if (this.#left === 0) this.#state = "data CR";
        continue;
      }
      const next = this.#state === "trailers"
        ? this.#takeTrailers(bytes, at, end)
        : this.#takeOctet(bytes[at])
        ? at + 1
        : this.#refuse(400, `bad chunk ${this.#state}`);
      if (next < 0) return next;
      at = next;
    }
    return at;
  }

  /** Takes an octet between the data; false when it has no place there. */
  #takeOctet(octet: number): boolean {
    switch (this.#state) {
      case "size":
        return this.#takeSize(octet);
      case "extension":
        if (octet === CR) return this.#go("size LF");
        return (OCTETS[octet] & Octet.VALUE) !== 0 &&
          ++this.#extensionBytes <= CHUNK_EXTENSION_BYTES_MAX;
      case "size LF":
        return octet === LF && this.#go(this.#left === 0 ? "trailers" : "data");
      case "data CR":
        return octet === CR && this.#go("data LF");
      default:
        return octet === LF && this.#go("size");
    }
  }

  #takeSize(octet: number): boolean {
    if ((OCTETS[octet] & Octet.HEX) !== 0) {
      // Letters of either case: 0x41 and 0x61 are 10.
      const digit = octet <= 0x39 ? octet - 0x30 : (octet | 0x20) - 0x57;
      this.#left = this.#left * 16 + digit;
      return ++this.#digits <= SIZE_DIGITS_MAX;
    }
    if (this.#digits === 0) return false;
    if (octet === CR) return this.#go("size LF");
    return octet === SEMICOLON && this.#go("extension");
  }

  #go(state: State): true {
    if (state === "size") this.#left = this.#digits = 0;
    if (state === "trailers") this.trailers.beginTrailers();
    this.#state = state;
    return true;
  }

  /** Gathers the trailer section; most often it is an empty line. */
  #takeTrailers(bytes: Uint8Array, at: number, end: number): number {
    const before = this.trailerBytes.length;
    const gathered = new Uint8Array(before + end - at);
    gathered.set(this.trailerBytes);
    gathered.set(bytes.subarray(at, end), before);
    this.trailerBytes = gathered;
    const length = this.trailers.scan(gathered, 0, gathered.length, this.#limits);
    if (length < 0) return this.#refuse(-length, this.trailers.reason);
    if (length === 0) return end;
    this.#state = "done";
    return at + length - before;
  }

  #refuse(status: number, reason: string): number {
    this.reason = reason;
    return -status;
  }
}

const EMPTY: Uint8Array = new Uint8Array();
