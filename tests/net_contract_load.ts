// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import { type ContractCases, nextTurn } from "./net_contract_case.ts";
import { connectedPair, connectTo, listenOnLoopback, startEchoServer } from "./servers.ts";
import { patternBytes, readExactly, readToEnd, writeAll } from "./transfer.ts";

const LARGE_BYTES = 8 * 1024 * 1024;
const SEQUENTIAL_CONNECTIONS = 200;
const PARALLEL_CONNECTIONS = 100;
const ROUND_TRIPS = 100;

/** What holds with much data and many connections. */
export const loadCases: ContractCases = {
  "write() delivers 8 MiB to a slow reader": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const sent = patternBytes(LARGE_BYTES);
    const writing = writeAll(pair.client, sent).then(() => pair.client.closeWrite());
    const received = new Uint8Array(LARGE_BYTES);
    let length = 0;
    for (let calls = 0; length < LARGE_BYTES; calls++) {
      // Not a divisor of any buffer size, and a pause now and then, so that the sender has to wait.
      if (calls % 50 === 0) await nextTurn();
      const n = await pair.server.read(received.subarray(length, length + 10_007));
      length += n ?? LARGE_BYTES;
    }
    await writing;
    assertEquals(await pair.server.read(new Uint8Array(1)), null);
    assertEquals(await digest(received), await digest(sent));
  },

  "read() and write() go on at once in both directions": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const ends = [pair.client, pair.server];
    const writes = ends.map(async (conn, i) => {
      await writeAll(conn, patternBytes(2 * 1024 * 1024, i));
      await conn.closeWrite();
    });
    const [atClient, atServer] = await Promise.all(ends.map((conn) => readToEnd(conn)));
    await Promise.all(writes);
    assertEquals(await digest(atClient), await digest(patternBytes(2 * 1024 * 1024, 1)));
    assertEquals(await digest(atServer), await digest(patternBytes(2 * 1024 * 1024, 0)));
  },

  "an echo server answers every message of one connection": async ({ api, family }) => {
    await using server = startEchoServer(listenOnLoopback(api, family));
    using conn = await connectTo(api, server.addr);
    for (let i = 0; i < ROUND_TRIPS; i++) {
      const message = patternBytes(1 + i * 13, i);
      await writeAll(conn, message);
      assertEquals(await readExactly(conn, message.length), message);
    }
    assertEquals(server.accepted, 1);
  },

  "an echo server serves 200 connections one after another": async ({ api, family }) => {
    await using server = startEchoServer(listenOnLoopback(api, family));
    for (let i = 0; i < SEQUENTIAL_CONNECTIONS; i++) await echoOnce(server.addr, i);
    assertEquals(server.accepted, SEQUENTIAL_CONNECTIONS);

    async function echoOnce(addr: typeof server.addr, seed: number) {
      using conn = await connectTo(api, addr);
      await writeAll(conn, patternBytes(64, seed));
      assertEquals(await readExactly(conn, 64), patternBytes(64, seed));
    }
  },

  "an echo server serves 100 connections at once": async ({ api, family }) => {
    await using server = startEchoServer(listenOnLoopback(api, family));
    using stack = new DisposableStack();
    const conns = await Promise.all(
      Array.from({ length: PARALLEL_CONNECTIONS }, () => connectTo(api, server.addr)),
    );
    for (const conn of conns) stack.use(conn);
    await Promise.all(conns.map(async (conn, i) => {
      const message = patternBytes(1000 + i, i);
      await writeAll(conn, message);
      assertEquals(await readExactly(conn, message.length), message);
    }));
    assertEquals(server.accepted, PARALLEL_CONNECTIONS);
  },
};

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex();
}
