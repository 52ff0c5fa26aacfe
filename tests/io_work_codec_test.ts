// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ValueReader, ValueWriter } from "../io/work_codec.ts";

const BYTES_MAX = 4096;

Deno.test("ValueWriter writes what ValueReader reads, for whatever plain data", () => {
  const text = fc.string({ unit: "binary", maxLength: 40 });
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      fc.constantFrom(undefined, null, true, false, -0, NaN, Infinity, 2 ** 31, -(2 ** 31)),
      fc.integer(),
      fc.double(),
      fc.bigInt(),
      text,
      fc.uint8Array({ maxLength: 40 }),
      fc.array(tie("value"), { maxLength: 5 }),
      fc.dictionary(fc.oneof(text, fc.constant("__proto__")), tie("value"), { maxKeys: 5 }),
    ),
  }));
  fc.assert(fc.property(value, (value) => assertEquals(copyOf(value), structuredClone(value))), {
    seed: 3,
    numRuns: 2000,
  });
});

Deno.test("ValueWriter leaves lone surrogates as they are", () => {
  assertEquals(copyOf("a\ud800b"), "a\ud800b");
});

Deno.test("ValueWriter writes long texts of both widths", () => {
  assertEquals(copyOf("x".repeat(4000)), "x".repeat(4000));
  assertEquals(copyOf("ü".repeat(2000)), "ü".repeat(2000));
});

Deno.test("ValueWriter refuses what is left to structured clone", () => {
  const cyclic: unknown[] = [];
  cyclic.push(cyclic);
  const values = [new Map(), new Date(), () => {}, Symbol(), cyclic, new Int8Array(1), new Blob()];
  for (const value of values) assertEquals(writerOf(value), null);
});

Deno.test("ValueWriter refuses what is too large, wherever the bound falls", () => {
  for (let length = BYTES_MAX - 40; length <= BYTES_MAX + 40; length++) {
    for (const value of [new Uint8Array(length), "x".repeat(length), Array(length).fill(true)]) {
      const writer = writerOf([value, 1.5]);
      assert(writer === null || writer.length <= BYTES_MAX);
    }
  }
});

function copyOf(value: unknown): unknown {
  const writer = writerOf(value)!;
  const reader = new ValueReader(BYTES_MAX);
  reader.words.set(writer.words.subarray(0, reader.words.length));
  assertEquals([reader.kind, reader.begin()], [7, -5]);
  return reader.value();
}

function writerOf(value: unknown): ValueWriter | null {
  const writer = new ValueWriter(BYTES_MAX);
  writer.begin(7, -5);
  return writer.value(value) ? writer : null;
}
