// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { isVariable, type PhotonLayout, photonLayout } from "./photon_layout.ts";
import { MessageReader } from "./message_reader.ts";
import { MessageWriter } from "./message_writer.ts";
import { nativeCodec } from "./native_codec.ts";
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
 * ```
 *
 * An array's items come first, then what is variable in them. A text ends with a NUL, which its
 * length counts.
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
      write(layout, encoding, 0, value, "");
      return [...aligned, ...others, struct];
    },
    decode(payload) {
      const structAt = payload.length - layout.size;
      if (structAt < 0) throw truncated();
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
  path: string,
): void {
  switch (layout.kind) {
    case "struct": {
      if (typeof value !== "object" || value === null) throw mistyped(path, "an object");
      const record = value as Record<string, unknown>;
      for (const { name, offset, layout: inner } of layout.fields) {
        write(inner, encoding, at + offset, record[name], path === "" ? name : `${path}.${name}`);
      }
      return;
    }
    case "array":
      return writeArray(layout.item, encoding, at, value, path);
    case "string": {
      if (typeof value !== "string" || !value.isWellFormed() || value.includes("\0")) {
        throw mistyped(path, "well-formed text without NUL");
      }
      return writeReference(encoding, at, encoder.encode(`${value}\0`), 1);
    }
    case "bytes":
    case "alignedBytes":
      if (!(value instanceof Uint8Array)) throw mistyped(path, "a Uint8Array");
      return writeReference(encoding, at, value, layout.kind === "bytes" ? 1 : 0);
    default:
      return writeScalar(layout.kind, encoding.view, at, value, path);
  }
}

function writeArray(
  item: PhotonLayout,
  encoding: Encoding,
  at: number,
  value: unknown,
  path: string,
): void {
  if (!Array.isArray(value)) throw mistyped(path, "an array");
  const bytes = new Uint8Array(value.length * item.size);
  writeReference(encoding, at, bytes, 1);
  const inner = { view: new DataView(bytes.buffer), variable: encoding.variable };
  for (let index = 0; index < value.length; index++) {
    write(item, inner, index * item.size, value[index], `${path}[${index}]`);
  }
}

function writeReference(
  { view, variable }: Encoding,
  at: number,
  bytes: Uint8Array,
  pass: 0 | 1,
): void {
  view.setBigUint64(at + 8, BigInt(bytes.length), true);
  if (bytes.length > 0) variable[pass].push(bytes);
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
  if (layout.kind !== "struct") return readScalar(layout.kind as ScalarKind, decoding.payload, at);
  const record: Record<string, unknown> = {};
  for (const { name, offset, layout: inner } of layout.fields) {
    if (inner.kind !== "struct" && isVariable(inner)) {
      const length = decoding.view.getBigUint64(at + offset + 8, true);
      if (length > BigInt(decoding.end)) throw truncated();
      record[name] = undefined;
      references.push({
        layout: inner,
        aligned: inner.kind === "alignedBytes",
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

/** One value in the native codec's bytes, which are the same for those of a fixed size. */
function writeScalar(
  kind: ScalarKind,
  view: DataView,
  at: number,
  value: unknown,
  path: string,
): void {
  const writer = new MessageWriter();
  try {
    nativeCodec({ kind }).write(writer, value);
  } catch {
    throw mistyped(path, `a value of ${kind}`);
  }
  new Uint8Array(view.buffer, view.byteOffset).set(writer.pieces()[0], at);
}

function readScalar(kind: ScalarKind, payload: Uint8Array, at: number): unknown {
  const reader = new MessageReader();
  reader.open(payload, at, payload.length);
  return nativeCodec({ kind }).read(reader);
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function truncated(): Error {
  return new Deno.errors.InvalidData("Cannot decode message: it is shorter than it says");
}

function mistyped(path: string, wanted: string): TypeError {
  return new TypeError(`Cannot encode message: ${path || "it"} must be ${wanted}`);
}
