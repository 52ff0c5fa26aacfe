// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MessageReader } from "../rpc/message_reader.ts";
import { MessageWriter } from "../rpc/message_writer.ts";
import {
  array,
  bool,
  bytes,
  f32,
  f64,
  i16,
  i32,
  i64,
  i64Number,
  i8,
  map,
  oneOf,
  optional,
  string,
  struct,
  type Type,
  u16,
  u32,
  u64,
  u64Number,
  u8,
  variant,
} from "../rpc/mod.ts";
import { messageCodec } from "../rpc/native_codec.ts";

const RUNS = 300;

/** A type, and values of it. */
interface Sample {
  readonly type: Type<unknown>;
  readonly value: fc.Arbitrary<unknown>;
}

const text = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());

// Data: the types of one value.
// deno-fmt-ignore
const SIMPLE: Sample[] = [
  { type: u8,        value: fc.integer({ min: 0, max: 255 }) },
  { type: u16,       value: fc.integer({ min: 0, max: 65_535 }) },
  { type: u32,       value: fc.integer({ min: 0, max: 0xffff_ffff }) },
  { type: u64,       value: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }) },
  { type: i8,        value: fc.integer({ min: -128, max: 127 }) },
  { type: i16,       value: fc.integer({ min: -32_768, max: 32_767 }) },
  { type: i32,       value: fc.integer() },
  { type: i64,       value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }) },
  { type: u64Number, value: fc.maxSafeNat() },
  { type: i64Number, value: fc.maxSafeInteger() },
  { type: f32,       value: fc.float() },
  { type: f64,       value: fc.double() },
  { type: bool,      value: fc.boolean() },
  { type: string,    value: text },
  { type: bytes,     value: fc.uint8Array({ maxLength: 40 }) },
  { type: oneOf("red", "green", "blue"), value: fc.constantFrom("red", "green", "blue") },
];

const sample: fc.Arbitrary<Sample> = fc.letrec<{ sample: Sample; simple: Sample }>((tie) => ({
  simple: fc.constantFrom(...SIMPLE),
  sample: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    tie("simple"),
    tie("sample").map(({ type, value }) => ({
      type: array(type),
      value: fc.array(value, { maxLength: 5 }),
    })),
    tie("sample").map(({ type, value }) => ({
      type: optional(type),
      value: fc.option(value, { nil: undefined }),
    })),
    fc.tuple(tie("simple"), tie("sample")).map(([key, item]) => ({
      type: map(key.type, item.type),
      value: fc.array(fc.tuple(key.value, item.value), { maxLength: 4 })
        .map((entries) => new Map(entries)),
    })),
    fc.array(tie("sample"), { minLength: 1, maxLength: 3 }).map((cases) => ({
      type: variant(Object.fromEntries(cases.map(({ type }, index) => [`case${index}`, type]))),
      value: fc.oneof(
        ...cases.map(({ value }, index) => value.map((value) => ({ type: `case${index}`, value }))),
      ),
    })),
    fc.array(tie("sample"), { maxLength: 4 }).map((fields) => structOf(fields)),
  ),
})).sample;

function structOf(fields: readonly Sample[]): Sample {
  const types = Object.fromEntries(fields.map(({ type }, index) => [`field${index}`, type]));
  const values = Object.fromEntries(fields.map(({ value }, index) => [`field${index}`, value]));
  return { type: struct(types), value: fc.record(values) };
}

function encode(type: Type<unknown>, value: unknown): Uint8Array {
  const writer = new MessageWriter();
  messageCodec(type.schema).write(writer, value);
  const pieces = writer.pieces();
  const all = new Uint8Array(writer.byteLength);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function decode(type: Type<unknown>, bytes: Uint8Array): unknown {
  const reader = new MessageReader();
  reader.open(bytes, 0, bytes.length);
  const value = messageCodec(type.schema).read(reader);
  assertEquals(reader.left, 0);
  return value;
}

Deno.test("nativeCodec() gives back any value of any type", () => {
  fc.assert(
    fc.property(
      sample.chain(({ type, value }) => value.map((value) => ({ type, value }))),
      ({ type, value }) => assertEquals(decode(type, encode(type, value)), plain(value)),
    ),
    { numRuns: RUNS },
  );
});

Deno.test("nativeCodec() reads any bytes as a value or throws InvalidData", () => {
  fc.assert(
    fc.property(sample, fc.uint8Array({ maxLength: 200 }), ({ type }, bytes) => {
      const reader = new MessageReader();
      reader.open(bytes, 0, bytes.length);
      try {
        messageCodec(type.schema).read(reader);
      } catch (error) {
        if (!(error instanceof Deno.errors.InvalidData)) throw error;
      }
    }),
    { numRuns: RUNS * 3 },
  );
});

Deno.test("nativeCodec() reads no message that is cut short as if it were whole", () => {
  const type = struct({ id: u32, name: string, tags: array(string) });
  const whole = encode(type, { id: 1, name: "Ada", tags: ["a", "b"] });
  for (let length = 0; length < whole.length; length++) {
    assertThrows(() => decode(type, whole.subarray(0, length)), Deno.errors.InvalidData);
  }
});

Deno.test("a struct that grew by optional fields is read by old and new peers", () => {
  const old = struct({ id: u32 });
  const grown = struct({ id: u32, name: optional(string), tags: optional(array(u8)) });
  assertEquals(decode(grown, encode(old, { id: 1 })), { id: 1, name: undefined, tags: undefined });
  const reader = new MessageReader();
  const bytes = encode(grown, { id: 2, name: "Ada", tags: [1] });
  reader.open(bytes, 0, bytes.length);
  assertEquals(messageCodec(old.schema).read(reader), { id: 2 });
  const outer = <T>(inner: Type<T>) => struct({ inner, last: u8 });
  const nested = encode(outer(grown), { inner: { id: 3, name: "Bob" }, last: 9 });
  assertEquals(decode(outer(old), nested), { inner: { id: 3 }, last: 9 });
});

Deno.test("a long byte string is sent from where it is, and read as a view", () => {
  const data = new Uint8Array(100_000).fill(7);
  const writer = new MessageWriter();
  const type = struct({ before: u8, data: bytes, after: u8 });
  messageCodec(type.schema).write(writer, { before: 1, data, after: 2 });
  assertEquals(writer.pieces().filter((piece) => piece === data).length, 1);
  const message = encode(type, { before: 1, data, after: 2 });
  const read = decode(type, message) as { data: Uint8Array };
  assertEquals(read.data.buffer === message.buffer, true);
});

// Data: values that are not of their type, and what is said.
// deno-fmt-ignore
const MISTYPED: [Type<unknown>, unknown, string][] = [
  [struct({ age: u8 }),                    { age: 256 },              "age must be an integer from 0 to 255"],
  [struct({ age: u8 }),                    {},                        "age must be an integer"],
  [struct({ id: u64 }),                    { id: 1 },                 "id must be a bigint"],
  [struct({ users: array(struct({ name: string })) }), { users: [{ name: 1 }] }, "users[0].name must be a string"],
  [struct({ name: string }),               { name: "\ud800" },        "name must be well-formed text"],
  [struct({ color: oneOf("red") }),        { color: "pink" },         "color must be one of red"],
  [struct({ data: bytes }),                { data: [1] },             "data must be a Uint8Array"],
  [struct({ shape: variant({ dot: u8 }) }), { shape: { type: "line" } }, "shape must be a { type, value }"],
];

for (const [type, value, text] of MISTYPED) {
  Deno.test(`nativeCodec() refuses to write a value: ${text}`, () => {
    assertThrows(() => encode(type, value), TypeError, text);
  });
}

/** What fast-check makes has no prototype in places, which equality would see. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) {
    return new Map([...value].map(([key, entry]) => [plain(key), plain(entry)]));
  }
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, plain(entry)]));
}
