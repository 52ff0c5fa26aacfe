// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  ALIGNED_KINDS,
  IOVEC_KINDS,
  isVariable,
  type PhotonLayout,
  photonLayout,
} from "./photon_layout.ts";
import { located, mistyped } from "./mistyped.ts";
import { checkPhotonChecksum, setPhotonChecksum } from "./photon_checksum.ts";
import { SCALARS } from "./scalar.ts";
import type { ScalarKind, Schema } from "./schema.ts";

/** Writes and reads messages as C++ PhotonLibOS does. */
export interface PhotonCodec {
  /**
   * The payload, as pieces to be sent in this order.
   *
   * @throws {TypeError} When the value is not of the type
   */
  encode(value: unknown): Uint8Array[];
  /**
   * The value of a payload; bytes in it are views of the payload.
   *
   * @throws {Deno.errors.InvalidData} When it is none
   * @throws {RpcError} `DATA_LOSS` when its checksum does not match
   */
  decode(payload: Uint8Array): unknown;
}

/**
 * The codec of a struct type, compiled once:
 *
 * ```
 *   +--------------------+----------------------+---------------------+
 *   | aligned variable   | other variable       | the C++ struct      |
 *   | fields, in order   | fields, in order     |                     |
 *   +--------------------+----------------------+---------------------+
 *     a field in the struct: | pointer u64, meaningless | length u64 |
 *     one in pieces:         | pointer u64, meaningless | 16 a piece u64 | length u64 |
 * ```
 *
 * The struct of a `checked` type begins with its checksum. An array's items come first, then what
 * is variable in them. A text ends with a NUL, which its length counts.
 *
 * @throws {RangeError} When C++ has no such type
 */
export function photonCodec(schema: Schema): PhotonCodec {
  let codec = codecs.get(schema);
  if (codec === undefined) codecs.set(schema, codec = compile(schema));
  return codec;
}

const codecs = new WeakMap<Schema, PhotonCodec>();

function compile(schema: Schema): PhotonCodec {
  const layout = photonLayout(schema);
  if (layout.kind !== "struct") {
    throw new RangeError("Cannot use the photon framing: a message must be a struct");
  }
  return {
    encode(value) {
      const struct = new Uint8Array(layout.size);
      const aligned: Uint8Array[] = [];
      const others: Uint8Array[] = [];
      const encoding = { view: new DataView(struct.buffer), variable: [aligned, others] };
      write(layout, encoding, 0, value);
      const pieces = [...aligned, ...others, struct];
      if (layout.checked) setPhotonChecksum(pieces);
      return pieces;
    },
    decode(payload) {
      const structAt = payload.length - layout.size;
      if (structAt < 0) throw truncated();
      if (layout.checked) checkPhotonChecksum(payload, structAt);
      const decoding = { payload, at: 0, end: structAt, view: viewOf(payload) };
      const references: Reference[] = [];
      const value = read(layout, decoding, structAt, references);
      // Two passes, as the sender made them.
      for (const pass of [true, false]) {
        for (const reference of references) {
          if (reference.aligned === pass) follow(decoding, reference);
        }
      }
      if (decoding.at !== structAt) {
        throw new Deno.errors.InvalidData("Cannot decode message: bytes are left over");
      }
      return value;
    },
  };
}

interface Encoding {
  readonly view: DataView;
  /** Aligned fields' bytes, then the others'. */
  readonly variable: Uint8Array[][];
}

function write(
  layout: PhotonLayout,
  encoding: Encoding,
  at: number,
  value: unknown,
): void {
  switch (layout.kind) {
    case "struct": {
      if (typeof value !== "object" || value === null) throw mistyped("an object", value);
      const record = value as Record<string, unknown>;
      for (const { name, offset, layout: inner } of layout.fields) {
        writeInside(name, inner, encoding, at + offset, record[name]);
      }
      return;
    }
    case "array":
      return writeArray(layout.item, encoding, at, value);
    case "string": {
      if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) {
        throw mistyped("well-formed text without NUL", value);
      }
      return writeReference(encoding, at, encoder.encode(`${value}\0`), "string");
    }
    case "bytes":
    case "alignedBytes":
    case "iovecArray":
    case "alignedIovecArray":
      if (!(value instanceof Uint8Array)) throw mistyped("a Uint8Array", value);
      return writeReference(encoding, at, value, layout.kind);
    default:
      return SCALARS[layout.kind].set(encoding.view, at, value);
  }
}

/** Writes what is one step inside, so that an error says where. */
function writeInside(
  step: string | number,
  layout: PhotonLayout,
  encoding: Encoding,
  at: number,
  value: unknown,
): void {
  try {
    write(layout, encoding, at, value);
  } catch (error) {
    throw located(error, step);
  }
}

function writeArray(
  item: PhotonLayout,
  encoding: Encoding,
  at: number,
  value: unknown,
): void {
  if (!Array.isArray(value)) throw mistyped("an array", value);
  const bytes = new Uint8Array(value.length * item.size);
  writeReference(encoding, at, bytes, "array");
  const inner = { view: new DataView(bytes.buffer), variable: encoding.variable };
  for (let index = 0; index < value.length; index++) {
    writeInside(index, item, inner, index * item.size, value[index]);
  }
}

function writeReference(
  { view, variable }: Encoding,
  at: number,
  bytes: Uint8Array,
  kind: string,
): void {
  if (bytes.length === 0) return;
  if (IOVEC_KINDS.has(kind)) view.setBigUint64(at + 8, IOVEC_BYTES, true);
  view.setBigUint64(lengthAt(kind, at), BigInt(bytes.length), true);
  variable[ALIGNED_KINDS.has(kind) ? 0 : 1].push(bytes);
}

/** One `struct iovec`: what is sent is one piece, and the peer finds its own. */
const IOVEC_BYTES = 16n;

/** Where the length of a variable field's bytes is. */
function lengthAt(kind: string, at: number): number {
  return at + (IOVEC_KINDS.has(kind) ? 16 : 8);
}

interface Decoding {
  readonly payload: Uint8Array;
  /** The next variable byte. */
  at: number;
  /** Where the variable bytes end. */
  readonly end: number;
  readonly view: DataView;
}

/** A variable field whose bytes are still to be found. */
interface Reference {
  readonly layout: PhotonLayout;
  readonly aligned: boolean;
  readonly byteLength: number;
  set(value: unknown): void;
}

/** Reads what is in the struct, and notes what is beside it. */
function read(
  layout: PhotonLayout,
  decoding: Decoding,
  at: number,
  references: Reference[],
): unknown {
  if (layout.kind !== "struct") return SCALARS[layout.kind as ScalarKind].get(decoding.view, at);
  const record: Record<string, unknown> = {};
  for (const { name, offset, layout: inner } of layout.fields) {
    if (inner.kind !== "struct" && isVariable(inner)) {
      const length = decoding.view.getBigUint64(lengthAt(inner.kind, at + offset), true);
      if (length > BigInt(decoding.end)) throw truncated();
      record[name] = undefined;
      references.push({
        layout: inner,
        aligned: ALIGNED_KINDS.has(inner.kind),
        byteLength: Number(length),
        set: (value) => record[name] = value,
      });
    } else record[name] = read(inner, decoding, at + offset, references);
  }
  return record;
}

/** Finds the bytes of a variable field, which come next. */
function follow(decoding: Decoding, { layout, byteLength, set }: Reference): void {
  const from = decoding.at;
  const to = from + byteLength;
  if (to > decoding.end) throw truncated();
  decoding.at = to;
  const bytes = decoding.payload.subarray(from, to);
  if (layout.kind === "string") return set(decodeText(bytes));
  if (layout.kind !== "array") return set(bytes);
  const { item } = layout;
  if (byteLength % item.size !== 0) {
    throw new Deno.errors.InvalidData("Cannot decode message: an array has half an item");
  }
  const items: unknown[] = [];
  const references: Reference[] = [];
  for (let at = from; at < to; at += item.size) items.push(read(item, decoding, at, references));
  for (const reference of references) follow(decoding, reference);
  set(items);
}

function decodeText(bytes: Uint8Array): string {
  const end = bytes.at(-1) === 0 ? bytes.length - 1 : bytes.length;
  try {
    return decoder.decode(bytes.subarray(0, end));
  } catch {
    throw new Deno.errors.InvalidData("Cannot decode message: a text is not UTF-8");
  }
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(): Error {
  return new Deno.errors.InvalidData("Cannot decode message: it is shorter than it says");
}
