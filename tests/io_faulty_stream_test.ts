// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import { readFull, writeAll } from "../io/byte_stream.ts";
import { type FaultKind, type FaultPlan, FaultyStream } from "../io/faulty_stream.ts";
import { type MemoryConn, memoryDuplex } from "../io/memory_duplex.ts";

const { BadResource, BrokenPipe, ConnectionAborted, ConnectionReset, Interrupted } = Deno.errors;

/** No chance at all: only the faults that a test asks for. */
const CALM = { shortReadRate: 0, shortWriteRate: 0, delayRate: 0 } satisfies FaultPlan;

function faultyPair(plan: FaultPlan): [MemoryConn, FaultyStream] {
  const [peer, conn] = memoryDuplex();
  return [peer, new FaultyStream(conn, plan)];
}

/** Sizes of the reads and writes that it takes to move 200 bytes each way. */
async function record(plan: FaultPlan): Promise<{ reads: number[]; writes: number[] }> {
  const [peer, faulty] = faultyPair(plan);
  const reads: number[] = [];
  const writes: number[] = [];
  await peer.write(new Uint8Array(200));
  while (faulty.bytesRead < 200) reads.push((await faulty.read(new Uint8Array(50)))!);
  while (faulty.bytesWritten < 200) writes.push(await faulty.write(new Uint8Array(50)));
  faulty.close();
  return { reads, writes };
}

Deno.test("FaultyStream does the same again with the same seed", async () => {
  assertEquals(await record({ seed: 42 }), await record({ seed: 42 }));
});

Deno.test("FaultyStream does something else with another seed", async () => {
  const first = await record({ seed: 1 });
  const second = await record({ seed: 2 });
  assert(String(first.reads) !== String(second.reads));
  assert(String(first.writes) !== String(second.writes));
});

Deno.test("FaultyStream cuts reads and writes short at the rates of the plan", async () => {
  const { reads, writes } = await record({ shortReadRate: 1, shortWriteRate: 0 });
  assert(reads.some((size) => size < 50));
  assertEquals(writes, [50, 50, 50, 50]);
});

Deno.test("FaultyStream delivers every byte in order whatever the seed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer(), fc.uint8Array({ maxLength: 300 }), async (seed, sent) => {
      const [left, right] = memoryDuplex({ bufferBytes: 32 });
      using sender = new FaultyStream(left, { seed });
      using receiver = new FaultyStream(right, { seed: ~seed });
      const received = new Uint8Array(sent.length);
      const [, count] = await Promise.all([writeAll(sender, sent), readFull(receiver, received)]);
      assertEquals(count, sent.length);
      assertEquals([...received], [...sent]);
    }),
    { seed: 9, numRuns: 50 },
  );
});

Deno.test("FaultyStream answers delayed calls in the order they were made", async () => {
  const [peer, faulty] = faultyPair({ delayRate: 1, delayTurnsMax: 5, shortReadRate: 0 });
  await peer.write(new Uint8Array([1, 2, 3, 4]));
  const buffers = [0, 1, 2, 3].map(() => new Uint8Array(1));
  await Promise.all(buffers.map((buffer) => faulty.read(buffer)));
  assertEquals(buffers.map(([byte]) => byte), [1, 2, 3, 4]);
  faulty.close();
});

const FAILURES: [FaultKind, new (message: string) => Error][] = [
  ["reset", ConnectionReset],
  ["abort", ConnectionAborted],
];

for (const [kind, errorClass] of FAILURES) {
  Deno.test(`FaultyStream.read() fails after exactly the bytes before a ${kind}`, async () => {
    const [peer, faulty] = faultyPair({ ...CALM, readFault: { at: 3, kind } });
    await peer.write(new Uint8Array(8));
    assertEquals(await faulty.read(new Uint8Array(8)), 3);
    await assertRejects(() => faulty.read(new Uint8Array(8)), errorClass);
    assertEquals(await faulty.read(new Uint8Array(8)), null);
    await assertRejects(() => faulty.write(new Uint8Array(8)), BrokenPipe);
    faulty.close();
  });

  Deno.test(`FaultyStream.write() fails after exactly the bytes before a ${kind}`, async () => {
    const [peer, faulty] = faultyPair({ ...CALM, writeFault: { at: 3, kind } });
    assertEquals(await faulty.write(new Uint8Array(8)), 3);
    await assertRejects(() => faulty.write(new Uint8Array(8)), errorClass);
    assertEquals(await peer.read(new Uint8Array(8)), 3);
    assertEquals(await peer.read(new Uint8Array(8)), null);
    faulty.close();
  });
}

Deno.test("FaultyStream.read() gives null after exactly the bytes before an end", async () => {
  const [peer, faulty] = faultyPair({ ...CALM, readFault: { at: 3, kind: "end" } });
  await peer.write(new Uint8Array(8));
  assertEquals(await faulty.read(new Uint8Array(8)), 3);
  assertEquals(await faulty.read(new Uint8Array(8)), null);
  assertEquals(await faulty.write(new Uint8Array(8)), 8);
  faulty.close();
});

Deno.test("FaultyStream.write() rejects with BrokenPipe after an end", async () => {
  const [, faulty] = faultyPair({ ...CALM, writeFault: { at: 3, kind: "end" } });
  await assertRejects(() => writeAll(faulty, new Uint8Array(8)), BrokenPipe);
  assertEquals(faulty.bytesWritten, 3);
  faulty.close();
});

Deno.test("FaultyStream rejects a pending read when a write fault breaks it", async () => {
  const [, faulty] = faultyPair({ ...CALM, writeFault: { at: 0, kind: "reset" } });
  const reading = assertRejects(() => faulty.read(new Uint8Array(8)), ConnectionReset);
  await assertRejects(() => faulty.write(new Uint8Array(8)), ConnectionReset);
  await reading;
  faulty.close();
});

Deno.test("FaultyStream.close() rejects waiting and delayed calls with Interrupted", async () => {
  const [, faulty] = faultyPair({ delayRate: 1 });
  const reads = [faulty.read(new Uint8Array(8)), faulty.read(new Uint8Array(8))];
  const rejections = reads.map((read) => assertRejects(() => read, Interrupted));
  faulty.close();
  await Promise.all(rejections);
});

Deno.test("FaultyStream rejects with BadResource once it is closed", async () => {
  const [, faulty] = faultyPair(CALM);
  faulty.close();
  await assertRejects(() => faulty.read(new Uint8Array(8)), BadResource);
  await assertRejects(() => faulty.write(new Uint8Array(8)), BadResource);
  await assertRejects(() => faulty.closeWrite(), BadResource);
  assertThrows(() => faulty.close(), BadResource);
  faulty[Symbol.dispose]();
});

Deno.test("FaultyStream.closeWrite() ends the stream after what was written before", async () => {
  const [peer, faulty] = faultyPair({ delayRate: 1, shortWriteRate: 0 });
  const writing = faulty.write(new Uint8Array(8));
  await faulty.closeWrite();
  assertEquals(await writing, 8);
  assertEquals(await peer.read(new Uint8Array(9)), 8);
  assertEquals(await peer.read(new Uint8Array(9)), null);
  faulty.close();
});

Deno.test("FaultyStream makes streams fail", async () => {
  const [peer, faulty] = faultyPair({ seed: 3, readFault: { at: 5, kind: "reset" } });
  await peer.write(new Uint8Array(8));
  await assertRejects(() => new Response(faulty.readable).bytes(), ConnectionReset);
  assertThrows(() => faulty.close(), BadResource);
});

Deno.test("FaultyStream refuses a plan that makes no sense", () => {
  const [conn] = memoryDuplex();
  const plans: FaultPlan[] = [
    { delayRate: 1.5 },
    { shortReadRate: -1 },
    { delayTurnsMax: 0.5 },
    { readFault: { at: -1, kind: "end" } },
  ];
  for (const plan of plans) {
    assertThrows(() => new FaultyStream(conn, plan), RangeError, "Cannot plan faults");
  }
});
