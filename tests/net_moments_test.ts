// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import type { StreamConn, TransferOptions } from "../net/stream_conn.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS } from "./net_moments.ts";
import { fillUp, onRing, type Pair, pairOver, ringTest, tcpPair } from "./net_pair.ts";
import type { SocketFamily } from "./servers.ts";
import { readToEnd } from "./transfer.ts";

// Every call is given up, or its connection closed under it, at every await point it has. (Those of
// `connect` and `accept` are in the tests of their own files.) No byte is lost, doubled or made up,
// the call answers one way or the other, and nothing stays behind.

const { BadResource, Interrupted } = Deno.errors;

const REASON = new Error("enough");
const MESSAGE = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);

type Conn = StreamConn<Deno.Addr>;
type Read = (conn: Conn, buffer: Uint8Array, options?: TransferOptions) => Promise<number | null>;
type Write = (conn: Conn, bytes: Uint8Array, options?: TransferOptions) => Promise<unknown>;

/** Calls that take bytes into a buffer. */
const READS: Record<string, Read> = {
  "read()": (conn, buffer, options) => conn.read(buffer, options),
  "readFull()": (conn, buffer, options) => conn.readFull(buffer, options),
  "readv()": async (conn, buffer, options) => {
    const buffers = [new Uint8Array(3), new Uint8Array(buffer.length - 3)];
    const count = await conn.readv(buffers, options);
    buffer.set(buffers[0]);
    buffer.set(buffers[1], 3);
    return count;
  },
};

/** Calls that write bytes. */
const WRITES: Record<string, Write> = {
  "write()": (conn, bytes, options) => conn.write(bytes, options),
  "writeAll()": (conn, bytes, options) => conn.writeAll(bytes, options),
  "writev()": (conn, bytes, options) =>
    conn.writev([bytes.subarray(0, 3), bytes.subarray(3)], options),
};

/** Calls with no bytes to lose. */
const OTHERS: Record<string, (conn: Conn) => Promise<unknown>> = {
  "peek()": (conn) => conn.peek(new Uint8Array(8)),
  "closeWrite()": (conn) => conn.closeWrite(),
  "shutdown()": (conn) => conn.shutdown("both"),
};

for (const family of ["tcp", "unix"] as const) {
  for (const [name, read] of Object.entries(READS)) registerReadCases(family, name, read);
  for (const [name, write] of Object.entries(WRITES)) registerWriteCases(family, name, write);
  for (const [name, call] of Object.entries(OTHERS)) {
    leakTest(`[${family}] close() at any moment ends ${name}`, () => closeUnder(family, call));
  }
}

function registerReadCases(family: SocketFamily, name: string, read: Read): void {
  leakTest(`[${family}] ${name} that is aborted at any moment loses no byte`, async () => {
    using pair = await pairOver(family);
    for (const moment of MOMENTS) {
      const abort = new AbortController();
      const buffer = new Uint8Array(MESSAGE.length);
      const reading = outcome(read(pair.server, buffer, { signal: abort.signal }));
      await Promise.all([
        pair.client.write(MESSAGE),
        atMoment(moment, () => abort.abort(REASON)),
      ]);
      const result = await reading;
      const came = buffer.indexOf(0) < 0 ? buffer.length : buffer.indexOf(0);
      if (result instanceof Error) assertEquals(result, REASON);
      else assertEquals(result, came);
      const rest = new Uint8Array(MESSAGE.length - came);
      await pair.server.readFull(rest);
      assertEquals([...buffer.subarray(0, came), ...rest], [...MESSAGE], `at moment ${moment}`);
    }
  });

  leakTest(`[${family}] close() at any moment ends ${name}`, () => {
    return closeUnder(family, (conn) => read(conn, new Uint8Array(8)));
  });
}

function registerWriteCases(family: SocketFamily, name: string, write: Write): void {
  // What Deno has been given of a write cannot be taken back: the portable engine sends it.
  leakTest(
    `[${family}] ${name} that is aborted at any moment writes its bytes or none`,
    async () => {
      for (const moment of MOMENTS) {
        using pair = await stalledPair(family);
        const abort = new AbortController();
        const writing = outcome(write(pair.client, MESSAGE, { signal: abort.signal }));
        const [received] = await Promise.all([
          readToEnd(pair.server),
          atMoment(moment, () => abort.abort(REASON)).then(() => pair.client.closeWrite()),
        ]);
        const result = await writing;
        if (result instanceof Error) assertEquals(result, REASON);
        const tail = [...received.subarray(pair.filled)];
        assertEquals(tail, result instanceof Error ? [] : [...MESSAGE], `at moment ${moment}`);
      }
    },
    { ignore: !onRing },
  );

  ringTest(`[${family}] close() at any moment ends ${name} that waits`, async () => {
    for (const moment of MOMENTS) {
      using pair = await stalledPair(family);
      const writing = outcome(write(pair.client, MESSAGE));
      await atMoment(moment, () => pair.client.close());
      assertEnded(await writing);
      // What the close still sends has to go somewhere.
      await readToEnd(pair.server).catch(() => {});
    }
  });

  leakTest(`[${family}] close() at any moment ends ${name}`, () => {
    return closeUnder(family, (conn) => write(conn, MESSAGE));
  });
}

/** Closes a connection under a call, while the peer writes and ends the stream. */
async function closeUnder(family: SocketFamily, call: (conn: Conn) => Promise<unknown>) {
  for (const moment of MOMENTS) {
    using pair = await pairOver(family);
    const calling = outcome(call(pair.client));
    const peer = outcome(pair.server.write(MESSAGE).then(() => pair.server.closeWrite()));
    await atMoment(moment, () => pair.client.close());
    assertEnded(await calling);
    await peer;
  }
}

function assertEnded(result: unknown): void {
  if (!(result instanceof Error)) return;
  assert(result instanceof Interrupted || result instanceof BadResource, String(result));
}

interface StalledPair extends Pair<TcpConn | UnixConn> {
  /** Bytes that the client has written. */
  readonly filled: number;
}

/** A connection whose client can write nothing more until its peer reads. */
async function stalledPair(family: SocketFamily): Promise<StalledPair> {
  const pair = family === "tcp" ? await tcpPair({ sendBufferBytes: 4096 }) : await pairOver(family);
  return { ...pair, filled: await fillUp(pair.client) };
}

/** What a call gives, or the error instead of it. */
function outcome<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: unknown) => {
    assert(error instanceof Error);
    return error;
  });
}
