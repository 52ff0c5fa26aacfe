// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { MessageReader } from "./message_reader.ts";
import type { MessageWriter } from "./message_writer.ts";
import { located, mistyped, within } from "./mistyped.ts";
import { type Scalar, SCALARS } from "./scalar.ts";
import type { Schema, SchemaField } from "./schema.ts";

/** Writes and reads the values of one type. */
export interface NativeCodec<T = unknown> {
  /**
   * Appends a value.
   *
   * @throws {TypeError} When it is not of the type, with the path to what is wrong
   */
  write(writer: MessageWriter, value: T): void;
  /**
   * Reads a value.
   *
   * @throws {Deno.errors.InvalidData} When the bytes are none
   */
  read(reader: MessageReader): T;
}

/**
 * The codec of a type, compiled once. Little-endian, without padding:
 *
 * ```
 *   u8 ... f64, bool     1, 2, 4 or 8 bytes
 *   string, bytes        | length u32 | UTF-8 or bytes |
 *   array, map           | count u32  | item, item ... |      (a map's: key, value)
 *   optional             | 0 |  or  | 1 | value |
 *   oneOf                | index u8 |
 *   variant              | index u8 | length u32 | value |
 *   struct               | length u32 | field, field ... |     fields beyond the length: undefined
 * ```
 *
 * The struct that a message is has no length in front: its frame has one.
 */
export function nativeCodec(schema: Schema): NativeCodec {
  let codec = codecs.get(schema);
  if (codec === undefined) codecs.set(schema, codec = compile(schema));
  return codec;
}

/** The codec of a whole message: a struct without its length. */
export function messageCodec(schema: Schema): NativeCodec {
  if (schema.kind !== "struct") return nativeCodec(schema);
  let codec = messages.get(schema);
  if (codec === undefined) messages.set(schema, codec = structBody(schema.fields));
  return codec;
}

const codecs = new WeakMap<Schema, NativeCodec>();
const messages = new WeakMap<Schema, NativeCodec>();

function compile(schema: Schema): NativeCodec {
  switch (schema.kind) {
    case "string":
      return STRING;
    case "bytes":
    case "alignedBytes":
    case "iovecArray":
    case "alignedIovecArray":
      return BYTES;
    case "array":
      return arrayCodec(nativeCodec(schema.item));
    case "optional":
      return optionalCodec(nativeCodec(schema.item));
    case "map":
      return mapCodec(nativeCodec(schema.key), nativeCodec(schema.value));
    case "oneOf":
      return oneOfCodec(schema.names);
    case "variant":
      return variantCodec(schema.fields);
    case "struct":
      return sized(structBody(schema.fields));
    default:
      return scalarCodec(SCALARS[schema.kind]);
  }
}

function scalarCodec({ byteLength, set, get }: Scalar): NativeCodec {
  return {
    write(writer, value) {
      const at = writer.reserve(byteLength);
      set(writer.view, at, value);
    },
    read(reader) {
      const at = reader.skip(byteLength);
      return get(reader.view, at);
    },
  };
}

const STRING: NativeCodec = {
  write(writer, value) {
    if (typeof value !== "string") throw mistyped("a string", value);
    // What would not come out as it went in is refused here, not there.
    if (!value.isWellFormed()) throw mistyped("well-formed text", "a lone surrogate");
    writer.string(value);
  },
  read: (reader) => reader.string(),
};

const BYTES: NativeCodec = {
  write(writer, value) {
    if (!(value instanceof Uint8Array)) throw mistyped("a Uint8Array", value);
    writer.u32(value.length);
    writer.raw(value);
  },
  read: (reader) => reader.raw(reader.u32()),
};

function arrayCodec(item: NativeCodec): NativeCodec {
  return {
    write(writer, value) {
      if (!Array.isArray(value)) throw mistyped("an array", value);
      writer.u32(value.length);
      for (let index = 0; index < value.length; index++) {
        within(index, () => item.write(writer, value[index]));
      }
    },
    read(reader) {
      const count = countOf(reader);
      const items: unknown[] = [];
      for (let index = 0; index < count; index++) items.push(item.read(reader));
      return items;
    },
  };
}

function optionalCodec(item: NativeCodec): NativeCodec {
  return {
    write(writer, value) {
      writer.u8(value === undefined ? 0 : 1);
      if (value !== undefined) item.write(writer, value);
    },
    read: (reader) => readFlag(reader) ? item.read(reader) : undefined,
  };
}

function mapCodec(key: NativeCodec, value: NativeCodec): NativeCodec {
  return {
    write(writer, map) {
      if (!(map instanceof Map)) throw mistyped("a Map", map);
      writer.u32(map.size);
      for (const [name, entry] of map) {
        within("key", () => key.write(writer, name));
        within(String(name), () => value.write(writer, entry));
      }
    },
    read(reader) {
      const count = countOf(reader);
      const map = new Map<unknown, unknown>();
      for (let index = 0; index < count; index++) map.set(key.read(reader), value.read(reader));
      return map;
    },
  };
}

function oneOfCodec(names: readonly string[]): NativeCodec {
  const indices = new Map(names.map((name, index) => [name, index]));
  return {
    write(writer, value) {
      const index = indices.get(value as string);
      if (index === undefined) throw mistyped(`one of ${names.join(", ")}`, value);
      writer.u8(index);
    },
    read: (reader) => names[indexOf(reader, names.length)],
  };
}

function variantCodec(fields: readonly SchemaField[]): NativeCodec {
  const cases = fields.map(([name, schema]) => ({ name, codec: sized(messageCodec(schema)) }));
  return {
    write(writer, value) {
      const type = (value as { type?: unknown } | undefined)?.type;
      const index = cases.findIndex(({ name }) => name === type);
      if (index < 0) throw mistyped(`a { type, value } of ${cases.map((c) => c.name)}`, value);
      writer.u8(index);
      const { name, codec } = cases[index];
      within(name, () => codec.write(writer, (value as { value: unknown }).value));
    },
    read(reader) {
      const { name, codec } = cases[indexOf(reader, cases.length)];
      return { type: name, value: codec.read(reader) };
    },
  };
}

/** A struct's fields without its length. */
function structBody(fields: readonly SchemaField[]): NativeCodec {
  const names = fields.map(([name]) => name);
  const items = fields.map(([, schema]) => nativeCodec(schema));
  const optionals = fields.map(([, { kind }]) => kind === "optional");
  return {
    write(writer, value) {
      if (typeof value !== "object" || value === null) throw mistyped("an object", value);
      const record = value as Record<string, unknown>;
      for (let index = 0; index < names.length; index++) {
        try {
          items[index].write(writer, record[names[index]]);
        } catch (error) {
          throw located(error, names[index]);
        }
      }
    },
    read(reader) {
      const record: Record<string, unknown> = {};
      for (let index = 0; index < names.length; index++) {
        // A peer that knows less ends here; what it does not know must be optional.
        if (reader.left === 0 && optionals[index]) record[names[index]] = undefined;
        else record[names[index]] = items[index].read(reader);
      }
      return record;
    },
  };
}

/** With its length in front, so that a reader can skip what it does not know. */
function sized(body: NativeCodec): NativeCodec {
  return {
    write(writer, value) {
      const at = writer.reserve(4);
      const before = writer.byteLength;
      body.write(writer, value);
      writer.setU32(at, writer.byteLength - before);
    },
    read(reader) {
      const end = reader.enter(reader.u32());
      const value = body.read(reader);
      reader.leave(end);
      return value;
    },
  };
}

/** How many items follow: each takes a byte at least, or there are none. */
function countOf(reader: MessageReader): number {
  const count = reader.u32();
  if (count > reader.left) throw reader.missing(count);
  return count;
}

function indexOf(reader: MessageReader, count: number): number {
  const index = reader.u8();
  if (index < count) return index;
  throw new Deno.errors.InvalidData(`Cannot decode message: case ${index} of ${count} is unknown`);
}

function readFlag(reader: MessageReader): boolean {
  return indexOf(reader, 2) === 1;
}
