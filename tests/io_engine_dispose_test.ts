// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Op } from "../ffi/abi.ts";
import { Engine } from "../io/engine.ts";
import { engineTurn, pipeOn, RawPipe, receive, socketPairOn, takeTurns } from "./engine_streams.ts";
import { ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { patternBytes, utf8 } from "./transfer.ts";

const POLLIN = 1;

leakTest("disposing an Engine settles every read that waits, queued ones too", async () => {
  const engine = new Engine({ smallReceiveBlocks: 4, largeReceiveBlocks: 2 });
  const pair = socketPairOn(engine);
  const reads = [pair.near, pair.near, pair.near, pair.far].map((conn) =>
    conn.read(new Uint8Array(8))
  );
  const settled = Promise.allSettled(reads);
  engine[Symbol.dispose]();
  assertEquals((await settled).map(({ status }) => status), new Array(4).fill("rejected"));
  assertEquals(engine.pending, 0);
  pair[Symbol.dispose]();
}, ringOnly);

leakTest("disposing an Engine settles a standing receive", async () => {
  const engine = new Engine({ smallReceiveBlocks: 4, largeReceiveBlocks: 2 });
  const pair = socketPairOn(engine);
  await takeTurns(pair, 10);
  const reading = Promise.allSettled([pair.near.read(new Uint8Array(8))]);
  await engineTurn();
  engine[Symbol.dispose]();
  assertEquals((await reading)[0].status, "rejected");
  assertEquals(engine.statistics.pending, 0);
  pair[Symbol.dispose]();
}, ringOnly);

leakTest("disposing an Engine sends what was written before", async () => {
  await using other = new TestEngine();
  const engine = new Engine({ smallReceiveBlocks: 4, largeReceiveBlocks: 2 });
  const pair = socketPairOn(engine, other.engine);
  const bytes = patternBytes(50_000);
  assertEquals(await pair.near.write(bytes), 50_000);
  engine[Symbol.dispose]();
  await receive(pair.far, bytes, 65_536);
  pair[Symbol.dispose]();
}, ringOnly);

leakTest("disposing an Engine gives up what a peer never reads", async () => {
  const engine = new Engine({ smallReceiveBlocks: 4, largeReceiveBlocks: 2 });
  const pair = socketPairOn(engine);
  const block = new Uint8Array(65_536);
  const writes = Promise.allSettled(Array.from({ length: 20 }, () => pair.near.write(block)));
  await engineTurn();
  const started = performance.now();
  engine[Symbol.dispose]();
  assert(performance.now() - started < 1000);
  assertEquals([engine.statistics.pending, engine.statistics.leased], [0, 0]);
  await writes;
  pair[Symbol.dispose]();
}, ringOnly);

leakTest("disposing an Engine twice does nothing more", () => {
  const engine = new Engine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  engine[Symbol.dispose]();
  engine[Symbol.dispose]();
}, ringOnly);

leakTest("a disposed Engine throws BadResource, and holds nothing for it", async () => {
  const engine = new Engine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  const pair = socketPairOn(engine);
  engine[Symbol.dispose]();
  const { BadResource } = Deno.errors;
  const handler = { complete() {} };
  assertThrows(() => engine.submit(handler, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0), BadResource);
  assertThrows(() => engine.cancelDescriptor(0), BadResource);
  assertThrows(() => engine.submitNow(), BadResource);
  await assertRejects(() => pair.near.read(new Uint8Array(8)), BadResource);
  // The first write is still accepted, as it is when a peer is gone; it cannot leave.
  assertEquals(await pair.near.write(utf8("late")), 4);
  await assertRejects(() => pair.near.write(utf8("later")), BadResource);
  assertEquals([engine.statistics.pending, engine.statistics.leased], [0, 0]);
  pair[Symbol.dispose]();
}, ringOnly);

leakTest("closing a stream after its Engine closes the descriptor", async () => {
  const engine = new Engine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  const pairs = [socketPairOn(engine), pipeOn(engine)];
  await engineTurn();
  engine[Symbol.dispose]();
  for (const pair of pairs) pair[Symbol.dispose]();
}, ringOnly);

leakTest("an Engine that sleeps can be disposed, and wakes no more", async () => {
  const engine = new Engine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  using pipe = new RawPipe();
  const polling = new Promise<number>((complete) => {
    engine.submit({ complete }, true, Op.POLL_ADD, pipe.reader, 0, 0, 0, 0, 0, POLLIN);
  });
  while (engine.statistics.sleeps === 0) await engineTurn();
  engine.startTimer(1, () => assert(false, "A timer ran after the end"));
  engine[Symbol.dispose]();
  assert(await polling < 0);
  const { turns } = engine.statistics;
  await new Promise((resolve) => setTimeout(resolve, 20));
  assertEquals(engine.statistics.turns, turns);
}, ringOnly);

leakTest("an Engine can be disposed by a handler of its own", async () => {
  const engine = new Engine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  let answered = 0;
  await new Promise<void>((resolve) => {
    const complete = () => {
      answered++;
      engine[Symbol.dispose]();
      resolve();
    };
    for (let count = 0; count < 3; count++) {
      engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
    }
  });
  assertEquals([answered, engine.pending], [3, 0]);
}, ringOnly);
