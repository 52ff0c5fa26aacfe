// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { mapMemory } from "../ffi/memory.ts";
import {
  BufferPool,
  LARGE_BLOCK_BYTES,
  LARGE_BLOCKS,
  SMALL_BLOCK_BYTES,
  SMALL_BLOCKS,
} from "../io/buffer_pool.ts";

const linuxOnly = { ignore: Deno.build.os !== "linux" };
// One mapping serves all tests, since none is ever unmapped; every test gives its blocks back.
const MAPPING = linuxOnly.ignore ? undefined : mapMemory(new BufferPool().bytes.length);

Deno.test("BufferPool.take() gives blocks that never overlap", linuxOnly, () => {
  const step = fc.record({ takes: fc.boolean(), byteLength: fc.nat(LARGE_BLOCK_BYTES) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
      const pool = freshPool();
      const taken: number[] = [];
      for (const { takes, byteLength } of steps) {
        if (!takes && taken.length > 0) {
          pool.release(taken.splice(byteLength % taken.length, 1)[0]);
          continue;
        }
        const offset = pool.take(byteLength);
        assert(pool.capacity(offset) >= byteLength);
        for (const other of taken) {
          const apart = offset >= other + pool.capacity(other) ||
            other >= offset + pool.capacity(offset);
          assert(apart, `${offset} overlaps ${other}`);
        }
        taken.push(offset);
      }
      assertEquals(pool.leased, taken.length);
    }),
    { seed: 2, numRuns: 50 },
  );
});

Deno.test(
  "BufferPool.take() gives large blocks when the small ones are out, then -1",
  linuxOnly,
  () => {
    const pool = freshPool();
    for (let count = 0; count < SMALL_BLOCKS; count++) {
      assertEquals(pool.capacity(pool.take(1)), SMALL_BLOCK_BYTES);
    }
    for (let count = 0; count < LARGE_BLOCKS; count++) {
      assertEquals(pool.capacity(pool.take(1)), LARGE_BLOCK_BYTES);
    }
    assertEquals(pool.take(1), -1);
    assertEquals(pool.leased, SMALL_BLOCKS + LARGE_BLOCKS);
  },
);

Deno.test(
  "BufferPool.release() frees a block when its last of 1000 owners is done",
  linuxOnly,
  () => {
    const pool = freshPool();
    const offset = pool.take(LARGE_BLOCK_BYTES);
    for (let owner = 1; owner < 1000; owner++) pool.share(offset + owner);
    for (let owner = 1; owner < 1000; owner++) {
      pool.release(offset + owner);
      assertEquals(pool.leased, 1);
    }
    pool.release(offset);
    assertEquals(pool.leased, 0);
  },
);

Deno.test("BufferPool.release() throws for a block that is free", linuxOnly, () => {
  const pool = freshPool();
  const offset = pool.take(10);
  pool.release(offset);
  assertThrows(() => pool.release(offset), Error, "Cannot release block: it is free");
});

Deno.test(
  "BufferPool.lease() gives exactly the bytes asked for, and takes them back",
  linuxOnly,
  () => {
    const pool = freshPool();
    {
      using lease = pool.lease(5000);
      assertEquals(lease.bytes.length, 5000);
      assertEquals(pool.leased, 1);
    }
    assertEquals(pool.leased, 0);
  },
);

Deno.test("Lease.release() takes effect once", linuxOnly, () => {
  const pool = freshPool();
  const lease = pool.lease();
  lease.release();
  using other = pool.lease();
  lease.release();
  assertEquals(other.bytes.byteOffset, lease.bytes.byteOffset);
  assertEquals(pool.leased, 1);
});

Deno.test("BufferPool.lease() throws Busy when every block is lent", linuxOnly, () => {
  const pool = freshPool();
  for (let count = 0; count < LARGE_BLOCKS; count++) pool.lease();
  assertThrows(() => pool.lease(), Deno.errors.Busy, "Cannot lease a block: all are in use");
});

for (const byteLength of [-1, NaN, LARGE_BLOCK_BYTES + 1]) {
  Deno.test(`BufferPool.lease() throws RangeError for ${byteLength} bytes`, linuxOnly, () => {
    assertThrows(() => freshPool().lease(byteLength), RangeError, `received ${byteLength}`);
  });
}

Deno.test("BufferPool.offsetOf() knows views of lent blocks only", linuxOnly, () => {
  const pool = freshPool();
  const { bytes, release } = pool.lease(8192);
  assertEquals(pool.offsetOf(bytes), bytes.byteOffset - pool.bytes.byteOffset);
  assertEquals(pool.offsetOf(bytes.subarray(100)), pool.offsetOf(bytes) + 100);
  assertEquals(pool.offsetOf(new Uint8Array(8192)), -1);
  // Neither the fixed pieces before the blocks nor what crosses into a neighbour is on loan.
  assertEquals(pool.offsetOf(new Uint8Array(bytes.buffer)), -1);
  const across = bytes.byteOffset + LARGE_BLOCK_BYTES - 10;
  assertEquals(pool.offsetOf(new Uint8Array(bytes.buffer, across, 20)), -1);
  release();
  assertEquals(pool.offsetOf(bytes), -1);
});

Deno.test(
  "BufferPool.whenFree() calls back once a block, first come, first served",
  linuxOnly,
  () => {
    const pool = freshPool();
    const blocks = exhaust(pool);
    const served: string[] = [];
    const serve = (name: string) => () => void (served.push(name), blocks.push(pool.take(1)));
    pool.whenFree(serve("first"));
    pool.whenFree(serve("second"));
    assertEquals(served, []);
    pool.release(blocks.shift()!);
    assertEquals(served, ["first"]);
    pool.release(blocks.shift()!);
    pool.release(blocks.shift()!);
    assertEquals(served, ["first", "second"]);
  },
);

Deno.test("BufferPool.whenFree() forgets a wish that was withdrawn", linuxOnly, () => {
  const pool = freshPool();
  const [block] = exhaust(pool);
  const served: string[] = [];
  const withdraw = pool.whenFree(() => served.push("withdrawn"));
  pool.whenFree(() => served.push("served"));
  withdraw();
  pool.release(block);
  assertEquals(served, ["served"]);
});

Deno.test(
  "BufferPool.whenFree() passes a block on that the first has no use for",
  linuxOnly,
  () => {
    const pool = freshPool();
    const blocks = exhaust(pool);
    const asked: string[] = [];
    const wantsLarge = () => {
      asked.push("large");
      if (pool.take(LARGE_BLOCK_BYTES) < 0) pool.whenFree(wantsLarge);
    };
    pool.whenFree(wantsLarge);
    pool.whenFree(() => {
      asked.push("small");
      assertNotEquals(pool.take(1), -1);
    });
    pool.release(blocks.find((offset) => pool.capacity(offset) === SMALL_BLOCK_BYTES)!);
    assertEquals(asked, ["large", "small"]);
  },
);

Deno.test(
  "BufferPool.reserve() gives aligned pieces until 64 KiB are handed out",
  linuxOnly,
  () => {
    const pool = freshPool();
    assertEquals(pool.reserve(1), 0);
    assertEquals(pool.reserve(65), 64);
    assertEquals(pool.reserve(1), 192);
    assertThrows(() => pool.reserve(65_536), RangeError, "Cannot reserve memory");
  },
);

function freshPool(): BufferPool {
  return new BufferPool(MAPPING);
}

/** Takes every block and gives their offsets. */
function exhaust(pool: BufferPool): number[] {
  const blocks: number[] = [];
  for (let offset = pool.take(1); offset >= 0; offset = pool.take(1)) blocks.push(offset);
  return blocks;
}
