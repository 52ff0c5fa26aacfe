// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { writeAll } from "../io/byte_stream.ts";
import { type MemoryConn, memoryDuplex } from "../io/memory_duplex.ts";

const { BadResource, BrokenPipe, Interrupted } = Deno.errors;

/** Reads once and gives the bytes, or null at the end. */
async function readOnce(conn: MemoryConn, bytesMax = 64): Promise<number[] | null> {
  const p = new Uint8Array(bytesMax);
  const count = await conn.read(p);
  return count === null ? null : [...p.subarray(0, count)];
}

/** Whether a promise is settled by now. */
async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  const settle = () => settled = true;
  promise.then(settle, settle);
  for (let turn = 0; turn < 10; turn++) await null;
  return settled;
}

Deno.test("memoryDuplex() carries bytes both ways", async () => {
  const [left, right] = memoryDuplex();
  await left.write(new Uint8Array([1, 2]));
  await right.write(new Uint8Array([3]));
  assertEquals(await readOnce(right), [1, 2]);
  assertEquals(await readOnce(left), [3]);
});

Deno.test("memoryDuplex() keeps the bytes and their order under any cutting", async () => {
  const options = fc.record({
    bufferBytes: fc.integer({ min: 1, max: 20 }),
    chunkBytesMax: fc.integer({ min: 1, max: 20 }),
    splitAt: fc.array(fc.nat(100)),
  });
  await fc.assert(
    fc.asyncProperty(options, fc.uint8Array({ maxLength: 100 }), async (options, sent) => {
      const [left, right] = memoryDuplex(options);
      const received = new Response(right.readable).bytes();
      await writeAll(left, sent);
      left.close();
      assertEquals([...await received], [...sent]);
    }),
    { seed: 11, numRuns: 200 },
  );
});

Deno.test("MemoryConn.read() stops at every offset of splitAt", async () => {
  const [left, right] = memoryDuplex({ splitAt: [1, 3, 4] });
  await left.write(new Uint8Array(6));
  left.close();
  const sizes: (number | undefined)[] = [];
  for (let i = 0; i < 5; i++) sizes.push((await readOnce(right))?.length);
  assertEquals(sizes, [1, 2, 1, 2, undefined]);
});

Deno.test("MemoryConn.read() and write() move at most chunkBytesMax at once", async () => {
  const [left, right] = memoryDuplex({ chunkBytesMax: 2 });
  assertEquals(await left.write(new Uint8Array(5)), 2);
  assertEquals(await left.write(new Uint8Array(5)), 2);
  assertEquals((await readOnce(right))?.length, 2);
});

Deno.test("MemoryConn.write() waits while the other end has bufferBytes unread", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 4 });
  assertEquals(await left.write(new Uint8Array([1, 2, 3, 4, 5])), 4);
  const waiting = left.write(new Uint8Array([5]));
  assertEquals(await isSettled(waiting), false);
  assertEquals(await readOnce(right, 1), [1]);
  assertEquals(await waiting, 1);
  assertEquals(await readOnce(right), [2, 3, 4, 5]);
});

Deno.test("MemoryConn.read() calls are answered in the order they were made", async () => {
  const [left, right] = memoryDuplex();
  const reads = [readOnce(right, 1), readOnce(right, 2), readOnce(right, 9)];
  await left.write(new Uint8Array([1, 2, 3, 4]));
  assertEquals(await Promise.all(reads), [[1], [2, 3], [4]]);
});

Deno.test("MemoryConn.read() gives null at the end of the stream, every time", async () => {
  const [left, right] = memoryDuplex();
  const waiting = readOnce(right);
  left.close();
  assertEquals(await waiting, null);
  assertEquals(await readOnce(right), null);
});

Deno.test("MemoryConn moves nothing for an empty buffer", async () => {
  const [left, right] = memoryDuplex();
  assertEquals(await left.read(new Uint8Array()), 0);
  assertEquals(await right.write(new Uint8Array()), 0);
});

Deno.test("MemoryConn.read() rejects with the reason when aborted, and takes nothing", async () => {
  const [left, right] = memoryDuplex();
  const abort = new AbortController();
  const reading = right.read(new Uint8Array(4), { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => reading, Error, "enough");
  await left.write(new Uint8Array([1]));
  assertEquals(await readOnce(right), [1]);
});

Deno.test("MemoryConn.write() rejects with the reason when aborted, giving nothing", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 1 });
  await left.write(new Uint8Array([1]));
  const abort = new AbortController();
  const writing = left.write(new Uint8Array([2]), { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => writing, Error, "enough");
  assertEquals(await readOnce(right), [1]);
  left.close();
  assertEquals(await readOnce(right), null);
});

Deno.test("MemoryConn.closeWrite() ends the stream after the writes before it", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 1 });
  await left.write(new Uint8Array([1]));
  const writing = left.write(new Uint8Array([2]));
  const closing = left.closeWrite();
  assertEquals(await isSettled(closing), false);
  assertEquals(await readOnce(right), [1]);
  assertEquals(await readOnce(right), [2]);
  assertEquals(await writing, 1);
  await closing;
  assertEquals(await readOnce(right), null);
});

Deno.test("MemoryConn.closeWrite() makes write() reject with BrokenPipe", async () => {
  const [left, right] = memoryDuplex();
  await left.closeWrite();
  await left.closeWrite();
  const error = await assertRejects(() => left.write(new Uint8Array(1)), BrokenPipe);
  assertEquals((error as Error & { code: string }).code, "EPIPE");
  await right.write(new Uint8Array([5]));
  assertEquals(await readOnce(left), [5]);
});

Deno.test("MemoryConn.close() rejects what waits with Interrupted", async () => {
  const [left] = memoryDuplex({ bufferBytes: 1 });
  await left.write(new Uint8Array(1));
  const waiting = [left.read(new Uint8Array(1)), left.write(new Uint8Array(1)), left.closeWrite()];
  const results = Promise.allSettled(waiting);
  left.close();
  for (const result of await results) {
    assertEquals(result.status, "rejected");
    assertInstanceOf((result as PromiseRejectedResult).reason, Interrupted);
  }
});

Deno.test("MemoryConn rejects with BadResource once it is closed", async () => {
  const [left] = memoryDuplex();
  left.close();
  await assertRejects(() => left.read(new Uint8Array(1)), BadResource);
  await assertRejects(() => left.write(new Uint8Array(1)), BadResource);
  await assertRejects(() => left.closeWrite(), BadResource);
  assertThrows(() => left.close(), BadResource);
  left[Symbol.dispose]();
});

Deno.test("MemoryConn.write() rejects with BrokenPipe once the other end is closed", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 1 });
  await left.write(new Uint8Array(1));
  const waiting = assertRejects(() => left.write(new Uint8Array(1)), BrokenPipe);
  right.close();
  await waiting;
  await assertRejects(() => left.write(new Uint8Array(1)), BrokenPipe);
  await left.closeWrite();
});

Deno.test("MemoryConn refuses text", async () => {
  const [left] = memoryDuplex();
  const text = "text" as unknown as Uint8Array;
  await assertRejects(() => left.read(text), TypeError);
  await assertRejects(() => left.write(text), TypeError);
});

Deno.test("MemoryConn can be piped to itself as an echo", async () => {
  const [left, right] = memoryDuplex({ bufferBytes: 16 });
  const echo = right.readable.pipeTo(right.writable);
  const answer = new Uint8Array(64);
  await writeAll(left, new Uint8Array(16).fill(4));
  assertEquals(await left.read(answer), 16);
  left.close();
  await echo;
});

Deno.test("memoryDuplex() refuses bounds that are not positive integers", () => {
  for (const bound of [0, -1, 1.5, NaN]) {
    assertThrows(() => memoryDuplex({ bufferBytes: bound }), RangeError, "bufferBytes");
    assertThrows(() => memoryDuplex({ chunkBytesMax: bound }), RangeError, "chunkBytesMax");
  }
});
