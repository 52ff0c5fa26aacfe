// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { engineStatistics, openEngine } from "../io/engine_info.ts";
import { WRITE_QUEUE_BYTES_MAX } from "../io/segment_queue.ts";
import { LARGE_BLOCK_BYTES } from "../io/buffer_pool.ts";
import type { StreamConn } from "../net/stream_conn.ts";
import { socketPair } from "../net/socket_pair.ts";
import { leakTest } from "./leak.ts";
import { nextImmediate } from "./net_moments.ts";
import { pairOver, ringTest, tcpPair } from "./net_pair.ts";
import type { SocketFamily } from "./servers.ts";
import { patternBytes, readExactly, readToEnd } from "./transfer.ts";

// Peers that leave, reset, stall or stop reading, and what is under way meanwhile.

const { BadResource, BrokenPipe, ConnectionReset, Interrupted, TimedOut } = Deno.errors;

const LARGE_BYTES = 8 * 1024 * 1024;

type Conn = StreamConn<Deno.Addr>;

ringTest("a reset while writing rejects the write that waits and every later one", async () => {
  using pair = await tcpPair();
  const writing = writeForever(pair.client);
  await readExactly(pair.server, 1_000_000);
  reset(pair.server);
  assertGone(await writing);
  assertGone(await pair.client.write(new Uint8Array(1)).catch((error: unknown) => error));
});

ringTest("a reset while a writev() waits rejects it", async () => {
  using pair = await tcpPair();
  const writing = pair.client.writev([patternBytes(LARGE_BYTES), patternBytes(LARGE_BYTES)]);
  const ending = writing.catch((error: unknown) => error);
  await readExactly(pair.server, 1_000_000);
  reset(pair.server);
  assertGone(await ending);
});

ringTest("a reset while closeWrite() waits rejects it", async () => {
  using pair = await tcpPair();
  const writing = pair.client.writeAll(patternBytes(LARGE_BYTES)).catch((error: unknown) => error);
  await readExactly(pair.server, 100_000);
  const closing = pair.client.closeWrite().catch((error: unknown) => error);
  reset(pair.server);
  assertGone(await writing);
  const error = await closing;
  assert(error === undefined || error instanceof Error);
});

ringTest("a reset ends every read that waits", async () => {
  using pair = await tcpPair();
  const reads = [1, 2, 3].map(() => pair.client.read(new Uint8Array(1)));
  const first = assertRejects(() => reads[0], ConnectionReset);
  reset(pair.server);
  await first;
  // The kernel tells of a reset once, then of the end.
  for (const read of reads.slice(1)) {
    const result = await read.catch((error: unknown) => error);
    assert(result === null || result instanceof ConnectionReset);
  }
});

ringTest("a reset lets bytes that had come before be read", async () => {
  using pair = await tcpPair();
  await pair.server.write(new Uint8Array([1, 2, 3]));
  await pair.client.peek(new Uint8Array(1));
  reset(pair.server);
  assertEquals(await readExactly(pair.client, 3), new Uint8Array([1, 2, 3]));
  await assertRejects(() => pair.client.read(new Uint8Array(1)), ConnectionReset);
});

for (const waiting of [false, true]) {
  const whose = waiting ? "a read that waits behind it" : "the next read";
  ringTest(`a reset that an aborted read has won shows in ${whose}`, async () => {
    using pair = await tcpPair();
    const abort = new AbortController();
    const read = (signal?: AbortSignal) =>
      pair.client.read(new Uint8Array(1), signal && { signal }).catch((error: unknown) => error);
    const first = read(abort.signal);
    const second = waiting ? read() : undefined;
    for (let turn = 0; turn < 10; turn++) await nextImmediate();
    reset(pair.server);
    // The reset is over, and its completion is there, before the engine looks.
    for (let call = 0; call < 3; call++) openEngine().submitNow();
    abort.abort(new Error("enough"));
    assertEquals(await first, abort.signal.reason);
    const error = await (second ?? read());
    assert(error instanceof ConnectionReset, String(error));
  });
}

ringTest("a reset of a turn-taking connection shows, with or without a read", async () => {
  for (const waiting of [true, false]) {
    using pair = await tcpPair();
    await takeTurns(pair.client, pair.server, 10);
    const read = () => pair.client.read(new Uint8Array(1)).catch((error: unknown) => error);
    const reading = waiting ? read() : undefined;
    reset(pair.server);
    for (let turn = 0; turn < 10; turn++) await nextImmediate();
    const error = await (reading ?? read());
    assert(error instanceof ConnectionReset, String(error));
  }
});

type Cases = Record<string, (family: SocketFamily) => Promise<void>>;

/** What holds for TCP and Unix sockets alike. */
const CASES: Cases = {
  "both ends half close with data in flight": async (family) => {
    using pair = await pairOver(family);
    const ends = [pair.client, pair.server];
    const writes = ends.map((conn, i) =>
      conn.writeAll(patternBytes(2_000_000, i)).then(() => conn.closeWrite())
    );
    const received = await Promise.all(ends.map((conn) => readToEnd(conn)));
    await Promise.all(writes);
    assertEquals(await digest(received[0]), await digest(patternBytes(2_000_000, 1)));
    assertEquals(await digest(received[1]), await digest(patternBytes(2_000_000, 0)));
  },

  "a half-closed connection still carries the other direction": async (family) => {
    using pair = await pairOver(family);
    await pair.client.closeWrite();
    assertEquals(await pair.server.read(new Uint8Array(1)), null);
    const sent = patternBytes(2_000_000);
    const writing = pair.server.writeAll(sent).then(() => pair.server.closeWrite());
    assertEquals(await digest(await readToEnd(pair.client)), await digest(sent));
    await writing;
  },

  "a slow reader gets 8 MiB, and holds no more than the write queue": async (family) => {
    using pair = await pairOver(family);
    const sent = patternBytes(LARGE_BYTES);
    let leasedMax = 0;
    const writing = pair.client.writeAll(sent).then(() => pair.client.closeWrite());
    const received = new Uint8Array(LARGE_BYTES);
    let length = 0;
    for (let calls = 0; length < LARGE_BYTES; calls++) {
      if (calls % 8 === 0) await nextImmediate();
      leasedMax = Math.max(leasedMax, engineStatistics().leased);
      const count = await pair.server.read(received.subarray(length, length + 10_007));
      length += count ?? LARGE_BYTES;
    }
    await writing;
    assertEquals(await digest(received), await digest(sent));
    // One block more: the first of the queue may be a small one.
    assertLess(leasedMax, WRITE_QUEUE_BYTES_MAX / LARGE_BLOCK_BYTES + 2);
  },

  "a peer that does not read stops its writer": async (family) => {
    using pair = await pairOver(family);
    pair.client.setWriteTimeout(50);
    const block = new Uint8Array(100_000);
    let written = 0;
    await assertRejects(async () => {
      for (;;) written += await pair.client.write(block);
    }, TimedOut);
    const { leased } = engineStatistics();
    assertLess(leased, WRITE_QUEUE_BYTES_MAX / LARGE_BLOCK_BYTES + 2);
    // The kernel's own buffers grow to 4 MiB at the sender and 6 at the receiver.
    assertLess(written, 16 * 1024 * 1024);
    await drain(pair.server, written);
  },

  "what is written right before close() arrives in full": async (family) => {
    for (const length of [1, 4095, 4096, 4097, 65_536, 65_537, 131_072]) {
      using pair = await pairOver(family);
      const sent = patternBytes(length);
      await pair.client.writeAll(sent);
      pair.client.close();
      assertEquals(await readToEnd(pair.server), sent);
    }
  },

  "bytes in flight to a connection that closes are nobody's": async (family) => {
    for (let round = 0; round < 50; round++) {
      using pair = await pairOver(family);
      const reading = pair.server.read(new Uint8Array(100)).catch((error: unknown) => error);
      pair.client.write(new Uint8Array(100));
      for (let turn = 0; turn < round % 7; turn++) await nextImmediate();
      pair.server.close();
      const result = await reading;
      assert(result === 100 || result instanceof Interrupted, String(result));
    }
  },

  "a turn-taking connection closes while its peer goes on sending": async (family) => {
    using pair = await pairOver(family);
    await takeTurns(pair.client, pair.server, 10);
    const writing = writeForever(pair.server);
    for (let turn = 0; turn < 5; turn++) await nextImmediate();
    pair.client.close();
    assertGone(await writing);
  },

  "a turn-taking connection takes no more than it reads": async (family) => {
    using pair = await pairOver(family);
    await takeTurns(pair.client, pair.server, 10);
    // Nobody reads at the client from here on: the server has to be stopped.
    pair.server.setWriteTimeout(50);
    const block = new Uint8Array(65_536);
    let written = 0;
    await assertRejects(async () => {
      for (;;) written += await pair.server.write(block);
    }, TimedOut);
    assertLess(written, 16 * 1024 * 1024);
    await drain(pair.client, written);
  },
};

/** The same, where the portable engine cannot do as much. */
const RING_CASES: Cases = {
  "what is written right before close() arrives in many pieces": async (family) => {
    using pair = await pairOver(family);
    const sent = patternBytes(130_000);
    for (let at = 0; at < sent.length; at += 130) pair.client.write(sent.subarray(at, at + 130));
    pair.client.close();
    assertEquals(await readToEnd(pair.server), sent);
  },

  "what waits for room at close() is refused, what is queued arrives": async (family) => {
    using pair = await pairOver(family);
    const block = new Uint8Array(65_536).fill(1);
    let accepted = 0;
    const writes = Promise.allSettled(
      Array.from({ length: 200 }, async () => {
        const count = await pair.client.write(block);
        accepted += count;
      }),
    );
    for (let turn = 0; turn < 20; turn++) await nextImmediate();
    pair.client.close();
    const received = await readToEnd(pair.server);
    for (const result of await writes) {
      if (result.status === "rejected") assert(result.reason instanceof Interrupted);
    }
    assertEquals(received.length, accepted);
  },
};

for (const family of ["tcp", "unix"] as const) {
  for (const [name, run] of Object.entries(CASES)) {
    leakTest(`[${family}] ${name}`, () => run(family));
  }
  for (const [name, run] of Object.entries(RING_CASES)) {
    ringTest(`[${family}] ${name}`, () => run(family));
  }
}

ringTest("buffers that are given away under reads and writes do no harm", async () => {
  const [left, right] = socketPair();
  const writes = Array.from({ length: 100 }, () => {
    const bytes = patternBytes(10_000);
    const writing = left.write(bytes).catch((error: unknown) => error);
    structuredClone(bytes, { transfer: [bytes.buffer] });
    return writing;
  });
  const buffer = new Uint8Array(10_000);
  await right.readFull(buffer);
  assertEquals(buffer, patternBytes(10_000));
  const given = new Uint8Array(10);
  const reading = right.read(given).catch((error: unknown) => error);
  structuredClone(given, { transfer: [given.buffer] });
  left.close();
  const result = await reading;
  assert(typeof result === "number" || result instanceof TypeError, String(result));
  await Promise.all(writes);
  right.close();
});

/** Lets the kernel reset the connection, whatever it has still to send. */
function reset(conn: Conn): void {
  conn.setLinger(0);
  conn.close();
}

/** Ping-pong, after which a connection keeps a standing receive. */
async function takeTurns(client: Conn, server: Conn, turns: number): Promise<void> {
  const buffer = new Uint8Array(8);
  for (let turn = 0; turn < turns; turn++) {
    const request = server.read(buffer);
    await client.write(new Uint8Array([turn]));
    await request;
    const reply = client.read(buffer);
    await server.write(new Uint8Array([turn]));
    await reply;
  }
}

async function writeForever(conn: Conn): Promise<unknown> {
  const block = new Uint8Array(65_536);
  try {
    for (;;) await conn.write(block);
  } catch (error) {
    return error;
  }
}

async function drain(conn: Conn, length: number): Promise<void> {
  const block = new Uint8Array(65_536);
  for (let received = 0; received < length;) received += await conn.read(block) ?? length;
}

function assertGone(error: unknown): void {
  const gone = [BadResource, BrokenPipe, ConnectionReset].some((kind) => error instanceof kind);
  assert(gone, String(error));
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
