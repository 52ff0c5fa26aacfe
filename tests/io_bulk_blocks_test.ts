// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { BULK_BLOCK_BYTES, BULK_BLOCKS, BulkBlocks } from "../io/bulk_blocks.ts";

const linuxOnly = { ignore: Deno.build.os !== "linux" };

Deno.test("BulkBlocks.take() gives blocks that never overlap, then null", linuxOnly, () => {
  const bulk = new BulkBlocks();
  const blocks = takeAll(bulk);
  assertEquals(blocks.length, BULK_BLOCKS);
  for (const [index, { bytes }] of blocks.entries()) bytes.fill(index);
  for (const [index, { bytes }] of blocks.entries()) {
    assertEquals([bytes.length, bytes[0], bytes.at(-1)], [BULK_BLOCK_BYTES, index, index]);
  }
});

Deno.test("BulkBlocks counts what is in use, and a block is given back once", linuxOnly, () => {
  const bulk = new BulkBlocks();
  assertEquals(bulk.leased, 0);
  const [first, ...others] = takeAll(bulk);
  assertEquals(bulk.leased, BULK_BLOCKS);
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  assertEquals(bulk.leased, BULK_BLOCKS - 1);
  for (const block of others) block[Symbol.dispose]();
  assertEquals(bulk.leased, 0);
});

Deno.test("BulkBlocks.takeSoon() serves those who wait in order", linuxOnly, async () => {
  const bulk = new BulkBlocks();
  const blocks = takeAll(bulk);
  const order: number[] = [];
  const waiting = [1, 2, 3].map((who) => bulk.takeSoon().then(() => order.push(who)));
  for (const block of blocks.slice(0, 3)) block[Symbol.dispose]();
  await Promise.all(waiting);
  assertEquals(order, [1, 2, 3]);
  assertEquals(bulk.leased, BULK_BLOCKS);
});

Deno.test("BulkBlocks.takeSoon() given up takes no block", linuxOnly, async () => {
  const bulk = new BulkBlocks();
  const [block] = takeAll(bulk);
  const abort = new AbortController();
  const taking = bulk.takeSoon(abort.signal);
  abort.abort(new Error("enough"));
  await assertRejects(() => taking, Error, "enough");
  block[Symbol.dispose]();
  assertEquals(bulk.leased, BULK_BLOCKS - 1);
  assertNotEquals(bulk.take(), null);
});

function takeAll(bulk: BulkBlocks) {
  return Array.from({ length: BULK_BLOCKS + 1 }, () => bulk.take()).filter((block) =>
    block !== null
  );
}
