// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// One entry of a tar archive begins with a header of 512 bytes (POSIX.1-2001 pax, "ustar
// Interchange Format"; older archives have the same first 257). Its content follows, filled up to
// a multiple of 512:
//
//     0     100   124   136    148    156   157     257    263      345     500
//     name  mode  size  mtime  check  type  target  magic  ...      prefix
//           ...
//
// What does not fit comes before as the content of an entry of its own: pax records (types x and
// g), or a whole name or target as GNU tar writes them (types L and K).

/** Bytes of a header, and what contents are filled up to. */
export const TAR_BLOCK_BYTES = 512;

/** A header. */
export interface TarHeader {
  /** The path. */
  readonly name: string;
  /** Permission bits. */
  readonly mode: number;
  /** Bytes that follow. */
  readonly size: number;
  /** When the file was changed, in seconds since 1970. */
  readonly mtime: number;
  /** The kind of the entry, a character. */
  readonly type: string;
  /** Where a link leads. */
  readonly target: string;
}

/**
 * Reads a header.
 *
 * @param block 512 bytes
 * @returns It; undefined for the zeros that end an archive
 * @throws {Deno.errors.InvalidData} when it is none
 */
export function parseTarHeader(block: Uint8Array): TarHeader | undefined {
  const expected = parseNumber(block, 148, 8);
  const sum = checksum(block);
  if (sum === CHECK_BYTES * SPACE) return undefined;
  if (sum !== expected) {
    throw new Deno.errors.InvalidData("Cannot read the archive: the check of a header is wrong");
  }
  const isUstar = parseText(block, 257, 5) === "ustar";
  // GNU archives, whose magic ends in two spaces, keep times there.
  const isPosix = isUstar && block[262] === 0;
  const prefix = isPosix ? parseText(block, 345, 155) : "";
  const name = parseText(block, 0, 100);
  return {
    name: prefix === "" ? name : `${prefix}/${name}`,
    mode: parseNumber(block, 100, 8) & 0o7777,
    size: parseNumber(block, 124, 12),
    mtime: parseNumber(block, 136, 12),
    // The oldest archives have a zero byte for a file.
    type: parseText(block, 156, 1) || "0",
    target: parseText(block, 157, 100),
  };
}

/**
 * Reads pax records: `length key=value` and a line feed each, length in bytes and all included.
 *
 * @throws {Deno.errors.InvalidData} when they are none
 */
export function parsePaxRecords(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const digits = new TextDecoder().decode(bytes.subarray(at, Math.max(at, space)));
    const end = at + Number(digits);
    const equals = bytes.indexOf(EQUALS, space);
    const isWhole = /^\d{1,15}$/.test(digits) && end <= bytes.length && equals > space &&
      equals < end && bytes[end - 1] === LINE_FEED;
    if (!isWhole) {
      throw new Deno.errors.InvalidData("Cannot read the archive: an extended header is damaged");
    }
    const key = new TextDecoder().decode(bytes.subarray(space + 1, equals));
    records.set(key, new TextDecoder().decode(bytes.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/** A name that fills the content of an entry, up to a zero byte. */
export function parseTarText(bytes: Uint8Array): string {
  return parseText(bytes, 0, bytes.length);
}

const SPACE = 32;
const LINE_FEED = 10;
const EQUALS = 61;
const CHECK_BYTES = 8;

/** The sum of all bytes, those of the check itself taken as spaces. */
function checksum(block: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < TAR_BLOCK_BYTES; i++) sum += i >= 148 && i < 156 ? SPACE : block[i]!;
  return sum;
}

function parseText(block: Uint8Array, offset: number, byteLength: number): string {
  const field = block.subarray(offset, offset + byteLength);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

/** Octal digits, or, as GNU tar has larger ones, 0x80 and a big-endian number. */
function parseNumber(block: Uint8Array, offset: number, byteLength: number): number {
  if (block[offset] === 0x80) {
    const bytes = block.subarray(offset + 1, offset + byteLength);
    const value = bytes.reduce((value, byte) => value * 256 + byte, 0);
    if (Number.isSafeInteger(value)) return value;
  }
  const digits = parseText(block, offset, byteLength).trim();
  if (/^[0-7]*$/.test(digits)) return parseInt(digits || "0", 8);
  throw new Deno.errors.InvalidData("Cannot read the archive: a number is none");
}
