// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import type { StreamConn, TransferOptions } from "../net/stream_conn.ts";
import { leakTest } from "./leak.ts";
import { nextImmediate } from "./net_moments.ts";
import { fillUp, pairOver, ringTest, tcpPair } from "./net_pair.ts";
import { seededRandom } from "./net_random.ts";
import type { SocketFamily } from "./servers.ts";
import { patternBytes, readExactly } from "./transfer.ts";

// Reads and writes that are given up, by a signal or by a timeout: no byte is lost or doubled, and
// the connection goes on.

const { TimedOut } = Deno.errors;

const ROUNDS = 2000;
/** Short enough for a test, long enough to be waited for. */
const TIMEOUT_MS = 15;
const REASON = new Error("enough");

type Conn = StreamConn<Deno.Addr>;
type Call = (conn: Conn, options?: TransferOptions) => Promise<unknown>;

/** Calls that wait while nothing comes. */
const WAITING_READS: Record<string, Call> = {
  "read()": (conn, options) => conn.read(new Uint8Array(8), options),
  "peek()": (conn, options) => conn.peek(new Uint8Array(8), options),
  "readFull()": (conn, options) => conn.readFull(new Uint8Array(8), options),
  "readv()": (conn, options) => conn.readv([new Uint8Array(4), new Uint8Array(4)], options),
};

/** Calls that wait while nobody reads; each writes only 2s. */
const WRITES: Record<string, Call> = {
  "write()": (conn, options) => conn.write(new Uint8Array(8).fill(2), options),
  "writeAll()": (conn, options) => conn.writeAll(new Uint8Array(8).fill(2), options),
  "writev()": (conn, options) => conn.writev([new Uint8Array(8).fill(2)], options),
};

for (const family of ["tcp", "unix"] as const) {
  for (const [name, call] of Object.entries(WAITING_READS)) registerReadCases(family, name, call);
  for (const [name, call] of Object.entries(WRITES)) registerWriteCases(family, name, call);
  registerRaces(family);
}

function registerReadCases(family: SocketFamily, name: string, call: Call): void {
  leakTest(`[${family}] ${name} rejects with the reason of a signal that is aborted`, async () => {
    using pair = await pairOver(family);
    await pair.client.write(new Uint8Array([1]));
    await assertRejects(
      () => call(pair.server, { signal: AbortSignal.abort(REASON) }),
      Error,
      "enough",
    );
    assertEquals(await readExactly(pair.server, 1), new Uint8Array([1]));
  });

  leakTest(`[${family}] ${name} rejects when its signal is aborted while it waits`, async () => {
    using pair = await pairOver(family);
    const abort = new AbortController();
    const reading = call(pair.server, { signal: abort.signal });
    await nextImmediate();
    abort.abort(REASON);
    await assertRejects(() => reading, Error, "enough");
    await pair.client.write(new Uint8Array([1]));
    assertEquals(await readExactly(pair.server, 1), new Uint8Array([1]));
  });

  leakTest(`[${family}] ${name} forgets its signal once it is answered`, async () => {
    using pair = await pairOver(family);
    const abort = new AbortController();
    await pair.client.write(new Uint8Array(8));
    await call(pair.server, { signal: abort.signal });
    abort.abort(REASON);
    await pair.client.write(new Uint8Array(8));
    await readExactly(pair.server, 8);
  });

  leakTest(`[${family}] ${name} rejects with TimedOut when nothing comes`, async () => {
    using pair = await pairOver(family);
    pair.server.setReadTimeout(TIMEOUT_MS);
    await assertRejects(() => call(pair.server), TimedOut, `nothing moved for ${TIMEOUT_MS} ms`);
    pair.server.setReadTimeout(0);
    const reading = call(pair.server);
    await pair.client.write(new Uint8Array(8).fill(5));
    await reading;
  });

  leakTest(`[${family}] ${name} with a timeout still obeys its signal`, async () => {
    using pair = await pairOver(family);
    pair.server.setReadTimeout(60_000);
    const abort = new AbortController();
    const reading = call(pair.server, { signal: abort.signal });
    abort.abort(REASON);
    await assertRejects(() => reading, Error, "enough");
  });
}

function registerWriteCases(family: SocketFamily, name: string, call: Call): void {
  leakTest(`[${family}] ${name} writes nothing when its signal is aborted`, async () => {
    using pair = await pairOver(family);
    await assertRejects(
      () => call(pair.client, { signal: AbortSignal.abort(REASON) }),
      Error,
      "enough",
    );
    await pair.client.write(new Uint8Array([1]));
    assertEquals(await readExactly(pair.server, 1), new Uint8Array([1]));
  });

  // What Deno has been given of a write cannot be taken back: the portable engine sends it.
  ringTest(`[${family}] ${name} rejects when its signal is aborted while it waits`, async () => {
    using pair = await pairOver(family);
    const filled = await fillUp(pair.client);
    const abort = new AbortController();
    const writing = call(pair.client, { signal: abort.signal });
    await nextImmediate();
    abort.abort(REASON);
    await assertRejects(() => writing, Error, "enough");
    const later = pair.client.writeAll(new Uint8Array([9]));
    assertEquals(await readUntil(pair.server, 9), filled);
    await later;
  });

  ringTest(`[${family}] ${name} rejects with TimedOut when nobody reads`, async () => {
    using pair = await pairOver(family);
    const filled = await fillUp(pair.client);
    pair.client.setWriteTimeout(TIMEOUT_MS);
    await assertRejects(() => call(pair.client), TimedOut, `nothing moved for ${TIMEOUT_MS} ms`);
    pair.client.setWriteTimeout(0);
    const later = pair.client.writeAll(new Uint8Array([9]));
    assertEquals(await readUntil(pair.server, 9), filled);
    await later;
  });

  leakTest(`[${family}] ${name} forgets its signal once it is answered`, async () => {
    using pair = await pairOver(family);
    const abort = new AbortController();
    await call(pair.client, { signal: abort.signal });
    abort.abort(REASON);
    await pair.client.write(new Uint8Array([1]));
    assertEquals((await readExactly(pair.server, 9))[8], 1);
  });
}

function registerRaces(family: SocketFamily): void {
  leakTest(`[${family}] bytes that an aborted read had won go to the next read`, async () => {
    using pair = await pairOver(family);
    const random = seededRandom(1);
    const received = new Receipt();
    let given = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const abort = new AbortController();
      const { signal } = abort;
      const reading = received.read(pair.server, 1 + random(200), signal);
      const steps = [
        () => abort.abort(REASON),
        () => pair.client.write(message(received.sent, 1 + random(100), received)),
      ];
      if (random(2) === 0) steps.reverse();
      await steps[0]();
      if (random(3) === 0) await nextImmediate();
      await steps[1]();
      if (!await reading) given++;
      while (received.count < received.sent) await received.read(pair.server, 1 + random(300));
    }
    assert(given > ROUNDS / 20, `Only ${given} reads of ${ROUNDS} were given up`);
  });

  leakTest(`[${family}] bytes that race with a read timeout are not lost`, async () => {
    using pair = await pairOver(family);
    pair.server.setReadTimeout(1);
    const random = seededRandom(2);
    const received = new Receipt();
    let missed = 0;
    for (let round = 0; round < ROUNDS / 10; round++) {
      const bytes = message(received.sent, 1 + random(100), received);
      // About as long as the timeout, so that either may win.
      setTimeout(() => void pair.client.write(bytes), 1 + random(2));
      while (received.count < received.sent) {
        if (!await received.read(pair.server, 1 + random(300))) missed++;
      }
    }
    assert(missed > 0, "No read timed out");
  });

  leakTest(`[${family}] an aborted read leaves the reads around it in order`, async () => {
    using pair = await pairOver(family);
    const abort = new AbortController();
    const buffers = [new Uint8Array(2), new Uint8Array(2), new Uint8Array(2)];
    const signals = [undefined, abort.signal, undefined];
    const reads = buffers.map((buffer, i) => {
      const signal = signals[i];
      return pair.server.read(buffer, signal && { signal });
    });
    abort.abort(REASON);
    await assertRejects(() => reads[1], Error, "enough");
    await pair.client.write(new Uint8Array([1, 2, 3, 4]));
    assertEquals([await reads[0], await reads[2]], [2, 2]);
    assertEquals(buffers.map((buffer) => [...buffer]), [[1, 2], [0, 0], [3, 4]]);
  });
}

leakTest("readFull() that is given up leaves what came before in its buffer", async () => {
  using pair = await tcpPair();
  const abort = new AbortController();
  const buffer = new Uint8Array(4);
  const reading = pair.server.readFull(buffer, { signal: abort.signal });
  await pair.client.write(new Uint8Array([1, 2]));
  while (buffer[1] === 0) await nextImmediate();
  abort.abort(REASON);
  await assertRejects(() => reading, Error, "enough");
  await pair.client.write(new Uint8Array([3]));
  assertEquals(await readExactly(pair.server, 1), new Uint8Array([3]));
  assertEquals(buffer, new Uint8Array([1, 2, 0, 0]));
});

leakTest("writeAll() with a timeout goes on for as long as the peer reads", async () => {
  using pair = await tcpPair();
  pair.client.setWriteTimeout(60_000);
  const sent = patternBytes(4 * 1024 * 1024);
  const writing = pair.client.writeAll(sent);
  assertEquals(await readExactly(pair.server, sent.length), sent);
  await writing;
});

leakTest("setReadTimeout() and setWriteTimeout() throw RangeError out of range", async () => {
  using pair = await tcpPair();
  for (const milliseconds of [-1, NaN, 2 ** 31]) {
    assertThrows(() => pair.client.setReadTimeout(milliseconds), RangeError, "between 0 and");
    assertThrows(() => pair.client.setWriteTimeout(milliseconds), RangeError, "between 0 and");
  }
});

/** Counts up in every byte, so that a lost, doubled or swapped one shows. */
class Receipt {
  sent = 0;
  count = 0;

  /** Reads once and checks the bytes; false when the read was given up. */
  async read(
    conn: Conn,
    bytesMax: number,
    signal?: AbortSignal,
  ): Promise<boolean> {
    const buffer = new Uint8Array(bytesMax);
    try {
      const count = await conn.read(buffer, signal && { signal }) ?? 0;
      for (const byte of buffer.subarray(0, count)) assertEquals(byte, this.count++ & 0xff);
      return true;
    } catch (error) {
      if (error !== REASON && !(error instanceof TimedOut)) throw error;
      return false;
    }
  }
}

/** The next bytes to send. */
function message(start: number, length: number, receipt: Receipt): Uint8Array<ArrayBuffer> {
  receipt.sent += length;
  return Uint8Array.from({ length }, (_, i) => start + i);
}

/** Reads zeros up to a byte of this value, and says how many. */
async function readUntil(conn: Conn, last: number): Promise<number> {
  const block = new Uint8Array(65_536);
  for (let zeros = 0;;) {
    const count = await conn.read(block);
    if (count === null) throw new Error("The stream ended early");
    const bytes = block.subarray(0, count);
    assert(bytes.every((byte) => byte === 0 || byte === last), `Unexpected bytes after ${zeros}`);
    if (bytes.at(-1) === last) return zeros + count - 1;
    zeros += count;
  }
}
