// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Buffer } from "node:buffer";

/** Classes of octets in messages (RFC 9110 section 5.6, RFC 9112 section 3, RFC 3986 section 3). */
export const Octet = {
  /** `tchar`: methods and field names. */
  TOKEN: 1,
  /** What a request target is made of: VCHAR and, as browsers and curl send them, UTF-8. */
  TARGET: 2,
  /** `field-vchar`, SP and HTAB: field values. */
  VALUE: 4,
  /** What stands in a host with a port: a registered name, an IP literal. */
  HOST: 8,
  /** `HEXDIG`: sizes of chunks. */
  HEX: 16,
} as const;

const HT = 0x09;
const SP = 0x20;
const DEL = 0x7f;

/** Classes of each of the 256 octets. */
export const OCTETS: Uint8Array = octetTable();

function octetTable(): Uint8Array {
  const table = new Uint8Array(256);
  const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  const add = (octets: string, flag: number) => {
    for (const octet of octets) table[octet.charCodeAt(0)] |= flag;
  };
  add(alphanumeric + "!#$%&'*+-.^_`|~", Octet.TOKEN);
  add(alphanumeric + "-._~!$&'()*+,;=%:[]", Octet.HOST);
  add("0123456789ABCDEFabcdef", Octet.HEX);
  for (let octet = SP; octet < 256; octet++) {
    if (octet === DEL) continue;
    table[octet] |= Octet.VALUE;
    if (octet !== SP) table[octet] |= Octet.TARGET;
  }
  table[HT] |= Octet.VALUE;
  return table;
}

/** From here on a call of `Buffer` takes less: 52 ns for any head's, where 64 octets took 97. */
const BUFFER_OCTETS_MIN = 32;
const { toString: bufferToString } = Buffer.prototype;

/** The octets as text, one character each (ISO 8859-1). */
export function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end - start >= BUFFER_OCTETS_MIN) return bufferToString.call(bytes, "latin1", start, end);
  let text = "";
  let at = start;
  // Eight at a time take a fifth of what single ones do.
  for (; at + 8 <= end; at += 8) {
    text += String.fromCharCode(
      bytes[at],
      bytes[at + 1],
      bytes[at + 2],
      bytes[at + 3],
      bytes[at + 4],
      bytes[at + 5],
      bytes[at + 6],
      bytes[at + 7],
    );
  }
  for (; at < end; at++) text += String.fromCharCode(bytes[at]);
  return text;
}

/** Text as octets, one a character: of such as hold none above 0xff. */
export function octetsOf(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** Whether the octets are the given lower-case name of letters and `-`, in either case. */
export function isName(bytes: Uint8Array, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let i = 0; i < name.length; i++) {
    if ((bytes[start + i] | 0x20) !== name.charCodeAt(i)) return false;
  }
  return true;
}
