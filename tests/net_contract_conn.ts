// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { connect as connectFromNode, type Socket } from "node:net";
import { assertClosed, assertOsError, type ContractCases } from "./net_contract_case.ts";
import { connectedPair, type NetApi } from "./servers.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";

const { BadResource, BrokenPipe, ConnectionReset, Interrupted } = Deno.errors;

/** More than both kernel buffers of a connection hold, so that a writer has to wait. */
const UNREAD_WRITES = 32;
const UNREAD_WRITE_BYTES = 1024 * 1024;

const readCases: ContractCases = {
  "read() resolves 0 when the buffer is empty": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    assertEquals(await pair.client.read(new Uint8Array()), 0);
  },

  "read() gives null at the end of the stream, every time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.server.close();
    assertEquals(await pair.client.read(new Uint8Array(8)), null);
    assertEquals(await pair.client.read(new Uint8Array(8)), null);
  },

  "read() gives what was sent before the peer closed": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const sent = patternBytes(100_000);
    await writeAll(pair.server, sent);
    pair.server.close();
    assertEquals(await readToEnd(pair.client), sent);
  },

  "read() leaves what the buffer cannot hold for the next read": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.server.write(utf8("abcde"));
    const buffer = new Uint8Array(2);
    const pieces: string[] = [];
    for (const expected of [2, 2, 1]) {
      assertEquals(await pair.client.read(buffer), expected);
      pieces.push(new TextDecoder().decode(buffer.subarray(0, expected)));
    }
    assertEquals(pieces, ["ab", "cd", "e"]);
  },

  "read() changes only the bytes it reports": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const whole = new Uint8Array(8).fill(255);
    await pair.server.write(new Uint8Array([1, 2]));
    assertEquals(await pair.client.read(whole.subarray(3, 7)), 2);
    assertEquals(whole, new Uint8Array([255, 255, 255, 1, 2, 255, 255, 255]));
  },

  "read() calls are answered in the order they were made": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const buffers = Array.from({ length: 8 }, () => new Uint8Array(1));
    const answered: number[] = [];
    const reads = buffers.map((buffer, i) => pair.client.read(buffer).then(() => answered.push(i)));
    await pair.server.write(utf8("abcdefgh"));
    await Promise.all(reads);
    assertEquals(answered, [0, 1, 2, 3, 4, 5, 6, 7]);
    assertEquals(buffers.map((buffer) => String.fromCharCode(buffer[0])).join(""), "abcdefgh");
  },

  "read() rejects with TypeError when given no bytes to fill": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await assertRejects(() => pair.client.read("text" as unknown as Uint8Array), TypeError);
  },

  "read() rejects with BadResource when the connection is closed": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    await assertRejects(() => pair.client.read(new Uint8Array(8)), BadResource);
  },

  "read() rejects with Interrupted when the connection is closed under it": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    const reads = [pair.client.read(new Uint8Array(8)), pair.client.read(new Uint8Array(8))];
    const results = Promise.allSettled(reads);
    pair.client.close();
    for (const result of await results) {
      assert(result.status === "rejected" && result.reason instanceof Interrupted);
    }
  },
};

const writeCases: ContractCases = {
  "write() resolves 0 when there is nothing to write": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    assertEquals(await pair.client.write(new Uint8Array()), 0);
  },

  "write() sends the view it is given and no more": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const whole = utf8("before|inside|after");
    assertEquals(await pair.client.write(whole.subarray(7, 13)), 6);
    pair.client.close();
    assertEquals(await readToEnd(pair.server), utf8("inside"));
  },

  "write() takes bytes of shared memory": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const shared = new Uint8Array(new SharedArrayBuffer(4)).fill(7);
    assertEquals(await pair.client.write(shared), 4);
    assertEquals(await readExactly(pair.server, 4), new Uint8Array([7, 7, 7, 7]));
  },

  "write() has taken its bytes when it resolves": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const buffer = new Uint8Array([1]);
    await pair.client.write(buffer);
    buffer[0] = 2;
    await pair.client.write(buffer);
    assertEquals(await readExactly(pair.server, 2), new Uint8Array([1, 2]));
  },

  "write() calls are sent in the order they were made": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const pieces = Array.from({ length: 50 }, (_, i) => patternBytes(100 + i, i));
    const counts = await Promise.all(pieces.map((piece) => pair.client.write(piece)));
    pair.client.close();
    assertEquals(counts, pieces.map((piece) => piece.length));
    assertEquals(await readToEnd(pair.server), await new Blob(pieces).bytes());
  },

  "write() rejects with TypeError when given text": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await assertRejects(() => pair.client.write("text" as unknown as Uint8Array), TypeError);
  },

  "write() rejects with BadResource when the connection is closed": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    await assertRejects(() => pair.client.write(new Uint8Array(8)), BadResource);
  },

  "write() rejects with Interrupted when the connection is closed under it": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    const block = new Uint8Array(UNREAD_WRITE_BYTES);
    const writes = Array.from({ length: UNREAD_WRITES }, () => pair.client.write(block));
    const results = Promise.allSettled(writes);
    pair.client.close();
    const last = (await results).at(-1);
    assert(last?.status === "rejected" && last.reason instanceof Interrupted);
  },

  "write() rejects with BrokenPipe or ConnectionReset once the peer is gone": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    pair.server.close();
    const error = await assertRejects(() => writeForever(pair.client));
    if (error instanceof BrokenPipe) assertOsError(error, BrokenPipe, "EPIPE");
    else assertOsError(error, ConnectionReset, "ECONNRESET");
  },
};

const halfCloseCases: ContractCases = {
  "closeWrite() ends the peer's reads and leaves the other direction open": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    await pair.client.write(utf8("question"));
    await pair.client.closeWrite();
    assertEquals(await readToEnd(pair.server), utf8("question"));
    await pair.server.write(utf8("answer"));
    await pair.server.closeWrite();
    assertEquals(await readToEnd(pair.client), utf8("answer"));
  },

  "closeWrite() lets the writes before it go first": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    const sent = patternBytes(64 * 1024);
    const write = pair.client.write(sent);
    const closed = pair.client.closeWrite();
    const received = await readToEnd(pair.server);
    await closed;
    assertEquals(received, sent.subarray(0, await write));
  },

  "closeWrite() makes write() reject with BrokenPipe": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.client.closeWrite();
    const error = await assertRejects(() => pair.client.write(new Uint8Array(8)));
    assertOsError(error, BrokenPipe, "EPIPE");
  },

  "closeWrite() may be called again": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    await pair.client.closeWrite();
    await pair.client.closeWrite();
  },

  "closeWrite() rejects with BadResource when the connection is closed": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    await assertRejects(() => pair.client.closeWrite(), BadResource);
  },
};

const closeCases: ContractCases = {
  "close() throws BadResource the second time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    assertClosed(pair.client);
  },

  "close() leaves the peer of an unread message with an end or a reset": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    await pair.client.write(utf8("unread"));
    await pair.server.read(new Uint8Array(1));
    pair.server.close();
    const end = await pair.client.read(new Uint8Array(8)).catch((error: unknown) => error);
    assert(end === null || end instanceof ConnectionReset);
  },

  "conn[Symbol.dispose]() closes, and never throws": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client[Symbol.dispose]();
    pair.client[Symbol.dispose]();
    assertClosed(pair.client);
    assertEquals(await pair.server.read(new Uint8Array(8)), null);
  },

  "using closes a connection at the end of its block": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    {
      using conn = pair.client;
      await conn.write(utf8("x"));
    }
    assertClosed(pair.client);
  },

  "conn.ref() and conn.unref() may be called at any time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    pair.client.unref();
    pair.client.ref();
    pair.client.close();
    pair.client.unref();
    pair.client.ref();
  },
};

const addressCases: ContractCases = {
  "localAddr and remoteAddr are the same object each time": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    for (const conn of [pair.client, pair.server]) {
      assertStrictEquals(conn.localAddr, conn.localAddr);
      assertStrictEquals(conn.remoteAddr, conn.remoteAddr);
    }
  },

  "localAddr and remoteAddr mirror each other": async ({ api, family }) => {
    using pair = await connectedPair(api, family);
    assertEquals({ ...pair.client.remoteAddr }, { ...pair.listener.addr });
    assertEquals({ ...pair.server.localAddr }, { ...pair.listener.addr });
    assertEquals({ ...pair.server.remoteAddr }, { ...pair.client.localAddr });
  },

  "localAddr and remoteAddr name their transport and outlive the connection": async (
    { api, family },
  ) => {
    using pair = await connectedPair(api, family);
    pair.client.close();
    assertEquals(pair.client.localAddr.transport, family);
    assertEquals(pair.client.remoteAddr.transport, family);
  },
};

/** What holds for a connection, TCP or Unix. */
export const connCases: ContractCases = {
  ...readCases,
  ...writeCases,
  ...halfCloseCases,
  ...closeCases,
  ...addressCases,
};

/** What holds for a TCP connection alone. */
export const tcpConnCases: ContractCases = {
  "setNoDelay() and setKeepAlive() take true, false or nothing": async ({ api }) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ port: listener.addr.port });
    for (const value of [undefined, true, false]) {
      conn.setNoDelay(value);
      conn.setKeepAlive(value);
    }
  },

  "setNoDelay() and setKeepAlive() throw BadResource when the connection is closed": async (
    { api },
  ) => {
    using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
    using conn = await api.connect({ port: listener.addr.port });
    conn.close();
    assertThrows(() => conn.setNoDelay(), BadResource);
    assertThrows(() => conn.setKeepAlive(), BadResource);
  },

  "read() rejects with ConnectionReset when the peer resets": async ({ api }) => {
    await using reset = await connectionFromNode(api);
    const read = reset.conn.read(new Uint8Array(8));
    reset.peer.resetAndDestroy();
    assertOsError(await assertRejects(() => read), ConnectionReset, "ECONNRESET");
  },

  "write() rejects with ConnectionReset or BrokenPipe when the peer resets": async ({ api }) => {
    await using reset = await connectionFromNode(api);
    const writes = writeForever(reset.conn);
    reset.peer.resetAndDestroy();
    const error = await assertRejects(() => writes);
    assert(error instanceof ConnectionReset || error instanceof BrokenPipe);
  },
};

/** A connection whose peer can be told to reset it, which Deno's own API has no call for. */
interface ResettableConnection extends AsyncDisposable {
  conn: Deno.Conn;
  peer: Socket;
}

async function connectionFromNode(api: NetApi): Promise<ResettableConnection> {
  using listener = api.listen({ hostname: "127.0.0.1", port: 0 });
  const connected = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  const peer = connectFromNode(listener.addr.port, "127.0.0.1", connected.resolve);
  peer.once("close", () => closed.resolve());
  const [conn] = await Promise.all([listener.accept(), connected.promise]);
  return {
    conn,
    peer,
    async [Symbol.asyncDispose]() {
      conn[Symbol.dispose]();
      peer.destroy();
      await closed.promise;
    },
  };
}

async function writeForever(conn: Pick<Deno.Conn, "write">): Promise<never> {
  const block = new Uint8Array(64 * 1024);
  for (;;) await conn.write(block);
}
