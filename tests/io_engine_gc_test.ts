// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { Engine } from "../io/engine.ts";
import { type EnginePair, engineTurn, socketPairOn } from "./engine_streams.ts";
import { ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { patternBytes, readExactly, writeAll } from "./transfer.ts";

const PAIRS = 32;

/** How much is read and written at a time. */
interface Scenario {
  readonly name: string;
  readonly bufferBytes: number;
  readonly messageBytes: number;
  readonly rounds: number;
}

// Data: what goes through blocks of the engine, and what may go past them.
// deno-fmt-ignore
const SCENARIOS: readonly Scenario[] = [
  { name: "messages",  bufferBytes: 8192,    messageBytes: 300,     rounds: 20 },
  { name: "bulk data", bufferBytes: 262_144, messageBytes: 300_000, rounds: 4 },
];

/** What user code may do to a buffer while it is read into or written from. */
interface BufferFate {
  readonly name: string;
  make(byteLength: number): Uint8Array<ArrayBuffer>;
  /** Returns the buffer, or nothing where it is to be forgotten. */
  meet(buffer: Uint8Array<ArrayBuffer>): unknown;
  /** Bytes of the buffer that are left, from its start. */
  readonly left: number;
}

const KEPT_BYTES = 100;

// Data: ways to lose a buffer.
// deno-fmt-ignore
const FATES: readonly BufferFate[] = [
  { name: "dropped",                     left: Infinity,   make: fixed,     meet: () => undefined },
  { name: "transferred and dropped",     left: 0,          make: fixed,     meet: (buffer) => void buffer.buffer.transfer() },
  { name: "transferred to another size", left: 0,          make: fixed,     meet: (buffer) => void buffer.buffer.transfer(64) },
  { name: "moved by structuredClone()",  left: 0,          make: fixed,     meet: (buffer) => void structuredClone(buffer, { transfer: [buffer.buffer] }) },
  { name: "moved by postMessage()",      left: 0,          make: fixed,     meet: post },
  { name: "shrunk",                      left: KEPT_BYTES, make: resizable, meet: (buffer) => resize(buffer, KEPT_BYTES) },
  { name: "shrunk to nothing",           left: 0,          make: resizable, meet: (buffer) => resize(buffer, 0) },
  { name: "grown",                       left: Infinity,   make: resizable, meet: (buffer) => resize(buffer, 2 * buffer.length) },
];

for (const scenario of SCENARIOS) {
  for (const fate of FATES) {
    const ending = `whose buffers are ${fate.name} while the garbage is collected`;

    leakTest(`reads of ${scenario.name} survive ${ending}`, async () => {
      await using own = new TestEngine();
      await overPairs(own.engine, scenario, (pair, seed) => checkRead(pair, seed, scenario, fate));
    }, ringOnly);

    leakTest(`writes of ${scenario.name} survive ${ending}`, async () => {
      await using own = new TestEngine();
      await overPairs(
        own.engine,
        scenario,
        (pair, seed) => checkWrites(pair, seed, scenario, fate),
      );
    }, ringOnly);
  }
}

/** Has a read meet the fate; what its buffer has no room for goes to the next read. */
async function checkRead(
  pair: EnginePair,
  seed: number,
  { bufferBytes, messageBytes }: Scenario,
  { make, meet, left }: BufferFate,
): Promise<void> {
  const bytes = patternBytes(messageBytes, seed);
  let filled: Uint8Array | undefined;
  const reading = (() => {
    const buffer = make(bufferBytes);
    const answer = pair.near.read(buffer);
    const kept = meet(buffer);
    if (kept !== undefined) filled = buffer;
    return answer;
  })();
  // The reads of half of them have reached the kernel by then.
  if (seed % 2 === 0) await engineTurn();
  collectGarbage();
  const writing = writeAll(pair.far, bytes);
  const outcome = await reading.catch((error) => error);
  const count = typeof outcome === "number" ? outcome : 0;
  if (left === 0) assert(outcome instanceof TypeError, `${outcome}`);
  else assert(count > 0 && count <= Math.min(left, messageBytes), `${outcome}`);
  checkSame(filled?.subarray(0, count), bytes);
  checkSame(await readExactly(pair.near, messageBytes - count), bytes.subarray(count));
  await writing;
}

/** Has writes meet the fate, some of which wait; the peer gets what they say was written. */
async function checkWrites(
  pair: EnginePair,
  seed: number,
  { bufferBytes }: Scenario,
  { make, meet }: BufferFate,
): Promise<void> {
  const bytes = patternBytes(bufferBytes, seed);
  const writes = Array.from({ length: 3 }, () => {
    const buffer = make(bufferBytes);
    buffer.set(bytes);
    const writing = pair.far.write(buffer).catch((error) => error);
    meet(buffer);
    return writing;
  });
  collectGarbage();
  const expected = { byteLength: Infinity };
  const receiving = readUntil(pair, expected);
  const outcomes: (number | Error)[] = await Promise.all(writes);
  const counts = outcomes.map((outcome) => typeof outcome === "number" ? outcome : 0);
  assert(outcomes.every((outcome, index) => counts[index] > 0 || outcome instanceof TypeError));
  expected.byteLength = counts.reduce((sum, count) => sum + count, 1);
  await writeAll(pair.far, new Uint8Array(1));
  const received = await receiving;
  for (let at = 0; counts.length > 0;) {
    const count = counts.shift()!;
    checkSame(received.subarray(at, at += count), bytes);
  }
}

async function readUntil(
  pair: EnginePair,
  expected: { byteLength: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  for (let received = 0; received < expected.byteLength;) {
    const block = new Uint8Array(65_536);
    const count = await pair.near.read(block);
    blocks.push(block.subarray(0, count!));
    received += count!;
  }
  return await new Blob(blocks).bytes();
}

/** Compares bytes with the first of those expected. */
function checkSame(actual: Uint8Array | undefined, expected: Uint8Array): void {
  assertEquals(actual?.findIndex((byte, index) => byte !== expected[index]) ?? -1, -1);
}

/** Runs something on several pairs at once, again and again. */
async function overPairs(
  engine: Engine,
  { rounds }: Scenario,
  body: (pair: EnginePair, seed: number) => Promise<void>,
): Promise<void> {
  const pairs = Array.from({ length: PAIRS }, () => socketPairOn(engine));
  for (let round = 0; round < rounds; round++) {
    await Promise.all(pairs.map((pair, index) => body(pair, round * PAIRS + index)));
  }
  for (const pair of pairs) pair[Symbol.dispose]();
}

let collections = 0;

/** Collects all garbage, now and then, and makes some that takes the place of what was freed. */
function collectGarbage(): void {
  const { gc } = globalThis as { gc?: (options?: { type: "minor" }) => void };
  assert(gc, "Run the tests with --v8-flags=--expose-gc");
  if (collections++ % 16 === 0) gc(collections % 64 === 1 ? undefined : { type: "minor" });
  new Uint8Array(8192).fill(0xaa);
}

function fixed(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(byteLength);
}

function resizable(byteLength: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(new ArrayBuffer(byteLength, { maxByteLength: 2 * byteLength }));
}

function resize(buffer: Uint8Array<ArrayBuffer>, byteLength: number): Uint8Array<ArrayBuffer> {
  buffer.buffer.resize(byteLength);
  return buffer;
}

function post(buffer: Uint8Array<ArrayBuffer>): void {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(buffer, [buffer.buffer]);
  port1.close();
  port2.close();
}
