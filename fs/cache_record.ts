// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { crc32c } from "./crc32c.ts";

// What CachedFs writes down about its blocks, one record after the other. Numbers are
// little-endian; the check is the CRC-32C of all that follows it, so that a record that was being
// written when the program died is told from a whole one:
//
//     0      4     5        7
//     check  kind  length   ...
//                  of ...
//
//     head   blockBytes u32, format u32
//     file   id u32, size f64, mtime f64, dev f64, ino f64, path UTF-8
//     block  slot u32, file u32, block u32, byteLength u32, check u32
//     free   slot u32
//     drop   file u32

/** One thing that was written down. */
export type CacheRecord =
  | { readonly kind: "head"; readonly blockBytes: number; readonly format: number }
  | { readonly kind: "file"; readonly id: number; readonly path: string; readonly version: Version }
  | {
    readonly kind: "block";
    readonly slot: number;
    readonly file: number;
    readonly block: number;
    readonly byteLength: number;
    readonly check: number;
  }
  | { readonly kind: "free"; readonly slot: number }
  | { readonly kind: "drop"; readonly file: number };

/** What tells one state of a file from another; NaN for what is not known. */
export interface Version {
  /** Bytes. */
  readonly size: number;
  /** When it was changed, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** The device that it is on. */
  readonly dev: number;
  /** Its number there. */
  readonly ino: number;
}

/** The format that is written; caches of others begin anew. */
export const CACHE_FORMAT = 1;
/** Bytes of a block's record. */
export const BLOCK_RECORD_BYTES = 27;

const HEADER_BYTES = 7;
const FILE_BYTES = 36;
const KINDS = ["head", "file", "block", "free", "drop"] as const;

/** Bytes of a file's record. */
export function fileRecordBytes(path: string): number {
  return HEADER_BYTES + FILE_BYTES + new TextEncoder().encode(path).length;
}

/** One record as bytes. */
export function encodeRecord(record: CacheRecord): Uint8Array<ArrayBuffer> {
  const payload = encodePayload(record);
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, KINDS.indexOf(record.kind));
  view.setUint16(5, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  view.setUint32(0, crc32c(bytes.subarray(4)), true);
  return bytes;
}

/**
 * The records up to the first that is not whole.
 *
 * @returns They, and how many bytes they take up
 */
export function decodeRecords(bytes: Uint8Array): { records: CacheRecord[]; byteLength: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const records: CacheRecord[] = [];
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const end = at + HEADER_BYTES + view.getUint16(at + 5, true);
    if (end > bytes.length) break;
    if (view.getUint32(at, true) !== crc32c(bytes.subarray(at + 4, end))) break;
    const record = decodePayload(view.getUint8(at + 4), bytes.subarray(at + HEADER_BYTES, end));
    if (record === undefined) break;
    records.push(record);
    at = end;
  }
  return { records, byteLength: at };
}

function encodePayload(record: CacheRecord): Uint8Array {
  switch (record.kind) {
    case "head":
      return words(record.blockBytes, record.format);
    case "block":
      return words(record.slot, record.file, record.block, record.byteLength, record.check);
    case "free":
      return words(record.slot);
    case "drop":
      return words(record.file);
    case "file": {
      const path = new TextEncoder().encode(record.path);
      const payload = new Uint8Array(FILE_BYTES + path.length);
      const view = new DataView(payload.buffer);
      const { size, mtimeMs, dev, ino } = record.version;
      view.setUint32(0, record.id, true);
      for (const [i, value] of [size, mtimeMs, dev, ino].entries()) {
        view.setFloat64(4 + i * 8, value, true);
      }
      payload.set(path, FILE_BYTES);
      return payload;
    }
  }
}

function decodePayload(kind: number, payload: Uint8Array): CacheRecord | undefined {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const word = (index: number) => view.getUint32(index * 4, true);
  switch (KINDS[kind]) {
    case "head":
      return { kind: "head", blockBytes: word(0), format: word(1) };
    case "block":
      return {
        kind: "block",
        slot: word(0),
        file: word(1),
        block: word(2),
        byteLength: word(3),
        check: word(4),
      };
    case "free":
      return { kind: "free", slot: word(0) };
    case "drop":
      return { kind: "drop", file: word(0) };
    case "file": {
      const [size, mtimeMs, dev, ino] = [4, 12, 20, 28].map((at) => view.getFloat64(at, true));
      const path = new TextDecoder().decode(payload.subarray(FILE_BYTES));
      const version = { size: size!, mtimeMs: mtimeMs!, dev: dev!, ino: ino! };
      return { kind: "file", id: word(0), path, version };
    }
    default:
      return undefined;
  }
}

function words(...values: number[]): Uint8Array {
  const bytes = new Uint8Array(values.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [i, value] of values.entries()) view.setUint32(i * 4, value, true);
  return bytes;
}
