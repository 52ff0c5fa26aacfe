// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { sslObjects } from "../ffi/ssl.ts";
import { memoryDuplex } from "../io/memory_duplex.ts";
import { HANDSHAKES_PER_ROUND } from "../net/handshake_gate.ts";
import { connect, connectTls, listen, listenTls, startTls, type TcpConn } from "../net/mod.ts";
import { acceptTls } from "../net/start_tls.ts";
import { echoEach, listening, tlsPair, tlsTest } from "./tls_pair.ts";
import { runProgram } from "./tls_programs.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";
import { tcpPair, unixPair } from "./net_pair.ts";

const { BadResource, Busy, Interrupted, InvalidData, TimedOut, UnexpectedEof } = Deno.errors;
const api = { connectTls, listenTls };
const RECORD_HEAD_BYTES = 5;

tlsTest(
  "read() gives what came before the cut, then rejects with UnexpectedEof, every time",
  async ({ ca, localhost }) => {
    using cut = await relayed(localhost, ca);
    await cut.server.write(utf8("whole"));
    await cut.carry();
    assertEquals(await readExactly(cut.client, 5), utf8("whole"));
    cut.down.close();
    cut.up.close();
    for (let time = 0; time < 2; time++) {
      await assertRejects(() => cut.client.read(new Uint8Array(9)), UnexpectedEof, "close_notify");
      await assertRejects(() => cut.server.read(new Uint8Array(9)), UnexpectedEof, "close_notify");
    }
  },
);

tlsTest(
  "read() rejects with UnexpectedEof for a record that is cut at any point",
  async ({ ca, localhost }) => {
    for (const kept of [1, RECORD_HEAD_BYTES, 6, 20]) {
      using cut = await relayed(localhost, ca);
      await cut.server.write(utf8("truncated"));
      const record = new Uint8Array(100);
      const count = await cut.up.read(record);
      assert(count !== null && kept < count);
      await cut.down.write(record.subarray(0, kept));
      cut.down.close();
      await assertRejects(() => cut.client.read(new Uint8Array(9)), UnexpectedEof);
    }
  },
);

tlsTest(
  "read() rejects with InvalidData for bytes that nobody encrypted",
  async ({ ca, localhost }) => {
    using cut = await relayed(localhost, ca);
    await cut.down.write(utf8("this is no record, whatever else it may be"));
    await assertRejects(() => cut.client.read(new Uint8Array(9)), InvalidData, "corrupt");
    await assertRejects(() => cut.client.read(new Uint8Array(9)), InvalidData, "corrupt");
  },
);

tlsTest(
  "read() rejects for a record whose bytes were changed, after those before it",
  async ({ ca, localhost }) => {
    using cut = await relayed(localhost, ca);
    await cut.server.write(utf8("good"));
    await cut.server.write(utf8("evil"));
    const records = new Uint8Array(200);
    let count = 0;
    while (count < 2 * (RECORD_HEAD_BYTES + 4 + 17)) {
      count += (await cut.up.read(records.subarray(count)))!;
    }
    records[count - 1] ^= 1;
    await cut.down.write(records.subarray(0, count));
    assertEquals(await readExactly(cut.client, 4), utf8("good"));
    await assertRejects(() => cut.client.read(new Uint8Array(9)), InvalidData);
  },
);

tlsTest("bytes behind the goodbye are not read", async ({ ca, localhost }) => {
  using cut = await relayed(localhost, ca);
  await cut.server.closeWrite();
  const goodbye = new Uint8Array(100);
  const count = (await cut.up.read(goodbye))!;
  await cut.down.write(new Uint8Array([...goodbye.subarray(0, count), ...utf8("more, and more")]));
  assertEquals(await cut.client.read(new Uint8Array(9)), null);
  assertEquals(await cut.client.read(new Uint8Array(9)), null);
});

tlsTest("a client that asks to renegotiate is not listened to", async (pki) => {
  using listener = listening(pki.localhost, { maxVersion: "TLSv1.2" });
  const serving = echoEach(listener);
  const args = ["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-tls1_2", "-CAfile"];
  const { text } = await runProgram("openssl", [...args, pki.caPath], "R\n");
  assert(/no renegotiation|handshake failure|RENEGOTIATING/i.test(text), text.slice(-500));
  assert(!/verify return:1[\s\S]*RENEGOTIATING[\s\S]*verify return:1/.test(text), "It was done");
  // The server has not suffered.
  const { port } = listener.addr;
  using conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  await conn.write(utf8("x"));
  assertEquals(await readExactly(conn, 1), utf8("x"));
  conn.close();
  listener.close();
  await serving;
});

tlsTest(
  "handshake() rejects with TimedOut when the peer never says anything",
  async ({ localhost }) => {
    using listener = listening(localhost, { handshakeTimeoutMs: 50 });
    using visitor = await connect({ port: listener.addr.port });
    using conn = await listener.accept();
    await assertRejects(() => conn.handshake(), TimedOut, "50 ms");
    await assertRejects(() => conn.read(new Uint8Array(1)), TimedOut);
    visitor.close();
  },
);

tlsTest("handshake() rejects with TimedOut when the peer takes nothing", async (pki) => {
  const [near, far] = memoryDuplex({ bufferBytes: 512 });
  using server = acceptTls(far, { ...pki.localhost, handshakeTimeoutMs: 50 });
  const [inner, outer] = memoryDuplex();
  using _client = await startTls(inner, { hostname: "localhost" });
  const hello = new Uint8Array(2048);
  const helloBytes = await outer.read(hello);
  await writeAll(near, hello.subarray(0, helloBytes!));
  // A time limit and a stream in memory let the process end.
  const alive = setTimeout(() => server.close(), 5000);
  await assertRejects(() => server.handshake(), TimedOut, "50 ms");
  clearTimeout(alive);
  await assertRejects(() => server.read(new Uint8Array(1)), TimedOut);
});

tlsTest("a client gives up on a server that never answers", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  using conn = await connectTls({ port, handshakeTimeoutMs: 50 });
  using _silent = await listener.accept();
  await assertRejects(() => conn.handshake(), TimedOut);
});

tlsTest(
  "no memory of OpenSSL's is held for a peer that has not said hello",
  async ({ localhost }) => {
    using listener = listening(localhost);
    const before = sslObjects.connections;
    using visitor = await connect({ port: listener.addr.port });
    using conn = await listener.accept();
    await visitor.write(new Uint8Array([22, 3, 1, 2]));
    assertEquals(sslObjects.connections, before);
    conn.close();
  },
);

tlsTest("handshake() rejects for a peer that speaks something else", async ({ localhost }) => {
  using listener = listening(localhost);
  using visitor = await connect({ port: listener.addr.port });
  using conn = await listener.accept();
  await visitor.write(utf8("GET / HTTP/1.1\r\n\r\n"));
  await assertRejects(() => conn.handshake(), InvalidData, "http request");
});

tlsTest(
  "connections that are there are served while handshakes flood in",
  async ({ ca, localhost }) => {
    using listener = listening(localhost);
    const serving = echoEach(listener);
    const { port } = listener.addr;
    const options = { hostname: "localhost", port, caCerts: [ca], resumeSessions: false };
    using lasting = await connectTls(options);
    await lasting.handshake();
    let shaken = 0;
    const flood = Array.from({ length: 100 }, async () => {
      using conn = await connectTls(options);
      await conn.handshake();
      shaken++;
    });
    let echoes = 0;
    while (shaken < 100) {
      const before = shaken;
      await lasting.write(utf8("x"));
      await readExactly(lasting, 1);
      echoes++;
      // Both ends shake hands in this process, a few rounds pass on the way there and back.
      assert(shaken - before <= 8 * HANDSHAKES_PER_ROUND, `${shaken - before} in one round trip`);
    }
    await Promise.all(flood);
    assert(echoes > 10, `${echoes} echoes`);
    lasting.close();
    listener.close();
    await serving;
  },
);

tlsTest(
  "10 000 connects that are aborted or closed at any time leave nothing",
  async ({ ca, localhost }) => {
    using listener = listening(localhost);
    const serving = echoEach(listener);
    const { port } = listener.addr;
    const options = { hostname: "localhost", port, caCerts: [ca] };
    let made = 0;
    const worker = async (seed: number) => {
      for (let round = 0; round < 625; round++) {
        const kind = (seed * 7 + round) % 8;
        const controller = new AbortController();
        const connecting = connectTls({ ...options, signal: controller.signal });
        if (kind < 3) controller.abort();
        try {
          using conn = await connecting;
          made++;
          if (kind === 3) continue;
          const handshake = conn.handshake().catch(() => {});
          if (kind === 4) conn.close();
          if (kind === 5) {
            conn.read(new Uint8Array(1), { signal: AbortSignal.abort() }).catch(
              () => {},
            );
          }
          if (kind > 5 && round % 16 === 0) await handshake;
        } catch (error) {
          if (!controller.signal.aborted) throw error;
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, (_, seed) => worker(seed)));
    assert(made > 1000, `${made} connections`);
    listener.close();
    await serving;
  },
);

tlsTest("read() and write() that are aborted leave the connection as it was", async () => {
  using pair = await tlsPair(api);
  await pair.client.handshake();
  const controller = new AbortController();
  const reads = [
    pair.client.read(new Uint8Array(1), { signal: controller.signal }),
    pair.client.read(new Uint8Array(1), { signal: controller.signal }),
  ];
  const last = pair.client.read(new Uint8Array(1));
  const given = Promise.all(reads.map((read) => assertRejects(() => read, Error, "enough")));
  controller.abort(new Error("enough"));
  await given;
  await pair.server.write(utf8("x"));
  assertEquals(await last, 1);
  await assertRejects(() => pair.client.write(utf8("x"), { signal: AbortSignal.abort() }));
});

tlsTest("read() and write() reject when their buffer is given away meanwhile", async () => {
  using pair = await tlsPair(api);
  const [into, from] = [new Uint8Array(8), new Uint8Array(8)];
  const calls = [pair.client.read(into), pair.client.write(from)];
  structuredClone(0, { transfer: [into.buffer, from.buffer] });
  const rejected = Promise.all(
    calls.map((call) => assertRejects(() => call, TypeError, "detached")),
  );
  await pair.server.write(utf8("x"));
  await rejected;
  assertEquals(await pair.client.read(new Uint8Array(1)), 1);
});

tlsTest("write() takes shared memory", async () => {
  using pair = await tlsPair(api);
  const shared = new Uint8Array(new SharedArrayBuffer(100_000)).fill(7);
  const into = new Uint8Array(new SharedArrayBuffer(100_000));
  await Promise.all([pair.client.writeAll(shared), pair.server.readFull(into)]);
  assertEquals(into, shared);
});

tlsTest("peek() leaves the bytes", async () => {
  using pair = await tlsPair(api);
  await pair.server.write(utf8("abc"));
  const buffer = new Uint8Array(2);
  assertEquals(await pair.client.peek(buffer), 2);
  assertEquals(await readExactly(pair.client, 3), utf8("abc"));
});

tlsTest("writev() and sendFile() encrypt too", async () => {
  using pair = await tlsPair(api);
  const path = await Deno.makeTempFile();
  const content = patternBytes(200_000);
  await Deno.writeFile(path, content);
  const { openSync, closeSync } = await import("node:fs");
  const fd = openSync(path, "r");
  const sending = (async () => {
    assertEquals(await pair.client.writev([utf8("ab"), new Uint8Array(), utf8("cd")]), 4);
    assertEquals(await pair.client.sendFile({ fd }, 10, 150_000), 150_000);
    pair.client.close();
  })();
  const received = await readToEnd(pair.server);
  await sending;
  closeSync(fd);
  await Deno.remove(path);
  assertEquals(received.subarray(0, 4), utf8("abcd"));
  assertEquals(received.subarray(4), content.subarray(10, 150_010));
});

tlsTest("a reader that stops stops the writer, and close() interrupts it", async () => {
  using pair = await tlsPair(api);
  const block = new Uint8Array(65_536);
  let written = 0;
  const writing = assertRejects(async () => {
    for (;;) written += await pair.client.write(block);
  }, Interrupted);
  for (let before = -1; written !== before;) {
    before = written;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  pair.client.close();
  await writing;
});

tlsTest(
  "startTls() takes a connection over, and refuses one that is in use",
  async ({ ca, localhost }) => {
    using pair = await tcpPair();
    const read = pair.client.read(new Uint8Array(1));
    await assertRejects(() => startTls(pair.client, { hostname: "localhost" }), Busy);
    await pair.server.write(utf8("x"));
    await read;
    using server = acceptTls(pair.server, localhost);
    using client = await startTls(pair.client, { hostname: "localhost", caCerts: [ca] });
    await assertRejects(() => pair.client.read(new Uint8Array(1)), BadResource);
    await client.write(utf8("hello"));
    assertEquals(await readExactly(server, 5), utf8("hello"));
  },
);

tlsTest("startTls() works over a Unix socket, and over TLS", async ({ ca, localhost }) => {
  using pair = await unixPair();
  const outer = acceptTls(pair.server, localhost);
  const inner = await startTls(pair.client, { hostname: "localhost", caCerts: [ca] });
  await Promise.all([outer.handshake(), inner.handshake()]);
  using server = acceptTls(outer, localhost);
  using client = await startTls(inner, { hostname: "localhost", caCerts: [ca] });
  const sent = patternBytes(100_000);
  const [received] = await Promise.all([readExactly(server, sent.length), writeAll(client, sent)]);
  assertEquals(received, sent);
});

tlsTest("startTls() works over a stream in memory that moves few bytes at a time", async (pki) => {
  const [near, far] = memoryDuplex({ chunkBytesMax: 7 });
  using server = acceptTls(far, pki.localhost);
  using client = await startTls(near, { hostname: "localhost", caCerts: [pki.ca] });
  const sent = patternBytes(20_000);
  const [received] = await Promise.all([readExactly(server, sent.length), writeAll(client, sent)]);
  assertEquals(received, sent);
  await client.closeWrite();
  assertEquals(await server.read(new Uint8Array(1)), null);
});

tlsTest(
  "a connection that was accepted is good when its listener is closed before the hello",
  async ({ ca, localhost }) => {
    using listener = listening(localhost);
    const tcp = await connect({ port: listener.addr.port });
    using server = await listener.accept();
    listener.close();
    using client = await startTls(tcp, { hostname: "localhost", caCerts: [ca] });
    await Promise.all([client.handshake(), server.handshake()]);
  },
);

/** Both ends of TLS with a relay between them that does only what the test says. */
async function relayed(identity: { cert: string; key: string }, ca: string) {
  const below = await tcpPair();
  const above = await tcpPair();
  const server = acceptTls(above.server, identity);
  const client = await startTls(below.client, { hostname: "localhost", caCerts: [ca] });
  const [up, down] = [above.client, below.server];
  const shaken = Promise.all([client.handshake(), server.handshake()]);
  const stop = new AbortController();
  const pumping = [pump(up, down, stop.signal), pump(down, up, stop.signal)];
  await shaken;
  // Tickets have to be through too, so that what comes next is what the test wrote.
  await server.write(utf8("."));
  await readExactly(client, 1);
  stop.abort();
  await Promise.all(pumping);
  const close = () => {
    for (const end of [client, server, up, down]) end[Symbol.dispose]();
  };
  const carry = async () => {
    const buffer = new Uint8Array(65_536);
    await down.writeAll(buffer.subarray(0, (await up.read(buffer)) ?? 0));
  };
  return { client, server, up, down, carry, [Symbol.dispose]: close };
}

async function pump(from: TcpConn, to: TcpConn, signal: AbortSignal): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await from.read(buffer, { signal });
      if (count === null) return;
      await to.writeAll(buffer.subarray(0, count));
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
