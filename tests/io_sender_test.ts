// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { LARGE_BLOCK_BYTES, type Lease } from "../io/buffer_pool.ts";
import type { Engine } from "../io/engine.ts";
import { WRITE_BYTES_MAX, WRITE_QUEUE_BYTES_MAX } from "../io/segment_queue.ts";
import { WRITES_WAITING_MAX } from "../io/sender.ts";
import { type EngineConn, engineTurn, pipeOn, receive, socketPairOn } from "./engine_streams.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import { ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";

leakTest("Sender.write() takes a copy: the buffer may change at once", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const bytes = utf8("before");
  assertEquals(await pair.far.write(bytes), 6);
  bytes.fill(0);
  assertEquals(await readExactly(pair.near, 6), utf8("before"));
}, ringOnly);

leakTest("Sender.write() queues 64 KiB at most, and says so", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const byteLength = WRITE_BYTES_MAX + 1;
  // Memory that may shrink under the kernel is copied.
  const bytes = new Uint8Array(new ArrayBuffer(byteLength, { maxByteLength: byteLength }));
  bytes.set(patternBytes(byteLength));
  assertEquals(await pair.far.write(bytes), WRITE_BYTES_MAX);
  await receive(pair.near, bytes.subarray(0, WRITE_BYTES_MAX), 65_536);
}, ringOnly);

leakTest("Sender.write() sends a large buffer from where it is", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const bytes = patternBytes(100_000);
  const count = await pair.far.write(bytes);
  assert(count > 0);
  assertEquals(own.engine.pool.leased, 0);
  await receive(pair.near, bytes.subarray(0, count), 65_536);
}, ringOnly);

leakTest("Sender.write() lets a large write wait for what is queued before it", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const bytes = patternBytes(40_000);
  const writes = [
    pair.far.write(bytes.subarray(0, 10)),
    pair.far.write(bytes.subarray(10, 30_010)),
    pair.far.write(bytes.subarray(30_010, 30_020)),
  ];
  await receive(pair.near, bytes.subarray(0, 30_020), 4096);
  assertEquals(await Promise.all(writes), [10, 30_000, 10]);
}, ringOnly);

leakTest("Sender sends all that one turn wrote by one system call, when it is alone", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const lines = await writeLines(pair.far);
  assertEquals(own.engine.statistics.completions, 0);
  assertEquals(new TextDecoder().decode(await readExactly(pair.near, lines.length)), lines);
}, ringOnly);

leakTest("Senders send all that one turn wrote in one operation each", async () => {
  await using own = new TestEngine();
  using one = socketPairOn(own.engine);
  using other = socketPairOn(own.engine);
  const [lines] = await Promise.all([writeLines(one.far), writeLines(other.far)]);
  await own.engine.whenIdle();
  assertEquals(own.engine.statistics.completions, 2);
  for (const { near } of [one, other]) {
    assertEquals(new TextDecoder().decode(await readExactly(near, lines.length)), lines);
  }
}, ringOnly);

leakTest("Sender leaves to the ring what the socket does not take at once", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  setSocketOption(pair.far.stream.fd, "sendBufferBytes", 1);
  const bytes = patternBytes(15_000);
  await pair.far.write(bytes);
  await receive(pair.near, bytes, 10_000);
  await own.engine.whenIdle();
  assertEquals(own.engine.statistics.pending, 0);
}, ringOnly);

leakTest("Sender lets writes wait that a slow peer leaves no room for, in order", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const bytes = patternBytes(1_000_000);
  const writes: Promise<number>[] = [];
  for (let at = 0; at < bytes.length; at += 10_000) {
    writes.push(pair.far.stream.sender.writev([bytes.subarray(at, at + 10_000)]));
  }
  let answered = 0;
  for (const write of writes) write.then(() => answered++);
  for (let round = 0; round < 10; round++) await engineTurn();
  assert(answered < writes.length, "All were accepted although nobody read");
  assert(own.engine.pool.leased * LARGE_BLOCK_BYTES <= WRITE_QUEUE_BYTES_MAX + LARGE_BLOCK_BYTES);
  await receive(pair.near, bytes, 65_536);
  assertEquals(new Set(await Promise.all(writes)), new Set([10_000]));
}, ringOnly);

leakTest(`Sender.write() rejects with Busy beyond ${WRITES_WAITING_MAX} that wait`, async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await fill(pair.far);
  const writes = Array.from({ length: WRITES_WAITING_MAX }, () => pair.far.write(utf8("x")));
  await assertRejects(() => pair.far.write(utf8("y")), Deno.errors.Busy, "Cannot write");
  pair.far[Symbol.dispose]();
  pair.far.stream.sender.discard();
  const results = await Promise.allSettled(writes);
  assert(results.every(({ status }) => status === "rejected"));
}, ringOnly);

leakTest("Sender.write() rejects with the reason of a signal, and the others go on", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const filled = await fill(pair.far);
  const controller = new AbortController();
  const aborted = pair.far.write(utf8("never"), controller.signal);
  const later = pair.far.write(utf8("later"));
  controller.abort(new Error("Enough"));
  await assertRejects(() => aborted, Error, "Enough");
  await readExactly(pair.near, filled);
  assertEquals(await later, 5);
  assertEquals(await readExactly(pair.near, 5), utf8("later"));
}, ringOnly);

leakTest(
  "Sender.write() rejects with TypeError when a waiting buffer was transferred",
  async () => {
    await using own = new TestEngine();
    using pair = socketPairOn(own.engine);
    const filled = await fill(pair.far);
    const memory = new ArrayBuffer(8, { maxByteLength: 16 });
    const [moved, shrunk, later] = [utf8("moved"), new Uint8Array(memory), utf8("later")];
    shrunk.set(utf8("shrunk!!"));
    const writes = [moved, shrunk, later].map((bytes) => pair.far.write(bytes));
    structuredClone(moved, { transfer: [moved.buffer] });
    memory.resize(3);
    const rejecting = assertRejects(() => writes[0], TypeError, "Cannot write buffer");
    await readExactly(pair.near, filled);
    await rejecting;
    assertEquals([await writes[1], await writes[2]], [3, 5]);
    assertEquals(await readExactly(pair.near, 8), utf8("shrlater"));
  },
  ringOnly,
);

leakTest("Sender.write() rejects with BrokenPipe once the peer is gone", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await fill(pair.far);
  pair.near[Symbol.dispose]();
  // What the sender accepted by then is lost, as what the kernel accepted would be.
  await assertRejects(() => pair.far.stream.sender.drained(), Deno.errors.BrokenPipe);
  const error = await assertRejects(() => pair.far.write(utf8("late")), Deno.errors.BrokenPipe);
  assertEquals((error as Error & { code: string }).code, "EPIPE");
}, ringOnly);

leakTest(
  "Sender.write() of a lease copies nothing and holds the block until it is sent",
  async () => {
    await using own = new TestEngine();
    using pair = socketPairOn(own.engine);
    const filled = await fillSocket(pair.far);
    const lease = leaseOf(own.engine, patternBytes(5000));
    assertEquals(await pair.far.write(lease.bytes), 5000);
    lease.release();
    using other = own.engine.pool.lease();
    assertNotEquals(other.bytes.byteOffset, lease.bytes.byteOffset);
    other.bytes.fill(0xff);
    await readExactly(pair.near, filled);
    await receive(pair.near, patternBytes(5000), 5000);
    await pair.far.stream.sender.drained();
    assertEquals(own.engine.pool.leased, 1);
  },
  ringOnly,
);

leakTest("Sender.write() copies what is left of a lease that was given back", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const lease = leaseOf(own.engine, patternBytes(5000));
  lease.release();
  assertEquals(await pair.far.write(lease.bytes), 5000);
  // The same block: it must neither be sent from here nor be freed twice.
  using first = own.engine.pool.lease();
  first.bytes.fill(0xff);
  await receive(pair.near, patternBytes(5000), 5000);
  using second = own.engine.pool.lease();
  assertNotEquals(first.bytes.byteOffset, second.bytes.byteOffset);
}, ringOnly);

leakTest("Sender.write() of one lease goes to 300 streams at once", async () => {
  await using own = new TestEngine();
  const pairs = Array.from({ length: 300 }, () => socketPairOn(own.engine));
  const bytes = patternBytes(20_000);
  const lease = leaseOf(own.engine, bytes);
  await Promise.all(pairs.map(({ far }) => far.write(lease.bytes)));
  lease.release();
  await Promise.all(pairs.map(({ near }) => receive(near, bytes, 65_536)));
  for (const pair of pairs) pair[Symbol.dispose]();
}, ringOnly);

leakTest("Sender lets writes wait while every block is lent, and goes on", async () => {
  await using own = new TestEngine();
  const { pool } = own.engine;
  const offsets: number[] = [];
  for (let offset = pool.take(1); offset >= 0; offset = pool.take(1)) offsets.push(offset);
  const pairs = Array.from({ length: 10 }, () => socketPairOn(own.engine));
  let answered = 0;
  const writes = pairs.map(({ far }, index) => far.write(patternBytes(100, index)));
  for (const write of writes) write.then(() => answered++);
  await engineTurn();
  assertEquals(answered, 0);
  // One block serves them all, one after the other.
  pool.release(offsets.pop()!);
  await Promise.all(pairs.map(({ near }, index) => receive(near, patternBytes(100, index), 100)));
  assertEquals(await Promise.all(writes), new Array(10).fill(100));
  for (const offset of offsets) pool.release(offset);
  for (const pair of pairs) pair[Symbol.dispose]();
}, ringOnly);

leakTest("closing a stream still sends what was written, and rejects what waits", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const filled = await fill(pair.far);
  const waiting = pair.far.write(utf8("waiting"));
  pair.far[Symbol.dispose]();
  await assertRejects(() => waiting, Deno.errors.Interrupted);
  assertEquals((await readToEnd(pair.near)).length, filled);
}, ringOnly);

leakTest("Sender.discard() gives up what a peer does not read", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  await fill(pair.far);
  pair.far[Symbol.dispose]();
  pair.far.stream.sender.discard();
  await own.engine.whenIdle();
  assertEquals(own.engine.statistics.leased, 0);
}, ringOnly);

leakTest("Sender.end() waits until all has left, and then refuses writes", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  const filled = await fill(pair.far);
  let ended = false;
  const ending = pair.far.stream.sender.end().then(() => ended = true);
  await engineTurn();
  assertEquals(ended, false);
  await readExactly(pair.near, filled);
  await ending;
  await assertRejects(() => pair.far.write(utf8("late")), Deno.errors.BrokenPipe);
}, ringOnly);

leakTest("Sender writes to a pipe as it does to a socket", async () => {
  await using own = new TestEngine();
  using pair = pipeOn(own.engine);
  const bytes = patternBytes(1_000_000);
  await Promise.all([writeAll(pair.far, bytes), receive(pair.near, bytes, 65_536)]);
  pair.near[Symbol.dispose]();
  await own.engine.whenIdle();
  await pair.far.write(utf8("to nobody"));
  await assertRejects(() => pair.far.stream.sender.drained(), Deno.errors.BrokenPipe);
}, ringOnly);

/** Writes until a write waits, and gives the bytes that were taken. */
async function fill(conn: EngineConn): Promise<number> {
  // Small enough to be queued: a large write waits while the queue still has room.
  const block = new Uint8Array(8192);
  const pause = new AbortController();
  const full = new Error("The peer takes no more");
  for (let taken = 0;;) {
    const timer = setTimeout(() => pause.abort(full), 20);
    try {
      taken += await conn.write(block, pause.signal);
    } catch (error) {
      assertEquals(error, full);
      return taken;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Writes until the kernel takes no more, with room left in the queue; gives the bytes. */
async function fillSocket(conn: EngineConn): Promise<number> {
  const block = new Uint8Array(8192);
  for (let taken = 0;;) {
    taken += await conn.write(block);
    await engineTurn();
    if (conn.stream.sender.busy) return taken;
  }
}

function leaseOf(engine: Engine, bytes: Uint8Array): Lease {
  const lease = engine.pool.lease(bytes.length);
  lease.bytes.set(bytes);
  return lease;
}

/** Writes 30 lines of its own each, and gives the text that they make. */
async function writeLines(conn: EngineConn): Promise<string> {
  const lines = Array.from({ length: 30 }, (_, index) => `line ${index}\n`);
  await Promise.all(lines.map((line) => conn.write(utf8(line))));
  return lines.join("");
}

leakTest("a closed stream leaves a descriptor alone that got its number", async () => {
  await using own = new TestEngine();
  const before = socketPairOn(own.engine);
  const { near } = before;
  const { fd } = near.stream;
  before[Symbol.dispose]();
  await own.engine.whenIdle();
  using after = socketPairOn(own.engine);
  assert([after.near.stream.fd, after.far.stream.fd].includes(fd), "the number was not reused");
  await after.near.write(utf8("mine"));
  await after.far.write(utf8("mine"));
  for (const bytes of [utf8("not yours"), patternBytes(100_000)]) {
    await assertRejects(() => near.write(bytes), Deno.errors.Interrupted);
    await assertRejects(() => near.stream.sender.writev([bytes]), Deno.errors.Interrupted);
    assertThrows(() => near.stream.sender.writeNow(bytes), Deno.errors.Interrupted);
    assertEquals(near.stream.sender.offer(bytes), -1);
  }
  assertEquals(near.stream.sender.reserve(10), -1);
  await assertRejects(() => near.read(new Uint8Array(9)), Deno.errors.Interrupted);
  for (const end of [after.near, after.far]) {
    const p = new Uint8Array(9);
    assertEquals(p.subarray(0, await end.read(p) ?? 0), utf8("mine"));
  }
}, ringOnly);
