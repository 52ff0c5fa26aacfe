// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { leakTest } from "./leak.ts";
import { pairOver, ringTest, tcpPair } from "./net_pair.ts";
import type { SocketFamily } from "./servers.ts";
import { type ByteConn, patternBytes, readExactly, readToEnd } from "./transfer.ts";

// What a connection has beyond `Deno.Conn`; that itself is in `net_contract_conn.ts`, calls that
// are given up or time out in `net_conn_signal_test.ts`, options in `net_conn_options_test.ts`.

const { BadResource, BrokenPipe, NotConnected, UnexpectedEof } = Deno.errors;

/** More than the queue and both kernel buffers take while nobody reads. */
const LARGE_BYTES = 16 * 1024 * 1024;

type Cases = Record<string, (family: SocketFamily) => Promise<void>>;

/** What holds for TCP and Unix sockets alike. */
const CASES: Cases = {
  "readFull() fills its buffer from several messages": async (family) => {
    using pair = await pairOver(family);
    const buffer = new Uint8Array(5);
    const reading = pair.server.readFull(buffer);
    await pair.client.write(new Uint8Array([1, 2]));
    await pair.client.write(new Uint8Array([3]));
    await pair.client.write(new Uint8Array([4, 5, 6]));
    assertEquals(await reading, 5);
    assertEquals(buffer, new Uint8Array([1, 2, 3, 4, 5]));
    assertEquals(await readSome(pair.server), [6]);
  },

  "readFull() gives null when the stream ends before the first byte": async (family) => {
    using pair = await pairOver(family);
    await pair.client.closeWrite();
    assertEquals(await pair.server.readFull(new Uint8Array(4)), null);
  },

  "readFull() rejects with UnexpectedEof when the stream ends later": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1, 2]));
    await pair.client.closeWrite();
    const buffer = new Uint8Array(4);
    await assertRejects(() => pair.server.readFull(buffer), UnexpectedEof);
    assertEquals(buffer, new Uint8Array([1, 2, 0, 0]));
  },

  "writeAll() writes more than the queue and the kernel take": async (family) => {
    using pair = await pairOver(family);
    const sent = patternBytes(LARGE_BYTES);
    const writing = pair.client.writeAll(sent).then(() => pair.client.closeWrite());
    assertEquals(await digest(await readToEnd(pair.server)), await digest(sent));
    await writing;
  },

  "readv() fills one buffer after the other": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1, 2, 3, 4, 5]));
    const buffers = [new Uint8Array(2), new Uint8Array(0), new Uint8Array(1), new Uint8Array(4)];
    assertEquals(await pair.server.readv(buffers), 5);
    assertEquals(buffers.map((buffer) => [...buffer]), [[1, 2], [], [3], [4, 5, 0, 0]]);
  },

  "readv() leaves what its buffers cannot hold": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1, 2, 3]));
    assertEquals(await pair.server.readv([new Uint8Array(1), new Uint8Array(1)]), 2);
    assertEquals(await readSome(pair.server), [3]);
  },

  "readv() resolves 0 when there is no room": async (family) => {
    using pair = await pairOver(family);
    assertEquals(await pair.server.readv([]), 0);
    assertEquals(await pair.server.readv([new Uint8Array(0)]), 0);
  },

  "readv() gives null at the end of the stream": async (family) => {
    using pair = await pairOver(family);
    await pair.client.closeWrite();
    assertEquals(await pair.server.readv([new Uint8Array(1)]), null);
  },

  "readv() and writev() reject with TypeError when given no buffers": async (family) => {
    using pair = await pairOver(family);
    const text = ["text"] as unknown as Uint8Array[];
    await assertRejects(() => pair.client.readv(text), TypeError);
    await assertRejects(() => pair.client.writev(text), TypeError);
  },

  "writev() keeps its buffers together between other writes": async (family) => {
    using pair = await pairOver(family);
    const counts = await Promise.all([
      pair.client.writev([new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3])]),
      pair.client.write(new Uint8Array([4])),
      pair.client.writev([new Uint8Array([5]), new Uint8Array([6])]),
    ]);
    assertEquals(counts, [3, 1, 2]);
    assertEquals(await readExactly(pair.server, 6), new Uint8Array([1, 2, 3, 4, 5, 6]));
  },

  "writev() keeps large buffers together between other writes": async (family) => {
    using pair = await pairOver(family);
    const buffers = [patternBytes(300_000, 1), patternBytes(70_000, 2), patternBytes(500_000, 3)];
    const tail = patternBytes(1000, 4);
    const writes = [pair.client.writev(buffers), pair.client.write(tail)];
    const expected = await new Blob([...buffers, tail]).bytes();
    assertEquals(
      await digest(await readExactly(pair.server, expected.length)),
      await digest(expected),
    );
    assertEquals(await Promise.all(writes), [870_000, 1000]);
  },

  "closeWrite() comes after a writev() that still waits": async (family) => {
    using pair = await pairOver(family);
    const writing = pair.client.writev([patternBytes(LARGE_BYTES / 2), patternBytes(1000, 2)]);
    const closing = pair.client.closeWrite();
    const received = await readToEnd(pair.server);
    assertEquals(received.length, LARGE_BYTES / 2 + 1000);
    await Promise.all([writing, closing]);
  },

  "peek() gives the same bytes twice, and then read() gives them": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1, 2, 3]));
    assertEquals(await peekSome(pair.server), [1, 2, 3]);
    assertEquals(await peekSome(pair.server), [1, 2, 3]);
    assertEquals(await readSome(pair.server), [1, 2, 3]);
  },

  "peek() sees no further than its buffer": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1, 2, 3]));
    assertEquals(await peekSome(pair.server, 2), [1, 2]);
    assertEquals(await readSome(pair.server, 1), [1]);
    assertEquals(await peekSome(pair.server, 1), [2]);
    assertEquals(await readExactly(pair.server, 2), new Uint8Array([2, 3]));
  },

  "peek() waits for bytes": async (family) => {
    using pair = await pairOver(family);
    const peeking = peekSome(pair.server);
    await pair.client.write(new Uint8Array([7]));
    assertEquals(await peeking, [7]);
    assertEquals(await readSome(pair.server), [7]);
  },

  "peek() takes its turn among reads that wait": async (family) => {
    using pair = await pairOver(family);
    const calls = [readSome(pair.server, 1), peekSome(pair.server), readSome(pair.server)];
    await pair.client.write(new Uint8Array([1, 2]));
    assertEquals(await Promise.all(calls), [[1], [2], [2]]);
  },

  "peek() sees what comes to a connection that answers in turn": async (family) => {
    using pair = await pairOver(family);
    for (let turn = 0; turn < 32; turn++) {
      const look = turn % 2 === 0 ? peekSome(pair.server) : undefined;
      const reading = readSome(pair.server);
      await pair.client.write(new Uint8Array([turn]));
      if (look) assertEquals(await look, [turn]);
      assertEquals(await reading, [turn]);
      await pair.server.write(new Uint8Array([turn]));
      assertEquals(await readSome(pair.client), [turn]);
    }
  },

  "peek() gives null at the end of the stream": async (family) => {
    using pair = await pairOver(family);
    await pair.client.closeWrite();
    assertEquals(await pair.server.peek(new Uint8Array(1)), null);
    assertEquals(await pair.server.read(new Uint8Array(1)), null);
  },

  "shutdown() of writing ends the peer's reads and nothing else": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1]));
    await pair.client.shutdown("write");
    assertEquals([...await readToEnd(pair.server)], [1]);
    await pair.server.write(new Uint8Array([2]));
    assertEquals(await readSome(pair.client), [2]);
    await assertRejects(() => pair.client.write(new Uint8Array(1)), BrokenPipe);
  },

  "shutdown() of reading ends a pending read and lets writing go on": async (family) => {
    using pair = await pairOver(family);
    const reading = pair.client.read(new Uint8Array(1));
    await pair.client.shutdown("read");
    assertEquals(await reading, null);
    assertEquals(await pair.client.read(new Uint8Array(1)), null);
    await pair.client.write(new Uint8Array([3]));
    assertEquals(await readSome(pair.server), [3]);
  },

  "shutdown() of both ends both directions": async (family) => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([4]));
    await pair.client.shutdown("both");
    assertEquals(await pair.client.read(new Uint8Array(1)), null);
    await assertRejects(() => pair.client.write(new Uint8Array(1)), BrokenPipe);
    assertEquals([...await readToEnd(pair.server)], [4]);
  },

  "shutdown() rejects with BadResource when the connection is closed": async (family) => {
    using pair = await pairOver(family);
    pair.client.close();
    for (const how of ["read", "write", "both"] as const) {
      await assertRejects(() => pair.client.shutdown(how), BadResource);
    }
  },

  "every call rejects with BadResource when the connection is closed": async (family) => {
    using pair = await pairOver(family);
    const { client } = pair;
    client.close();
    const bytes = new Uint8Array(1);
    const calls = [
      () => client.readFull(bytes),
      () => client.writeAll(bytes),
      () => client.readv([bytes]),
      () => client.writev([bytes]),
      () => client.peek(bytes),
    ];
    for (const call of calls) await assertRejects(call, BadResource);
    for (const act of [() => client.setBufferSizes({}), () => client.setLinger(0)]) {
      assertThrows(act, BadResource);
    }
  },
};

for (const family of ["tcp", "unix"] as const) {
  for (const [name, run] of Object.entries(CASES)) {
    leakTest(`[${family}] ${name}`, () => run(family));
  }
}

ringTest("shutdown() of a connection that was reset says so", async () => {
  using pair = await tcpPair();
  pair.server.setLinger(0);
  pair.server.close();
  const { ConnectionReset } = Deno.errors;
  await assertRejects(() => pair.client.read(new Uint8Array(1)), ConnectionReset);
  const error = await pair.client.shutdown("write").catch((error: unknown) => error);
  assert(error instanceof NotConnected || error instanceof BrokenPipe, String(error));
});

leakTest("readv() rejects with TypeError when a buffer is given away meanwhile", async () => {
  using pair = await tcpPair();
  const buffers = [new Uint8Array(1), new Uint8Array(4)];
  const reading = pair.server.readv(buffers);
  structuredClone(buffers[1], { transfer: [buffers[1].buffer] });
  await pair.client.write(new Uint8Array([1, 2, 3]));
  await assertRejects(() => reading, TypeError);
});

async function readSome(conn: ByteConn, bytesMax = 64): Promise<number[] | null> {
  const buffer = new Uint8Array(bytesMax);
  const count = await conn.read(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

async function peekSome(conn: Peekable, bytesMax = 64): Promise<number[] | null> {
  const buffer = new Uint8Array(bytesMax);
  const count = await conn.peek(buffer);
  return count === null ? null : [...buffer.subarray(0, count)];
}

interface Peekable {
  peek(p: Uint8Array): Promise<number | null>;
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
