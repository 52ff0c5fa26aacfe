// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MemoryFs } from "../fs/memory_fs.ts";
import { ThrottledFs } from "../fs/throttled_fs.ts";
import { readWhole, writeWhole } from "../fs/whole_file.ts";
import { Throttle } from "../thread/throttle.ts";
import { testConformance } from "./fs_conformance.ts";
import { leakTest } from "./leak.ts";

const UNLIMITED = { limit: Infinity };

testConformance(
  "ThrottledFs",
  { writable: true, directories: true, links: true },
  () =>
    Promise.resolve({
      system: new ThrottledFs(new MemoryFs(), {
        readBytes: new Throttle(UNLIMITED),
        writeBytes: new Throttle(UNLIMITED),
        operations: new Throttle({ limit: 1e6 }),
        chunkBytes: 1_000,
      }),
      path: (name) => name,
      [Symbol.asyncDispose]: () => Promise.resolve(),
    }),
);

leakTest("ThrottledFs consumes a token for each byte and each call", async () => {
  // What comes back in an hour is nothing in a test.
  const hour = { limit: 10_000, windowMs: 3_600_000 };
  const [readBytes, writeBytes, operations] = [1, 2, 3].map(() => new Throttle(hour));
  const limits = { readBytes: readBytes!, writeBytes: writeBytes!, operations: operations! };
  const system = new ThrottledFs(new MemoryFs(), { ...limits, chunkBytes: 1_000 });
  await writeWhole(system, "a", new Uint8Array(2_500));
  assertEquals(Math.round(limits.writeBytes.tokens), 10_000 - 2_500);
  assertEquals(Math.round(limits.operations.tokens), 10_000 - 4);
  await readWhole(system, "a");
  assertEquals(Math.round(limits.readBytes.tokens), 10_000 - 2_500);
});

leakTest("ThrottledFs moves no more bytes than its throttle allows", async () => {
  const bytes = new Throttle({ limit: 50_000, windowMs: 1_000 });
  const memory = new MemoryFs();
  const writer = new ThrottledFs(memory, { writeBytes: bytes, chunkBytes: 5_000 });
  const start = performance.now();
  // The bucket holds one window; the other 10 000 bytes take a fifth of one.
  await writeWhole(writer, "a", new Uint8Array(60_000));
  const elapsedMs = performance.now() - start;
  assert(elapsedMs > 190, `${elapsedMs} ms`);
});

leakTest("ThrottledFs gives back the tokens of bytes that were not there", async () => {
  const readBytes = new Throttle({ limit: 10_000, windowMs: 3_600_000 });
  const memory = new MemoryFs();
  await writeWhole(memory, "a", new Uint8Array(10));
  using file = await new ThrottledFs(memory, { readBytes }).open("a");
  for (let i = 0; i < 5; i++) assertEquals(await file.readAt(new Uint8Array(9_000), 0), 10);
  assertEquals(Math.round(readBytes.tokens), 10_000 - 50);
});

leakTest("ThrottledFs of a higher priority goes first at a shared throttle", async () => {
  const operations = new Throttle({ limit: 1, windowMs: 10 });
  const memory = new MemoryFs();
  await writeWhole(memory, "a", new Uint8Array(1));
  const low = new ThrottledFs(memory, { operations, priority: "low" });
  const high = new ThrottledFs(memory, { operations, priority: "high" });
  const order: string[] = [];
  const calls = [low, low, high, high].map(async (system) => {
    await system.stat("a");
    order.push(system === low ? "low" : "high");
  });
  await Promise.all(calls);
  // The first one finds a full bucket.
  assertEquals(order, ["low", "high", "high", "low"]);
});

Deno.test("ThrottledFs refuses chunks without bytes", () => {
  assertThrows(() => new ThrottledFs(new MemoryFs(), { chunkBytes: 0 }), RangeError);
});
