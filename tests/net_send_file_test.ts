// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createHash } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS } from "./net_moments.ts";
import { pairOver, tcpPair } from "./net_pair.ts";
import type { SocketFamily } from "./servers.ts";
import { runProgram } from "./subprocess.ts";
import { patternBytes, readExactly, readToEnd } from "./transfer.ts";

const { BadResource, BrokenPipe, ConnectionReset, Interrupted, TimedOut } = Deno.errors;

const ringOnly = { ignore: engineInfo().engine !== "uring" };

const HUGE_BYTES = 64 * 1024 * 1024;
/** More than both kernel buffers take while nobody reads. */
const LARGE_BYTES = 32 * 1024 * 1024;

for (const family of ["tcp", "unix"] as const) registerCases(family);

function registerCases(family: SocketFamily): void {
  const named = (name: string) => `[${family}] ${name}`;

  leakTest(named("sendFile() sends a file of 64 MiB, every byte in its place"), async () => {
    using pair = await pairOver(family);
    using file = await fileOf(patternBytes(HUGE_BYTES));
    const sending = pair.client.sendFile(file).then(async (count) => {
      await pair.client.closeWrite();
      return count;
    });
    const hash = createHash("sha1");
    const block = new Uint8Array(65_536);
    for (let n = await pair.server.read(block); n !== null; n = await pair.server.read(block)) {
      hash.update(block.subarray(0, n));
    }
    assertEquals(hash.digest("hex"), digest(patternBytes(HUGE_BYTES)));
    assertEquals(await sending, HUGE_BYTES);
  });

  leakTest(named("sendFile() leaves between the writes around it"), async () => {
    using pair = await pairOver(family);
    const body = patternBytes(LARGE_BYTES);
    using file = await fileOf(body);
    const writing = Promise.all([
      pair.client.write(new Uint8Array([1])),
      pair.client.sendFile(file),
      pair.client.write(new Uint8Array([2])),
      pair.client.sendFile(file, 0, 3),
      pair.client.closeWrite(),
    ]);
    const received = await readToEnd(pair.server);
    assertEquals(received.length, body.length + 5);
    assertEquals([received[0], received[body.length + 1]], [1, 2]);
    assertEquals(digest(received.subarray(1, body.length + 1)), digest(body));
    assertEquals(received.subarray(-3), body.subarray(0, 3));
    await writing;
  });
}

leakTest("sendFile() sends the part that is asked for", async () => {
  const bytes = patternBytes(600_000);
  using file = await fileOf(bytes);
  for (const [offset, length] of [[0, 1], [1, 4096], [4095, 300_000], [262_144, 262_145]]) {
    using pair = await tcpPair();
    assertEquals(await pair.client.sendFile(file, offset, length), length);
    await pair.client.closeWrite();
    assertEquals(await readToEnd(pair.server), bytes.slice(offset, offset + length));
  }
});

leakTest("sendFile() stops where the file ends and says how many bytes it sent", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(1000));
  assertEquals(await pair.client.sendFile(file, 0, 2000), 1000);
  assertEquals(await pair.client.sendFile(file, 900, 2000), 100);
  assertEquals(await pair.client.sendFile(file, 1000), 0);
  assertEquals(await pair.client.sendFile(file, 5000), 0);
  await readExactly(pair.server, 1100);
});

leakTest("sendFile() with length 0 sends nothing", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(10));
  assertEquals(await pair.client.sendFile(file, 0, 0), 0);
  await pair.client.closeWrite();
  assertEquals(await pair.server.read(new Uint8Array(1)), null);
});

leakTest("sendFile() sends the holes of a sparse file as zeros", async () => {
  using pair = await tcpPair();
  using file = await fileOf(new Uint8Array());
  await Deno.truncate(file.path, 10_000_000);
  const sending = pair.client.sendFile(file).then(() => pair.client.closeWrite());
  const received = await readToEnd(pair.server);
  assertEquals(received.length, 10_000_000);
  assert(received.every((byte) => byte === 0));
  await sending;
});

leakTest("sendFile() takes offsets beyond 4 GiB", async () => {
  const offset = 5 * 2 ** 30;
  using pair = await tcpPair();
  using file = await fileOf(new Uint8Array());
  using writer = await Deno.open(file.path, { write: true });
  await writer.seek(offset, Deno.SeekMode.Start);
  await writer.write(new Uint8Array([1, 2, 3]));
  assertEquals(await pair.client.sendFile(file, offset - 1), 4);
  assertEquals(await readExactly(pair.server, 4), new Uint8Array([0, 1, 2, 3]));
});

leakTest("sendFile() leaves the position of the file where it is", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(1000));
  await pair.client.sendFile(file, 100, 10);
  assertEquals(await pair.client.sendFile(file), 1000);
  await readExactly(pair.server, 1010);
});

leakTest("sendFile() ends early when the file is cut meanwhile", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(LARGE_BYTES));
  const sending = pair.client.sendFile(file, 0, LARGE_BYTES);
  const head = await readExactly(pair.server, 1000);
  await Deno.truncate(file.path, 1000);
  const ended = sending.then(() => pair.client.closeWrite());
  const tail = await readToEnd(pair.server);
  await ended;
  const sent = await sending;
  assert(sent < LARGE_BYTES);
  assertEquals(head.length + tail.length, sent);
  const received = joined(head, tail);
  const expected = patternBytes(LARGE_BYTES).subarray(0, sent);
  assertEquals(digest(received.subarray(0, 1000)), digest(expected.subarray(0, 1000)));
  // Memory of the file is lent to the socket, so that the cut clears what has not left yet.
  const changed = received.findIndex((byte, at) => byte !== expected[at] && byte !== 0);
  assertEquals(changed, -1);
});

leakTest("sendFile() holds no memory while its peer is slow", async () => {
  using file = await fileOf(patternBytes(LARGE_BYTES));
  const pairs = await Promise.all(Array.from({ length: 20 }, () => tcpPair()));
  const sendings = pairs.map(({ client }) => client.sendFile(file));
  // Each has begun, and none can end.
  for (const { server } of pairs) await readExactly(server, 1);
  const { pool } = openEngine();
  while (pool.leased > 0) await new Promise((resolve) => setTimeout(resolve, 1));
  for (const { client } of pairs) client.close();
  for (const sending of sendings) await assertRejects(() => sending, Interrupted);
  for (const { server } of pairs) server.close();
}, ringOnly);

leakTest("sendFile() given up while its peer is slow rejects with the reason", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(LARGE_BYTES));
  const abort = new AbortController();
  const sending = pair.client.sendFile(file, 0, LARGE_BYTES, { signal: abort.signal });
  await readExactly(pair.server, 1000);
  abort.abort(new Error("enough"));
  await assertRejects(() => sending, Error, "enough");
});

leakTest("sendFile() given up at any moment leaves the connection usable", async () => {
  using file = await fileOf(patternBytes(600_000));
  for (const moment of MOMENTS) {
    using pair = await tcpPair();
    const abort = new AbortController();
    const received = readToEnd(pair.server);
    const sending = pair.client.sendFile(file, 0, Infinity, { signal: abort.signal })
      .catch((reason) => assertEquals(reason.message, "enough"));
    await atMoment(moment, () => abort.abort(new Error("enough")));
    await sending;
    await pair.client.writeAll(new Uint8Array([7]));
    await pair.client.closeWrite();
    assertEquals((await received).at(-1), 7);
  }
});

leakTest("sendFile() rejects when its connection is closed at any moment", async () => {
  using file = await fileOf(patternBytes(LARGE_BYTES));
  for (const moment of MOMENTS) {
    using pair = await tcpPair();
    const sending = pair.client.sendFile(file);
    const rejecting = assertRejects(() => sending);
    await atMoment(moment, () => pair.client.close());
    const error = await rejecting;
    assert(error instanceof Interrupted || error instanceof BadResource, String(error));
  }
});

leakTest("sendFile() rejects when the peer is gone, and so do later writes", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(LARGE_BYTES));
  const sending = pair.client.sendFile(file);
  await readExactly(pair.server, 1000);
  pair.server.close();
  const error = await assertRejects(() => sending);
  assert(error instanceof BrokenPipe || error instanceof ConnectionReset, String(error));
  await assertRejects(() => pair.client.write(new Uint8Array(1)));
});

leakTest("sendFile() keeps to the write timeout", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(LARGE_BYTES));
  pair.client.setWriteTimeout(30);
  await assertRejects(() => pair.client.sendFile(file), TimedOut, "Cannot write");
});

leakTest("sendFile() rejects what is no part of a file", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(10));
  for (const [offset, length] of [[-1, 1], [0.5, 1], [2 ** 53, 1], [0, -1], [0, NaN], [NaN, 1]]) {
    await assertRejects(() => pair.client.sendFile(file, offset, length), RangeError);
  }
  await assertRejects(() => pair.client.sendFile({} as { fd: number }), TypeError);
  await assertRejects(() => pair.client.sendFile(null as never), TypeError);
});

leakTest("sendFile() rejects when the descriptor is not open, and harms nothing", async () => {
  using pair = await tcpPair();
  await assertRejects(() => pair.client.sendFile({ fd: 1_000_000 }), Error);
  await pair.client.write(new Uint8Array([5]));
  assertEquals(await readExactly(pair.server, 1), new Uint8Array([5]));
});

leakTest("sendFile() rejects with the code of what cannot be read at an offset", async () => {
  using pair = await tcpPair();
  using folder = handleOf("/tmp");
  const error = await assertRejects(() => pair.client.sendFile(folder), Error);
  assertEquals((error as Error & { code: string }).code, "EISDIR");
});

leakTest("sendFile() on a closed connection rejects with BadResource", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(10));
  pair.client.close();
  await assertRejects(() => pair.client.sendFile(file), BadResource);
});

leakTest("sendFile() with a signal that is aborted already sends nothing", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(10));
  const signal = AbortSignal.abort(new Error("before"));
  await assertRejects(() => pair.client.sendFile(file, 0, 10, { signal }), Error, "before");
  await pair.client.closeWrite();
  assertEquals(await pair.server.read(new Uint8Array(1)), null);
});

leakTest("a read goes on beside sendFile()", async () => {
  using pair = await tcpPair();
  using file = await fileOf(patternBytes(LARGE_BYTES));
  const reading = pair.client.read(new Uint8Array(8));
  const sending = pair.client.sendFile(file).then(() => pair.client.closeWrite());
  await pair.server.write(new Uint8Array([1, 2, 3]));
  assertEquals(await reading, 3);
  assertEquals(digest(await readToEnd(pair.server)), digest(patternBytes(LARGE_BYTES)));
  await sending;
});

Deno.test("sendFile() sends on the portable engine what node:fs has opened", async () => {
  const { code, stdout, stderr } = await runProgram(
    `import { openSync } from "node:fs";
    import { connect, listen } from "${new URL("../net/mod.ts", import.meta.url)}";
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    const [client, server] = await Promise.all([
      connect({ port: listener.addr.port }),
      listener.accept(),
    ]);
    const sent = client.sendFile({ fd: openSync("LICENSE", "r") }, 10, 20);
    const bytes = new Uint8Array(20);
    await server.readFull(bytes);
    const text = await Deno.readTextFile("LICENSE");
    console.log(await sent, new TextDecoder().decode(bytes) === text.slice(10, 30));
    client.close();
    server.close();`,
    ["--allow-net", "--allow-read"],
  );
  assertEquals([code, stdout, stderr], [0, "20 true\n", ""]);
});

/** An open file that is removed when it is disposed. */
interface TestFile extends Disposable {
  readonly fd: number;
  readonly path: string;
}

async function fileOf(bytes: Uint8Array): Promise<TestFile> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, bytes);
  const { fd, [Symbol.dispose]: close } = handleOf(path);
  const dispose = () => {
    close();
    Deno.removeSync(path);
  };
  return { fd, path, [Symbol.dispose]: dispose };
}

function handleOf(path: string): { fd: number } & Disposable {
  const fd = openSync(path, "r");
  return { fd, [Symbol.dispose]: () => closeSync(fd) };
}

function digest(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
