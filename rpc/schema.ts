// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Name of a type of one value of a fixed size. */
export type ScalarKind =
  | ("u8" | "u16" | "u32" | "u64" | "i8" | "i16" | "i32" | "i64" | "f32" | "f64" | "bool")
  | ("u64Number" | "i64Number");

/** Name of a type of bytes; they differ in the photon framing only. */
export type BytesKind = "bytes" | "alignedBytes" | "iovecArray" | "alignedIovecArray";

/** A type as plain data: what codecs are compiled from, and what reflection tells. */
export type Schema =
  | { readonly kind: ScalarKind | "string" | BytesKind }
  | { readonly kind: "array" | "optional"; readonly item: Schema }
  | { readonly kind: "map"; readonly key: Schema; readonly value: Schema }
  | { readonly kind: "oneOf"; readonly names: readonly string[] }
  | {
    readonly kind: "variant" | "struct";
    readonly fields: readonly SchemaField[];
    /** Whether the photon framing sends it with a checksum. */
    readonly checked?: boolean;
  };

/** A field of a struct or a case of a variant. */
export type SchemaField = readonly [name: string, schema: Schema];

/**
 * A type of values that travel; `T` is what it is in TypeScript.
 *
 * @example The TypeScript type of a schema
 * ```ts
 * import { optional, string, struct, u32, type ValueOf } from "@photon/std/rpc";
 *
 * const user = struct({ id: u32, name: string, mail: optional(string) });
 * const ada: ValueOf<typeof user> = { id: 1, name: "Ada" };
 * ```
 */
export interface Type<T> {
  /** The type as plain data. */
  readonly schema: Schema;
  /** Carries `T` for the compiler; never there. */
  readonly value?: T;
}

/** What values of a type are in TypeScript. */
export type ValueOf<S> = S extends Type<infer T> ? T : never;

const scalar = <T>(kind: ScalarKind | "string" | BytesKind): Type<T> => ({
  schema: { kind },
});

/** An integer from 0 to 255. */
export const u8: Type<number> = scalar("u8");
/** An integer from 0 to 65535. */
export const u16: Type<number> = scalar("u16");
/** An integer from 0 to 2^32 - 1. */
export const u32: Type<number> = scalar("u32");
/** An integer from 0 to 2^64 - 1. */
export const u64: Type<bigint> = scalar("u64");
/** An integer from 0 to 2^53 - 1, in the 8 bytes of a {@linkcode u64}. */
export const u64Number: Type<number> = scalar("u64Number");
/** An integer from -128 to 127. */
export const i8: Type<number> = scalar("i8");
/** An integer from -32768 to 32767. */
export const i16: Type<number> = scalar("i16");
/** An integer from -2^31 to 2^31 - 1. */
export const i32: Type<number> = scalar("i32");
/** An integer from -2^63 to 2^63 - 1. */
export const i64: Type<bigint> = scalar("i64");
/** A safe integer, in the 8 bytes of an {@linkcode i64}. */
export const i64Number: Type<number> = scalar("i64Number");
/** A number of 4 bytes (IEEE 754). */
export const f32: Type<number> = scalar("f32");
/** A number of 8 bytes (IEEE 754). */
export const f64: Type<number> = scalar("f64");
/** True or false. */
export const bool: Type<boolean> = scalar("bool");
/** Well-formed text, as UTF-8. */
export const string: Type<string> = scalar("string");
/**
 * Bytes. What is received is a view of the message, and shares its memory. What is sent is not
 * copied when it is long: it must stay as it is until the call is answered, or the stream's end.
 */
export const bytes: Type<Uint8Array> = scalar("bytes");

/** {@linkcode bytes} that the photon framing puts in front of all others, as `aligned_buffer`. */
export const alignedBytes: Type<Uint8Array> = scalar("alignedBytes");

/** {@linkcode bytes} that a C++ peer declares as `iovec_array`, in however many pieces. */
export const iovecArray: Type<Uint8Array> = scalar("iovecArray");

/** The same as `aligned_iovec_array`: in front, as {@linkcode alignedBytes} are. */
export const alignedIovecArray: Type<Uint8Array> = scalar("alignedIovecArray");

/**
 * Any number of values of a type.
 *
 * @example A value of it
 * ```ts
 * import { array, u8, type ValueOf } from "@photon/std/rpc";
 *
 * const type = array(u8);
 * const value: ValueOf<typeof type> = [1, 2, 3];
 * ```
 */
export function array<T>(item: Type<T>): Type<T[]> {
  return { schema: { kind: "array", item: item.schema } };
}

/**
 * A value or `undefined`. Fields that are appended to a struct later must be optional.
 *
 * @example A value of it
 * ```ts
 * import { optional, u8, type ValueOf } from "@photon/std/rpc";
 *
 * const type = optional(u8);
 * const value: ValueOf<typeof type> = undefined;
 * ```
 */
export function optional<T>(item: Type<T>): Type<T | undefined> {
  return { schema: { kind: "optional", item: item.schema } };
}

/**
 * A `Map`, in its order.
 *
 * @example A value of it
 * ```ts
 * import { map, string, u8, type ValueOf } from "@photon/std/rpc";
 *
 * const type = map(string, u8);
 * const value: ValueOf<typeof type> = new Map([["a", 1]]);
 * ```
 */
export function map<K, V>(key: Type<K>, value: Type<V>): Type<Map<K, V>> {
  return { schema: { kind: "map", key: key.schema, value: value.schema } };
}

/**
 * One of some words, 256 at most; append new ones at the end.
 *
 * @throws {RangeError} When there are none or too many
 *
 * @example A value of it
 * ```ts
 * import { oneOf, type ValueOf } from "@photon/std/rpc";
 *
 * const type = oneOf("red", "green");
 * const value: ValueOf<typeof type> = "red";
 * ```
 */
export function oneOf<const Names extends readonly string[]>(
  ...names: Names
): Type<Names[number]> {
  if (names.length === 0 || names.length > CASES_MAX) {
    throw new RangeError(`Cannot define type: needs 1 to ${CASES_MAX} words`);
  }
  return { schema: { kind: "oneOf", names } };
}

/** A value of one of several types, with the name of the case. */
export type VariantOf<Cases extends Record<string, Type<unknown>>> = {
  [Name in keyof Cases]: { readonly type: Name; readonly value: ValueOf<Cases[Name]> };
}[keyof Cases];

/**
 * One of several cases, 256 at most; append new ones at the end.
 *
 * @throws {RangeError} When there are none or too many
 *
 * @example A value of it
 * ```ts
 * import { f64, string, variant, type ValueOf } from "@photon/std/rpc";
 *
 * const type = variant({ circle: f64, name: string });
 * const value: ValueOf<typeof type> = { type: "circle", value: 0.5 };
 * ```
 */
export function variant<Cases extends Record<string, Type<unknown>>>(
  cases: Cases,
): Type<VariantOf<Cases>> {
  const fields = fieldsOf(cases);
  if (fields.length === 0 || fields.length > CASES_MAX) {
    throw new RangeError(`Cannot define type: needs 1 to ${CASES_MAX} cases`);
  }
  return { schema: { kind: "variant", fields } };
}

/** A struct's value: fields that may be undefined may also be left out. */
export type StructOf<Fields extends Record<string, Type<unknown>>> =
  & {
    [Name in keyof Fields as undefined extends ValueOf<Fields[Name]> ? never : Name]: ValueOf<
      Fields[Name]
    >;
  }
  & {
    [Name in keyof Fields as undefined extends ValueOf<Fields[Name]> ? Name : never]?: ValueOf<
      Fields[Name]
    >;
  };

/**
 * Named fields, in their order. A peer that knows fewer of them ignores the rest; one that knows
 * more takes those that are missing for undefined, so these must be {@linkcode optional}.
 *
 * @example A value of it
 * ```ts
 * import { optional, string, struct, u8, type ValueOf } from "@photon/std/rpc";
 *
 * const type = struct({ id: u8, name: optional(string) });
 * const value: ValueOf<typeof type> = { id: 1 };
 * ```
 */
export function struct<Fields extends Record<string, Type<unknown>>>(
  fields: Fields,
): Type<StructOf<Fields>> {
  return { schema: { kind: "struct", fields: fieldsOf(fields) } };
}

/**
 * A struct that the photon framing sends with a CRC-32C in front, as the messages of C++ do that
 * derive from `CheckedMessage<Crc32Hasher>`. A message that was changed on its way fails its call,
 * and on a server its connection, with `DATA_LOSS`. The native framing sends it like any other.
 *
 * @throws {RangeError} When the type is no struct
 *
 * @example A request with a checksum
 * ```ts
 * import { bytes, checked, defineService, method, struct, u64 } from "@photon/std/rpc";
 *
 * const block = checked(struct({ offset: u64, data: bytes }));
 * const stored = struct({ bytes: u64 });
 * const write = method({ id: 1, request: block, response: stored });
 * defineService({ id: 1, methods: { write } });
 * ```
 */
export function checked<T>(type: Type<T>): Type<T> {
  const { schema } = type;
  if (schema.kind !== "struct") {
    throw new RangeError(`Cannot define type: checked takes a struct, received ${schema.kind}`);
  }
  return { schema: { ...schema, checked: true } };
}

/** Cases of a variant and words of a choice: their number travels as one byte. */
const CASES_MAX = 256;

function fieldsOf(types: Record<string, Type<unknown>>): SchemaField[] {
  return Object.entries(types).map(([name, { schema }]) => [name, schema]);
}
