// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { keepBytes } from "./byte_slab.ts";
import type { FieldSection } from "./field_section.ts";
import { isName, textOf } from "./octets.ts";
import { isClaim, REQUEST_FIELDS_DROPPED, RESPONSE_FIELDS_DROPPED } from "./proxy_headers.ts";
import type { RequestHead } from "./request_head.ts";
import type { ResponseHead } from "./response_head.ts";

/** A head as it was received, and what a scanner found in it. */
export interface ReceivedHead<Head extends FieldSection> {
  /** The offsets of its parts. */
  readonly head: Head;
  /** Where it is. */
  readonly bytes: Uint8Array;
  /** Where it begins. */
  readonly start: number;
  /** Octets of it, its empty line included. */
  readonly length: number;
}

/** What a proxy puts around the fields of a request, in octets. */
export interface ProxyLines {
  /** What stands in front of the target's path. */
  readonly prefix: Uint8Array;
  /** The end of the request line, and `Host`. */
  readonly host: Uint8Array;
  /** Where the request comes from, and the empty line. */
  readonly last: Uint8Array;
}

/** Octets of heads that are written here; a longer one goes another way. */
const HEAD_BYTES_MAX = 16_384;
const scratch = new Uint8Array(HEAD_BYTES_MAX);

/**
 * The head of a request for a server behind, made of that of the client: lines that stay are copied
 * as they stand. What `requestFields` does with `Headers`, on octets.
 *
 * ```
 *   GET /path HTTP/1.1           method, prefix, target as it stands
 *   host: 127.0.0.1:8000
 *   Accept: text/plain           copied, but for what is dropped
 *   forwarded: for=192.0.2.1     last
 * ```
 *
 * @returns null where more is to be looked at: a target that a URL would write in another way, and
 *   `Connection` that names fields
 */
export function forwardedHead(
  received: ReceivedHead<RequestHead>,
  { prefix, host, last }: ProxyLines,
): Uint8Array | null {
  const { head: { methodStart, methodEnd, targetStart, targetEnd }, bytes, start } = received;
  const added = prefix.length + host.length + last.length;
  if (received.length + added > HEAD_BYTES_MAX) return null;
  if (!isPlainTarget(bytes, start + targetStart, start + targetEnd)) return null;
  // With the blank behind the method.
  let at = put(bytes.subarray(start + methodStart, start + methodEnd + 1), 0);
  if (prefix.length > 0) at = put(prefix, at);
  at = put(bytes.subarray(start + targetStart, start + targetEnd), at);
  at = copyLines(received, put(host, at), REQUEST_NAMES);
  return at < 0 ? null : kept(put(last, at));
}

/**
 * The field lines of a response that go back: what `responseFields` does with `Headers`, on octets.
 * `Content-Length` is not among them.
 *
 * @returns null where `Connection` names fields
 */
export function returnedFields(received: ReceivedHead<ResponseHead>): Uint8Array | null {
  if (received.length > HEAD_BYTES_MAX) return null;
  const end = copyLines(received, 0, RESPONSE_NAMES);
  return end < 0 ? null : kept(end);
}

/** Whether there is a field of this name, in lower case. */
export function hasField(
  { head, bytes, start }: ReceivedHead<FieldSection>,
  name: string,
): boolean {
  const { fields, fieldCount } = head;
  for (let field = 0; field < fieldCount * 4; field += 4) {
    if (isName(bytes, start + fields[field], start + fields[field + 1], name)) return true;
  }
  return false;
}

/** Copies the lines that stay, those behind each other in one piece; -1 for another way. */
function copyLines(
  { head: { fields, fieldCount }, bytes, start, length }: ReceivedHead<FieldSection>,
  to: number,
  dropped: DroppedNames,
): number {
  let at = to;
  let run = -1;
  for (let field = 0; field < fieldCount * 4; field += 4) {
    const line = fields[field];
    const [from, end] = [start + line, start + fields[field + 1]];
    if (dropped.stays(bytes, from, end)) {
      if (run < 0) run = line;
      continue;
    }
    if (run >= 0) at = put(bytes.subarray(start + run, from), at);
    run = -1;
    if (!isName(bytes, from, end, "connection")) continue;
    if (!namesNone(bytes, start + fields[field + 2], start + fields[field + 3])) return -1;
  }
  // The empty line is not a field's.
  return run < 0 ? at : put(bytes.subarray(start + run, start + length - 2), at);
}

/** Whether a value of `Connection` names no field. */
function namesNone(bytes: Uint8Array, start: number, end: number): boolean {
  return isName(bytes, start, end, "keep-alive") || isName(bytes, start, end, "close");
}

/** Names of fields that stay behind. */
class DroppedNames {
  readonly #byLength: (string[] | undefined)[] = [];
  readonly #claims: boolean;

  /** By their names, and whether what tells of a client's origin is dropped as well. */
  constructor(names: Iterable<string>, claims: boolean) {
    for (const name of names) (this.#byLength[name.length] ??= []).push(name);
    this.#claims = claims;
  }

  /** Whether the field of this name is copied. */
  stays(bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const names = length < this.#byLength.length ? this.#byLength[length] : undefined;
    if (names !== undefined) {
      for (const name of names) if (isName(bytes, start, end, name)) return false;
    }
    return !this.#claims || !mayClaim(bytes[start]) ||
      !isClaim(textOf(bytes, start, end).toLowerCase());
  }
}

/** Whether a name that begins so may be one of those of `isClaim`. */
function mayClaim(octet: number): boolean {
  const letter = octet | 0x20;
  return letter === LETTER_F || letter === LETTER_T || letter === LETTER_X;
}

const LETTER_F = 0x66;
const LETTER_T = 0x74;
const LETTER_X = 0x78;
const REQUEST_NAMES = new DroppedNames(REQUEST_FIELDS_DROPPED, true);
const RESPONSE_NAMES = new DroppedNames([...RESPONSE_FIELDS_DROPPED, "content-length"], false);

/** Octets that a URL leaves as they are (URL standard, "path percent-encode set"). */
const PLAIN_OCTETS = plainOctets();
const SLASH = 0x2f;
const DOT = 0x2e;
const PERCENT = 0x25;

function plainOctets(): Uint8Array {
  const table = new Uint8Array(256);
  const digits = "0123456789";
  const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  for (const octet of digits + letters + "-_~!$&()*+,;=:@/?.%") table[octet.charCodeAt(0)] = 1;
  return table;
}

/** Whether a URL would say the same: no `.` or `%` begins a part, and no octet is encoded. */
function isPlainTarget(bytes: Uint8Array, start: number, end: number): boolean {
  if (bytes[start] !== SLASH) return false;
  let before = 0;
  for (let at = start; at < end; at++) {
    const octet = bytes[at];
    if (PLAIN_OCTETS[octet] === 0) return false;
    if (before === SLASH && (octet === DOT || octet === PERCENT)) return false;
    before = octet;
  }
  return true;
}

function put(bytes: Uint8Array, at: number): number {
  scratch.set(bytes, at);
  return at + bytes.length;
}

function kept(length: number): Uint8Array {
  const { bytes, at } = keepBytes(scratch, 0, length);
  return bytes.subarray(at, at + length);
}
