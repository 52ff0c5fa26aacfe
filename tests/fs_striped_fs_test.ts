// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { MemoryFs } from "../fs/memory_fs.ts";
import { type StripeLayout, StripeMap } from "../fs/stripe_layout.ts";
import { StripedFs } from "../fs/striped_fs.ts";
import { writeWhole } from "../fs/whole_file.ts";
import { testConformance } from "./fs_conformance.ts";
import { assertLikeModel } from "./fs_random_operations.ts";
import { leakTest } from "./leak.ts";

const LAYOUTS: Record<string, StripeLayout> = {
  "stripes": { kind: "stripes", stripeBytes: 1_000 },
  "equal parts": { kind: "linear", partBytes: 30_000 },
  "unequal parts": { kind: "linear", partBytes: [1, 5_000, 70_000] },
};

function striped(layout: StripeLayout): StripedFs {
  return new StripedFs([new MemoryFs(), new MemoryFs(), new MemoryFs()], layout);
}

for (const [name, layout] of Object.entries(LAYOUTS)) {
  testConformance(
    `StripedFs of ${name}`,
    { writable: true, directories: true, links: true },
    () =>
      Promise.resolve({
        system: striped(layout),
        path: (name) => name,
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  );

  leakTest(`StripedFs of ${name} is like its model after each of 2 000 operations`, async () => {
    await assertLikeModel(() =>
      Promise.resolve({
        system: striped(layout),
        path: (name) => name,
        restart: () => Promise.resolve(),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }), { runs: 4, operations: 500, byteLengthMax: 100_000 });
  });
}

Deno.test("StripeMap puts every byte in one place, and finds the end again", () => {
  const layout = fc.oneof(
    fc.record({
      kind: fc.constant("stripes" as const),
      stripeBytes: fc.integer({ min: 1, max: 9 }),
    }),
    fc.record({ kind: fc.constant("linear" as const), partBytes: fc.integer({ min: 1, max: 40 }) }),
  );
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), layout, fc.nat(99), (count, layout, end) => {
      const map = new StripeMap(count, layout);
      const sizes = new Array<number>(count).fill(0);
      for (let offset = 0; offset < end; offset++) {
        const [piece] = map.pieces(offset, 1);
        assertEquals(piece!.memberOffset, sizes[piece!.member]!++);
      }
      assertEquals(sizes, sizes.map((_, member) => map.share(member, end)));
      assertEquals(Math.max(...sizes.map((size, member) => map.end(member, size))), end);
      let at = 0;
      for (const piece of map.pieces(end, 50)) {
        assertEquals(piece.at, at);
        assertEquals(piece.memberOffset, map.share(piece.member, end + at));
        at += piece.byteLength;
      }
      assertEquals(at, 50);
    }),
  );
});

Deno.test("StripeMap refuses members and parts that are none", () => {
  assertThrows(() => new StripeMap(0, { kind: "stripes", stripeBytes: 1 }), RangeError);
  assertThrows(() => new StripeMap(2, { kind: "stripes", stripeBytes: 0 }), RangeError);
  assertThrows(() => new StripeMap(2, { kind: "linear", partBytes: [1, 2, 3] }), RangeError);
  assertThrows(() => new StripeMap(2, { kind: "linear", partBytes: [1, 0.5] }), RangeError);
});

leakTest("StripedFs gives a new file none of the bytes that a crash left in a member", async () => {
  const members = [new MemoryFs(), new MemoryFs()];
  await writeWhole(members[1]!, "a", new Uint8Array(5));
  const system = new StripedFs(members, { kind: "stripes", stripeBytes: 1 });
  (await system.open("a", { write: true, create: true })).close();
  assertEquals((await system.stat("a")).size, 0);
});
