// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { BULK_BLOCKS } from "../io/bulk_blocks.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { memoryDuplex } from "../io/memory_duplex.ts";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import { copy } from "../net/copy.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS } from "./net_moments.ts";
import { onRing, type Pair, pairOver, tcpPair } from "./net_pair.ts";
import { randomLength, seededRandom } from "./net_random.ts";
import type { SocketFamily } from "./servers.ts";
import { type ByteConn, patternBytes, readExactly, readToEnd, writeAll } from "./transfer.ts";

const { BadResource, BrokenPipe, ConnectionReset, Interrupted, TimedOut, WriteZero } = Deno.errors;

const ringOnly = { ignore: engineInfo().engine !== "uring" };

/** More than all the queues and kernel buffers between the ends take while nobody reads. */
const LARGE_BYTES = 32 * 1024 * 1024;
const HUGE_BYTES = 64 * 1024 * 1024;
const BLOCK_BYTES = 1024 * 1024;

for (const family of ["tcp", "unix"] as const) {
  registerCases(family);
  registerFaults(family);
}

function registerCases(family: SocketFamily): void {
  const named = (name: string) => `[${family}] ${name}`;

  leakTest(named("copy() passes 64 MiB on, every byte in its place"), async () => {
    await using proxy = await proxyOver(family);
    const sent = sendPattern(proxy.client, HUGE_BYTES);
    const copied = copy(proxy.source, proxy.destination).then(async (count) => {
      await proxy.destination.closeWrite();
      return count;
    });
    assertEquals(await digestToEnd(proxy.server), await sent);
    assertEquals(await copied, HUGE_BYTES);
  });

  leakTest(named("copy() passes a message on before the next one comes"), async () => {
    await using proxy = await proxyOver(family);
    const copied = copy(proxy.source, proxy.destination);
    for (const length of [1, 4095, 4096, 5000, 16_384, 100_000]) {
      const message = patternBytes(length, length);
      await Promise.all([
        writeAll(proxy.client, message),
        readExactly(proxy.server, length).then((bytes) => assertEquals(bytes, message)),
      ]);
    }
    await proxy.client.closeWrite();
    assertEquals(await copied, 129_576);
  });

  leakTest(named("copy() copies nothing from a stream that is empty"), async () => {
    await using proxy = await proxyOver(family);
    await proxy.client.closeWrite();
    assertEquals(await copy(proxy.source, proxy.destination), 0);
  });

  leakTest(named("copy() leaves both connections open"), async () => {
    await using proxy = await proxyOver(family);
    await writeAll(proxy.client, patternBytes(10_000));
    await proxy.client.closeWrite();
    await copy(proxy.source, proxy.destination);
    await proxy.destination.write(new Uint8Array([9]));
    await proxy.source.write(new Uint8Array([8]));
    assertEquals((await readExactly(proxy.server, 10_001)).at(-1), 9);
    assertEquals(await readExactly(proxy.client, 1), new Uint8Array([8]));
  });

  leakTest(named("copy() to itself is an echo"), async () => {
    using pair = await pairOver(family);
    const copied = copy(pair.server, pair.server).then(() => pair.server.closeWrite());
    const sent = sendPattern(pair.client, LARGE_BYTES);
    assertEquals(await digestToEnd(pair.client), await sent);
    await copied;
  });
}

function registerFaults(family: SocketFamily): void {
  const named = (name: string) => `[${family}] ${name}`;

  leakTest(named("copy() slows the source down when the destination is slow"), async () => {
    await using proxy = await proxyOver(family);
    const copied = copy(proxy.source, proxy.destination);
    const { written, stalled } = await fillUp(proxy.client);
    assert(written < LARGE_BYTES, `${written} bytes were taken`);
    if (onRing) assertEquals(openEngine().pool.bulk.leased, 0);
    await readBytes(proxy.server, written);
    const total = written + await stalled;
    await readBytes(proxy.server, total - written);
    await proxy.client.closeWrite();
    assertEquals(await copied, total);
  });

  leakTest(named("copy() rejects with what resets the source"), async () => {
    await using proxy = await proxyOver(family);
    const copying = assertRejects(() => copy(proxy.source, proxy.destination), ConnectionReset);
    await writeAll(proxy.client, patternBytes(300_000));
    await readExactly(proxy.server, 300_000);
    reset(proxy.client);
    await copying;
  }, { ignore: !onRing || family === "unix" });

  leakTest(named("copy() rejects when the destination is gone, and can be read on"), async () => {
    await using proxy = await proxyOver(family);
    const sent = patternBytes(LARGE_BYTES);
    const writing = writeAll(proxy.client, sent).then(() => proxy.client.closeWrite());
    const copying = copy(proxy.source, proxy.destination);
    const head = await readExactly(proxy.server, 1_000_000);
    assertEquals(head, sent.subarray(0, head.length));
    proxy.server.close();
    const error = await assertRejects(() => copying);
    assert(error instanceof BrokenPipe || error instanceof ConnectionReset, String(error));
    // What was on its way to the peer is lost with it; what comes next is a tail of the stream.
    const tail = await readToEnd(proxy.source);
    assert(tail.length > 0);
    assertEquals(digest(tail), digest(sent.subarray(sent.length - tail.length)));
    await writing;
  }, ringOnly);
}

leakTest("copy() given up while the destination is slow loses no byte", async () => {
  for (const afterBytes of [0, 1, 4096, 700_000, 3_000_000]) {
    await using proxy = await proxyOver("tcp");
    const sent = patternBytes(LARGE_BYTES, afterBytes);
    const writing = writeAll(proxy.client, sent).then(() => proxy.client.closeWrite());
    const abort = new AbortController();
    const copying = copy(proxy.source, proxy.destination, { signal: abort.signal });
    const head = await readExactly(proxy.server, afterBytes);
    abort.abort(new Error("enough"));
    await assertRejects(() => copying, Error, "enough");
    await assertWhole(proxy, head, sent);
    await writing;
  }
}, ringOnly);

leakTest("copy() given up at any moment loses no byte", async () => {
  const random = seededRandom(7);
  for (const moment of MOMENTS) {
    for (let round = 0; round < 4; round++) {
      await using proxy = await proxyOver(round % 2 === 0 ? "tcp" : "unix");
      const sent = patternBytes(randomLength(random, 70_000) * (round + 1), moment);
      const writing = writeAll(proxy.client, sent).then(() => proxy.client.closeWrite());
      const abort = new AbortController();
      const copying = copy(proxy.source, proxy.destination, { signal: abort.signal })
        .catch((reason) => assertEquals(reason.message, "enough"));
      await atMoment(moment, () => abort.abort(new Error("enough")));
      await copying;
      await assertWhole(proxy, new Uint8Array(), sent);
      await writing;
    }
  }
}, ringOnly);

leakTest("copy() given up while the source is quiet leaves the next bytes to be read", async () => {
  await using proxy = await proxyOver("tcp");
  const abort = new AbortController();
  const copying = copy(proxy.source, proxy.destination, { signal: abort.signal });
  await proxy.client.write(new Uint8Array([1]));
  await readExactly(proxy.server, 1);
  abort.abort();
  await assertRejects(() => copying, DOMException);
  await proxy.client.write(new Uint8Array([2]));
  assertEquals(await readExactly(proxy.source, 1), new Uint8Array([2]));
});

leakTest("copy() with a signal that is aborted already copies nothing", async () => {
  await using proxy = await proxyOver("tcp");
  await proxy.client.write(new Uint8Array([1]));
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => copy(proxy.source, proxy.destination, { signal }), Error, "before");
  assertEquals(await readExactly(proxy.source, 1), new Uint8Array([1]));
});

leakTest("copy() begins with the bytes that an earlier read has left", async () => {
  await using proxy = await proxyOver("tcp");
  const sent = patternBytes(200_000);
  const peeking = proxy.source.peek(new Uint8Array(8));
  const writing = writeAll(proxy.client, sent).then(() => proxy.client.closeWrite());
  await peeking;
  const head = await readExactly(proxy.source, 5);
  const copied = copy(proxy.source, proxy.destination);
  const tail = await readExactly(proxy.server, sent.length - 5);
  assertEquals(joined(head, tail), sent);
  assertEquals(await copied, sent.length - 5);
  await writing;
});

leakTest("copy() rejects when the source is closed meanwhile", async () => {
  await using proxy = await proxyOver("tcp");
  const copying = copy(proxy.source, proxy.destination);
  await proxy.client.write(new Uint8Array([1]));
  await readExactly(proxy.server, 1);
  proxy.source.close();
  await assertRejects(() => copying, Interrupted);
});

leakTest("copy() rejects when the slow destination is closed meanwhile", async () => {
  await using proxy = await proxyOver("tcp");
  const writing = writeAll(proxy.client, patternBytes(LARGE_BYTES)).catch(() => {});
  const copying = copy(proxy.source, proxy.destination);
  await readExactly(proxy.server, 1_000_000);
  proxy.destination.close();
  const error = await assertRejects(() => copying);
  assert(error instanceof Interrupted || error instanceof BadResource, String(error));
  proxy.source.close();
  await writing;
});

leakTest("copy() keeps to the write timeout of the destination", async () => {
  await using proxy = await proxyOver("tcp");
  const sent = patternBytes(LARGE_BYTES);
  const writing = writeAll(proxy.client, sent).then(() => proxy.client.closeWrite());
  proxy.destination.setWriteTimeout(50);
  await assertRejects(() => copy(proxy.source, proxy.destination), TimedOut, "Cannot write");
  await assertWhole(proxy, new Uint8Array(), sent);
  await writing;
}, ringOnly);

leakTest("copy() keeps to the read timeout of the source", async () => {
  await using proxy = await proxyOver("tcp");
  proxy.source.setReadTimeout(20);
  await assertRejects(() => copy(proxy.source, proxy.destination), TimedOut, "Cannot read");
});

leakTest("copy() goes on in smaller steps while others use all bulk blocks", async () => {
  await using proxy = await proxyOver("tcp");
  const { bulk } = openEngine().pool;
  const blocks = Array.from({ length: BULK_BLOCKS }, () => bulk.take()!);
  const sent = sendPattern(proxy.client, LARGE_BYTES);
  const copied = copy(proxy.source, proxy.destination).then(() => proxy.destination.closeWrite());
  const received = digestToEnd(proxy.server);
  assertEquals(await received, await sent);
  await copied;
  for (const block of blocks) block[Symbol.dispose]();
}, ringOnly);

leakTest("copy() lets others write to the destination between two pieces", async () => {
  await using proxy = await proxyOver("tcp");
  const copied = copy(proxy.source, proxy.destination);
  const sent = sendPattern(proxy.client, LARGE_BYTES);
  const receiving = readBytes(proxy.server, LARGE_BYTES + 200);
  for (let note = 0; note < 200; note++) await proxy.destination.write(new Uint8Array(1));
  await receiving;
  await sent;
  await copied;
});

leakTest("copy() serves twelve connections at once, more than there are bulk blocks", async () => {
  await Promise.all(Array.from({ length: 12 }, async (_, seed) => {
    await using proxy = await proxyOver(seed % 2 === 0 ? "tcp" : "unix");
    const sent = sendPattern(proxy.client, 4 * 1024 * 1024, seed);
    const copied = copy(proxy.source, proxy.destination).then(() => proxy.destination.closeWrite());
    assertEquals(await digestToEnd(proxy.server), await sent);
    await copied;
  }));
});

leakTest("copy() reads from and writes to anything", async () => {
  const [left, right] = memoryDuplex({ chunkBytesMax: 1000 });
  using pair = await tcpPair();
  const sent = patternBytes(100_000);
  const writing = writeAll(right, sent).then(() => right.closeWrite());
  const copied = copy(left, pair.client).then(() => pair.client.closeWrite());
  const [back, front] = memoryDuplex({ bufferBytes: 200_000 });
  assertEquals(await copy(pair.server, back), sent.length);
  assertEquals(await readExactly(front, sent.length), sent);
  await Promise.all([writing, copied]);
});

leakTest("copy() rejects with WriteZero when the destination takes nothing", async () => {
  using pair = await tcpPair();
  await pair.client.write(new Uint8Array(10));
  const broken = { write: () => Promise.resolve(0) };
  await assertRejects(() => copy(pair.server, broken), WriteZero);
});

/** A client, a proxy's two connections, and a server; disposing closes all. */
interface Proxy extends AsyncDisposable {
  readonly client: TcpConn | UnixConn;
  readonly source: TcpConn | UnixConn;
  readonly destination: TcpConn | UnixConn;
  readonly server: TcpConn | UnixConn;
}

async function proxyOver(family: SocketFamily): Promise<Proxy> {
  const [front, back]: Pair<TcpConn | UnixConn>[] = await Promise.all([
    pairOver(family),
    pairOver(family),
  ]);
  return {
    client: front.client,
    source: front.server,
    destination: back.client,
    server: back.server,
    [Symbol.asyncDispose]() {
      front[Symbol.dispose]();
      back[Symbol.dispose]();
      return Promise.resolve();
    },
  };
}

/** Sends a pattern and ends the stream; its digest. */
async function sendPattern(conn: TcpConn | UnixConn, length: number, seed = 1): Promise<string> {
  const hash = createHash("sha1");
  for (let sent = 0; sent < length; sent += BLOCK_BYTES) {
    const block = patternBytes(BLOCK_BYTES, seed + sent);
    hash.update(block);
    await writeAll(conn, block);
  }
  await conn.closeWrite();
  return hash.digest("hex");
}

async function digestToEnd(conn: ByteConn): Promise<string> {
  const hash = createHash("sha1");
  const block = new Uint8Array(65_536);
  for (let count = await conn.read(block); count !== null; count = await conn.read(block)) {
    hash.update(block.subarray(0, count));
  }
  return hash.digest("hex");
}

async function readBytes(conn: ByteConn, length: number): Promise<void> {
  const block = new Uint8Array(65_536);
  for (let left = length; left > 0;) left -= await conn.read(block.subarray(0, left)) ?? left;
}

/** Writes until nothing more is taken; the bytes taken, and those of the write that waits. */
async function fillUp(
  conn: TcpConn | UnixConn,
): Promise<{ written: number; stalled: Promise<number> }> {
  const block = new Uint8Array(65_536);
  for (let written = 0;;) {
    const stalled = conn.write(block);
    const count = await Promise.race([stalled, quietFor(100)]);
    if (count === undefined) return { written, stalled };
    written += count;
  }
}

/** Time after which a write that has not been taken is not going to be. */
function quietFor(milliseconds: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), milliseconds));
}

/** What the server has, what is on the way to it and what the source has left make up all. */
async function assertWhole(proxy: Proxy, head: Uint8Array, sent: Uint8Array): Promise<void> {
  const middle = proxy.destination.closeWrite().then(() => {});
  const arrived = await readToEnd(proxy.server);
  await middle;
  const left = await readToEnd(proxy.source);
  assertEquals(head.length + arrived.length + left.length, sent.length);
  assertEquals(digest(joined(head, arrived, left)), digest(sent));
}

function joined(...pieces: Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(pieces.reduce((total, piece) => total + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}

function digest(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

/** Closes with a reset: unread bytes and linger 0 make one, whatever is on its way. */
function reset(conn: TcpConn | UnixConn): void {
  conn.setLinger(0);
  conn.close();
}
