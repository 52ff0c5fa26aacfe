// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { encodeCryptoInfo } from "../ffi/kernel_tls.ts";
import { open } from "../fs/mod.ts";
import { connectTls, listenTls, type TlsConn } from "../net/mod.ts";
import { KernelRecords, PASS_BYTES_MAX } from "../net/kernel_records.ts";
import { recordKeys } from "../net/record_keys.ts";
import { UringStreamSocket } from "../net/uring_socket.ts";
import { kernelTlsDouble } from "./kernel_tls_double.ts";
import { listening, tlsPair, tlsTest } from "./tls_pair.ts";
import { runProgram, ServingProgram } from "./tls_programs.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";

// The kernel's part is played by a double that encrypts by what the kernel would be told; peers are
// OpenSSL, Deno and this library. Where the kernel has TLS, the last test takes it.

const api = { connectTls, listenTls };

const SUITES = [
  "TLS_AES_128_GCM_SHA256",
  "TLS_AES_256_GCM_SHA384",
  "TLS_CHACHA20_POLY1305_SHA256",
];

Deno.test("recordKeys() derives key and nonce as in RFC 8448 section 3", () => {
  const secret = Uint8Array.fromHex(
    "a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643",
  );
  assertEquals(recordKeys("TLS_AES_128_GCM_SHA256", secret, 0n), {
    suite: "TLS_AES_128_GCM_SHA256",
    key: Uint8Array.fromHex("9f02283b6c9c07efc26bb9f2ac92e356"),
    iv: Uint8Array.fromHex("cf782b88dd83549aadf1e984"),
    sequence: 0n,
  });
  assertEquals(recordKeys("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", secret, 0n), null);
});

Deno.test("encodeCryptoInfo() lays keys out as linux/tls.h does", () => {
  const key = new Uint8Array(16).fill(0xaa);
  const iv = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const info = (suite: string, key: Uint8Array) =>
    encodeCryptoInfo({ suite, key, iv, sequence: 0x102n }).toHex();
  const tail = "0000000000000102";
  assertEquals(
    info("TLS_AES_128_GCM_SHA256", key),
    `0403${"3300"}05060708090a0b0c${"aa".repeat(16)}01020304${tail}`,
  );
  assertEquals(
    info("TLS_CHACHA20_POLY1305_SHA256", new Uint8Array(32).fill(0xbb)),
    `0403${"3600"}0102030405060708090a0b0c${"bb".repeat(32)}${tail}`,
  );
  assertThrows(() => info("TLS_AES_128_CCM_SHA256", key), TypeError, "TLS_AES_128_CCM_SHA256");
});

for (const suite of SUITES) {
  tlsTest(`kernelTls: openssl s_client reads records of ${suite}`, async (pki) => {
    using kernel = kernelTlsDouble();
    using listener = listening(pki.localhost, { kernelTls: true });
    const served = (async () => {
      using conn = await listener.accept();
      const { kernelTls, cipherSuite } = await conn.handshake();
      const line = await readExactly(conn, 11);
      await writeAll(conn, line);
      await conn.closeWrite();
      return { kernelTls, cipherSuite };
    })();
    const { text } = await runProgram("openssl", [
      ...["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-CAfile", pki.caPath],
      ...["-ciphersuites", suite, "-verify_return_error", "-quiet"],
    ], "to and fro\n");
    assertEquals(await served, { kernelTls: true, cipherSuite: suite });
    assertEquals(kernel.sockets, 1);
    assert(text.includes("to and fro"), text);
  });

  tlsTest(`kernelTls: openssl s_server reads records of ${suite}`, async (pki) => {
    using kernel = kernelTlsDouble();
    const { certPath, keyPath } = pki.localhost;
    const args = ["s_server", "-accept", "127.0.0.1:0", "-cert", certPath, "-key", keyPath];
    const shown = [...args, "-ciphersuites", suite, "-rev"];
    await using server = await ServingProgram.start("openssl", shown, /ACCEPT \S+:(\d+)/);
    const { port } = server;
    using conn = await connectTls({
      ...{ hostname: "localhost", port, caCerts: [pki.ca], kernelTls: true },
    });
    await conn.write(utf8("stressed\n"));
    assertEquals(await readExactly(conn, 9), utf8("desserts\n"));
    assertEquals((await conn.handshake()).kernelTls, true);
    assertEquals(kernel.sockets, 1);
  });
}

tlsTest("kernelTls: Deno reads a file and the goodbye behind it", async ({ ca, localhost }) => {
  using _kernel = kernelTlsDouble();
  using listener = listening(localhost, { kernelTls: true });
  const bytes = patternBytes(300_000);
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, bytes);
    const { port } = listener.addr;
    const accepting = listener.accept();
    using client = await Deno.connectTls({ hostname: "localhost", port, caCerts: [ca] });
    const received = readToEnd(client);
    {
      using conn = await accepting;
      using file = await open(path);
      assertEquals(await conn.sendFile(file), bytes.length);
      await conn.writev([utf8("a"), utf8("b")]);
    }
    assertEquals(await received, new Uint8Array([...bytes, 97, 98]));
  } finally {
    await Deno.remove(path);
  }
});

tlsTest("kernelTls: both ends echo, resume, and say goodbye in turn", async (pki) => {
  using kernel = kernelTlsDouble();
  using listener = listening(pki.localhost, { kernelTls: true });
  const { port } = listener.addr;
  const options = { hostname: "localhost", port, caCerts: [pki.ca], kernelTls: true };
  for (const resumed of [false, true]) {
    const connecting = connectTls(options);
    using server = await listener.accept();
    using client = await connecting;
    assertEquals((await client.handshake()).resumed, resumed);
    await echo(client, server);
    await client.closeWrite();
    assertEquals(await server.read(new Uint8Array(1)), null);
    await server.write(utf8("late"));
    await server.closeWrite();
    assertEquals(await readToEnd(client), utf8("late"));
  }
  assertEquals(kernel.sockets, 4);
});

tlsTest("kernelTls: close() sends what was written and the goodbye behind it", async () => {
  using _kernel = kernelTlsDouble();
  using pair = await tlsPair(api, {}, { kernelTls: true });
  const bytes = patternBytes(100_000);
  const received = readToEnd(pair.client);
  const read = assertRejects(() => pair.server.read(new Uint8Array(1)), Deno.errors.Interrupted);
  await writeAll(pair.server, bytes);
  pair.server.close();
  await read;
  assertEquals(await received, bytes);
});

tlsTest("kernelTls: a write that is given up lets no other get ahead of the kernel", async () => {
  using _kernel = kernelTlsDouble();
  const { encrypt } = UringStreamSocket.prototype;
  const asked = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<void>();
  UringStreamSocket.prototype.encrypt = async function (keys) {
    asked.resolve();
    await answer.promise;
    return await encrypt.call(this, keys);
  };
  using pair = await tlsPair(api, { kernelTls: true });
  const { client, server } = pair;
  const controller = new AbortController();
  const first = client.write(utf8("given up"), { signal: controller.signal });
  await asked.promise;
  controller.abort();
  await assertRejects(() => first, DOMException);
  const second = client.write(utf8("to "));
  answer.resolve();
  await second;
  await client.handshake();
  await client.write(utf8("and fro"));
  assertEquals(await readExactly(server, 10), utf8("to and fro"));
});

tlsTest("kernelTls: handshakeTimeoutMs limits how the kernel takes over", async (pki) => {
  using _kernel = kernelTlsDouble();
  const answer = Promise.withResolvers<void>();
  UringStreamSocket.prototype.encrypt = () => answer.promise.then(() => false);
  using listener = listening(pki.localhost, { kernelTls: true, handshakeTimeoutMs: 200 });
  const { port } = listener.addr;
  const connecting = connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  using server = await listener.accept();
  using client = await connecting;
  // It keeps the process alive, which a time limit does not.
  const cutOff = assertRejects(() => client.read(new Uint8Array(1)), Deno.errors.UnexpectedEof);
  await assertRejects(() => server.handshake(), Deno.errors.TimedOut, "200 ms");
  await assertRejects(() => server.write(utf8("late")), Deno.errors.TimedOut);
  answer.resolve();
  server.close();
  await cutOff;
});

tlsTest("kernelTls: closeWrite() says goodbye once", async () => {
  using _kernel = kernelTlsDouble();
  using pair = await tlsPair(api, { kernelTls: true });
  await pair.client.closeWrite();
  await pair.client.closeWrite();
  assertEquals(await readToEnd(pair.server), new Uint8Array());
});

for (const kernelTls of [false, true]) {
  tlsTest(`close() cuts sendFile() off, kernelTls: ${kernelTls}`, async () => {
    using _kernel = kernelTlsDouble();
    const path = await Deno.makeTempFile();
    try {
      await Deno.truncate(path, 50_000_000);
      using pair = await tlsPair(api, {}, { kernelTls });
      using file = await open(path);
      const sending = assertRejects(() => pair.server.sendFile(file), Deno.errors.Interrupted);
      await readExactly(pair.client, 1000);
      pair.server.close();
      await sending;
      await assertRejects(() => readToEnd(pair.client), Deno.errors.UnexpectedEof);
    } finally {
      await Deno.remove(path);
    }
  });
}

Deno.test("KernelRecords.pass() takes no more than a socket may have to keep", () => {
  const records = new KernelRecords();
  assertEquals(records.pass(new Uint8Array(PASS_BYTES_MAX + 1)), PASS_BYTES_MAX);
  assertEquals(records.take().length, PASS_BYTES_MAX);
});

tlsTest("kernelTls: write() rejects once the peer has asked for new keys", async (pki) => {
  using _kernel = kernelTlsDouble();
  using listener = listening(pki.localhost, { kernelTls: true });
  const args = ["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-CAfile", pki.caPath];
  const streams = { stdin: "piped", stdout: "null", stderr: "piped" } as const;
  const child = new Deno.Command("openssl", { args, ...streams }).spawn();
  using conn = await listener.accept();
  await conn.handshake();
  const input = child.stdin.getWriter();
  await input.write(utf8("K\n"));
  let said = "";
  const messages = child.stderr.pipeThrough(new TextDecoderStream()).getReader();
  while (!said.includes("KEYUPDATE")) {
    const { done, value } = await messages.read();
    assert(!done, said);
    said += value;
  }
  // It asks with the next line that it sends.
  await input.write(utf8("next\n"));
  assertEquals(await readExactly(conn, 5), utf8("next\n"));
  for (let time = 0; time < 2; time++) {
    await assertRejects(() => conn.write(utf8("no")), Deno.errors.NotSupported, "no new keys");
  }
  conn.close();
  await input.close().catch(() => {});
  await messages.cancel();
  await child.status;
});

tlsTest("kernelTls: TLS 1.2, and who does not ask, are as without", async () => {
  using kernel = kernelTlsDouble();
  const cases = [{ kernelTls: true, maxVersion: "TLSv1.2" }, {}];
  for (const options of cases) {
    using pair = await tlsPair(api, options, options);
    assertEquals((await pair.server.handshake()).kernelTls, false);
    await echo(pair.client, pair.server);
  }
  assertEquals(kernel.sockets, 0);
});

tlsTest("kernelTls: is taken where this kernel has it, else all is as without", async () => {
  const protocols = await Deno.readTextFile("/proc/sys/net/ipv4/tcp_available_ulp")
    .catch(() => "");
  using pair = await tlsPair(api, { kernelTls: true }, { kernelTls: true });
  const { kernelTls } = await pair.client.handshake();
  assertEquals(kernelTls, protocols.split(/\s+/).includes("tls"));
  await echo(pair.client, pair.server);
  await pair.client.closeWrite();
  assertEquals(await readToEnd(pair.server), new Uint8Array());
});

async function echo(client: TlsConn, server: TlsConn): Promise<void> {
  const bytes = patternBytes(200_000);
  for (const [from, to] of [[client, server], [server, client]]) {
    const [received] = await Promise.all([readExactly(to, bytes.length), writeAll(from, bytes)]);
    assertEquals(received, bytes);
  }
}
