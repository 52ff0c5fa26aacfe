// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { READS_WAITING_MAX, STANDING_AFTER_READS } from "../io/receiver.ts";
import { type EnginePair, engineTurn, pipeOn, socketPairOn, takeTurns } from "./engine_streams.ts";
import { ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { patternBytes, readExactly, utf8, writeAll } from "./transfer.ts";

const DETACHED = "Cannot read into buffer: it was detached while waiting";

leakTest("Receiver.read() gives what there is, up to the buffer's length", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await pair.far.write(utf8("abcdef"));
  assertEquals(await readText(pair, 4), "abcd");
  assertEquals(await readText(pair, 4), "ef");
}, ringOnly);

leakTest("Receiver.read() resolves with null at the end, every time", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await pair.far.write(utf8("abc"));
  pair.far[Symbol.dispose]();
  assertEquals(await readText(pair, 8), "abc");
  assertEquals([await readText(pair, 8), await readText(pair, 8)], [null, null]);
}, ringOnly);

leakTest("Receiver.read() resolves with null at the end of a pipe", async () => {
  await using own = new TestEngine();
  using pair = pipeOn(own.engine);
  await pair.far.write(utf8("abc"));
  assertEquals(await readText(pair, 8), "abc");
  const reading = readText(pair, 8);
  await engineTurn();
  pair.far[Symbol.dispose]();
  assertEquals([await reading, await readText(pair, 8)], [null, null]);
}, ringOnly);

leakTest(
  "Receiver.read() resolves with 0 for an empty buffer, also while others wait",
  async () => {
    await using own = new TestEngine();
    using pair = socketPairOn(own.engine);
    const waiting = readText(pair, 8);
    assertEquals(await pair.near.read(new Uint8Array()), 0);
    await pair.far.write(utf8("abc"));
    assertEquals(await waiting, "abc");
  },
  ringOnly,
);

leakTest("Receiver.read() answers reads in the order they came", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  for (let round = 0; round < 20; round++) {
    const reads = [readText(pair, 2), readText(pair, 3), readText(pair, 9)];
    await pair.far.write(utf8("abcdef"));
    assertEquals(await Promise.all(reads), ["ab", "cde", "f"]);
  }
}, ringOnly);

leakTest(`Receiver.read() rejects with Busy beyond ${READS_WAITING_MAX} that wait`, async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const buffer = new Uint8Array(1);
  // One is being answered, the others queue up behind it.
  const reads = Array.from({ length: READS_WAITING_MAX + 1 }, () => pair.near.read(buffer));
  await assertRejects(() => pair.near.read(buffer), Deno.errors.Busy, "Cannot read");
  await writeAll(pair.far, new Uint8Array(reads.length));
  assertEquals(new Set(await Promise.all(reads)), new Set([1]));
}, ringOnly);

leakTest("Receiver.read() peeks without taking, in any mix with reads", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  for (let round = 0; round < 20; round++) {
    const peeked = [new Uint8Array(2), new Uint8Array(3)];
    const peeking = pair.near.stream.receiver.read(peeked[0], undefined, true);
    const reading = readText(pair, 1);
    const again = pair.near.stream.receiver.read(peeked[1], undefined, true);
    await pair.far.write(utf8("abcdef"));
    assertEquals([await peeking, await reading, await again], [2, "a", 3]);
    assertEquals(peeked, [utf8("ab"), utf8("bcd")]);
    assertEquals(await readText(pair, 9), "bcdef");
  }
}, ringOnly);

leakTest("Receiver keeps what a standing receive brought unasked, and stops it", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await takeTurns(pair, STANDING_AFTER_READS + 3);
  // The receive stands although nobody reads: these come at once, in three messages.
  for (const text of ["abc", "def", "ghi"]) {
    await pair.far.write(utf8(text));
    await engineTurn();
  }
  assertEquals(own.engine.pending, 0);
  assertEquals(new TextDecoder().decode(await readExactly(pair.near, 9)), "abcdefghi");
}, ringOnly);

leakTest("Receiver lets a peer fill its socket once nobody reads", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await takeTurns(pair, STANDING_AFTER_READS + 3);
  let written = 0;
  const block = new Uint8Array(65_536);
  const flood = (async () => {
    for (;;) written += await pair.far.write(block);
  })().catch(() => {});
  let before = -1;
  while (before !== written) {
    before = written;
    for (let round = 0; round < 5; round++) await engineTurn();
  }
  // Socket buffer, write queue and what was received before the receive was stopped.
  assert(written < 2_000_000, `${written} bytes were taken from the writer`);
  pair.far[Symbol.dispose]();
  pair.near[Symbol.dispose]();
  await flood;
}, ringOnly);

leakTest("Receiver tells of a reset only after the bytes before it were read", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await takeTurns(pair, STANDING_AFTER_READS + 3);
  await pair.far.write(utf8("last words"));
  await engineTurn();
  // Unread bytes make closing a reset.
  await pair.near.write(utf8("unread"));
  await engineTurn();
  pair.far[Symbol.dispose]();
  await engineTurn();
  assertEquals(await readText(pair, 20), "last words");
  await assertRejects(() => readText(pair, 20), Deno.errors.ConnectionReset);
}, ringOnly);

leakTest("Receiver.read() rejects with the reason of a signal, and loses no byte", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const controller = new AbortController();
  const reading = pair.near.read(new Uint8Array(8), controller.signal);
  const queued = pair.near.read(new Uint8Array(8), controller.signal);
  const others = readText(pair, 8);
  await engineTurn();
  controller.abort(new Error("Enough"));
  await assertRejects(() => reading, Error, "Enough");
  await assertRejects(() => queued, Error, "Enough");
  await pair.far.write(utf8("abc"));
  assertEquals(await others, "abc");
}, ringOnly);

leakTest("Receiver.read() rejects an aborted read that waits for a block", async () => {
  await using own = new TestEngine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  const pairs = Array.from({ length: 8 }, () => socketPairOn(own.engine));
  const controller = new AbortController();
  const reads = pairs.map(({ near }) => near.read(new Uint8Array(8), controller.signal));
  await engineTurn();
  for (const { far } of pairs) await far.write(utf8("abc"));
  // The kernel answers now: two reads get a block, the others are refused, and nobody knows yet.
  own.engine.submitNow();
  controller.abort(new Error("Enough"));
  const results = await Promise.allSettled(reads);
  assert(results.every(({ status }) => status === "rejected"));
  for (const pair of pairs) {
    assertEquals(await readText(pair, 8), "abc");
    pair[Symbol.dispose]();
  }
}, ringOnly);

leakTest("a closed Receiver that waits for a block lets its descriptor go", async () => {
  await using own = new TestEngine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  const pairs = Array.from({ length: 8 }, () => socketPairOn(own.engine));
  const reads = pairs.map(({ near }) => near.read(new Uint8Array(8)));
  await engineTurn();
  for (const { far } of pairs) await far.write(utf8("abc"));
  own.engine.submitNow();
  for (const pair of pairs) pair.near[Symbol.dispose]();
  const results = await Promise.allSettled(reads);
  assert(results.every(({ status }) => status === "rejected"));
  for (const pair of pairs) pair[Symbol.dispose]();
}, ringOnly);

leakTest("Receiver.read() rejects with TypeError when its buffer was transferred", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const buffer = new Uint8Array(8);
  const reading = pair.near.read(buffer);
  await engineTurn();
  const moved = buffer.buffer.transfer();
  await pair.far.write(utf8("abc"));
  await assertRejects(() => reading, TypeError, DETACHED);
  assertEquals(new Uint8Array(moved), new Uint8Array(8));
  assertEquals(await readText(pair, 8), "abc");
}, ringOnly);

leakTest(
  "Receiver.read() rejects with TypeError when a read before it left bytes for it",
  async () => {
    await using own = new TestEngine();
    using pair = socketPairOn(own.engine);
    await takeTurns(pair, STANDING_AFTER_READS + 3);
    const first = readText(pair, 2);
    const buffer = new Uint8Array(8);
    const second = pair.near.read(buffer);
    const third = readText(pair, 8);
    structuredClone(buffer, { transfer: [buffer.buffer] });
    await pair.far.write(utf8("abcdef"));
    assertEquals(await first, "ab");
    await assertRejects(() => second, TypeError, DETACHED);
    assertEquals(await third, "cdef");
  },
  ringOnly,
);

leakTest("Receiver.read() fills what is left of a buffer that shrank", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const memory = new ArrayBuffer(8, { maxByteLength: 4096 });
  const buffer = new Uint8Array(memory);
  const reading = pair.near.read(buffer);
  await engineTurn();
  memory.resize(2);
  await pair.far.write(utf8("abcdef"));
  assertEquals([await reading, ...buffer], [2, ...utf8("ab")]);
  assertEquals(await readText(pair, 8), "cdef");
}, ringOnly);

leakTest(
  "Receiver.read() tells of bytes at once, in memory that streams have in common",
  async () => {
    await using own = new TestEngine();
    using one = socketPairOn(own.engine);
    using other = socketPairOn(own.engine);
    const buffer = new Uint8Array(40_000);
    const bytes = patternBytes(300_000);
    const readAll = async ({ near }: EnginePair) => {
      const read = new Uint8Array(bytes.length);
      let total = 0;
      const taken = (count: number) => {
        read.set(buffer.subarray(0, count), total);
        total += count;
      };
      for (let round = 0; total < bytes.length; round++) {
        const room = buffer.subarray(0, [40_000, 100, 16_384][round % 3]);
        const before = total;
        assertEquals(
          await near.stream.receiver.read(room, undefined, false, taken),
          total - before,
        );
      }
      return read;
    };
    const reading = [readAll(one), readAll(other)];
    for (const pair of [one, other]) await pair.far.write(bytes.subarray(0, 100));
    const rest = bytes.subarray(100);
    await Promise.all([writeAll(one.far, rest), writeAll(other.far, rest)]);
    for (const read of await Promise.all(reading)) assertEquals(read, bytes);
  },
  ringOnly,
);

leakTest("Receiver reads into memory that threads share", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const buffer = new Uint8Array(new SharedArrayBuffer(8));
  await pair.far.write(utf8("abc"));
  assertEquals(await pair.near.read(buffer), 3);
  assertEquals([...buffer.subarray(0, 3)], [...utf8("abc")]);
}, ringOnly);

leakTest("Receiver moves bulk data with blocks of either size", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const bytes = patternBytes(3_000_000);
  const writing = writeAll(pair.far, bytes);
  const received = new Uint8Array(bytes.length);
  let at = 0;
  for (let round = 0; at < bytes.length; round++) {
    const length = [65_536, 100, 4096, 200_000][round % 4];
    at += (await pair.near.read(received.subarray(at, at + length)))!;
  }
  await writing;
  assert(received.every((byte, index) => byte === bytes[index]));
}, ringOnly);

async function readText(pair: EnginePair, byteLength: number): Promise<string | null> {
  const buffer = new Uint8Array(byteLength);
  const count = await pair.near.read(buffer);
  return count === null ? null : new TextDecoder().decode(buffer.subarray(0, count));
}
