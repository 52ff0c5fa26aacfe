// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type TlsApi, tlsPair } from "./tls_pair.ts";
import { pki } from "./tls_pki.ts";
import { patternBytes, readExactly, readToEnd, utf8, writeAll } from "./transfer.ts";

const { BadResource, ConnectionRefused, Interrupted, InvalidData, NotConnected, UnexpectedEof } =
  Deno.errors;

/** One row a behaviour that Deno and this library share, whichever engine it runs on. */
export const tlsCases: Record<string, (api: TlsApi) => Promise<void>> = {
  "handshake() says that no protocol was agreed on": async (api) => {
    using pair = await tlsPair(api);
    assertEquals((await pair.client.handshake()).alpnProtocol, null);
    assertEquals((await pair.server.handshake()).alpnProtocol, null);
  },

  "handshake() gives the server's favourite among the client's protocols": async (api) => {
    const client = { alpnProtocols: ["http/1.1", "h2"] };
    using pair = await tlsPair(api, client, { alpnProtocols: ["h2", "http/1.1"] });
    assertEquals((await pair.client.handshake()).alpnProtocol, "h2");
    assertEquals((await pair.server.handshake()).alpnProtocol, "h2");
  },

  "handshake() rejects on both sides when there is no protocol in common": async (api) => {
    using pair = await tlsPair(api, { alpnProtocols: ["a"] }, { alpnProtocols: ["b"] });
    const [client, server] = await failures(pair.client, pair.server);
    assertEquals(client.message, "received fatal alert: NoApplicationProtocol");
    assertEquals(server.message, "peer doesn't support any known protocol");
  },

  "handshake() takes a server without protocols": async (api) => {
    using pair = await tlsPair(api, { alpnProtocols: ["h2"] });
    assertEquals((await pair.client.handshake()).alpnProtocol, null);
  },

  "handshake() rejects when nobody that is trusted has signed": async (api) => {
    using pair = await tlsPair(api, { caCerts: [] });
    const [client, server] = await failures(pair.client, pair.server);
    assert(client.message.startsWith("invalid peer certificate: UnknownIssuer"), client.message);
    assertEquals(server.message, "received fatal alert: UnknownCA");
    await assertRejects(() => pair.client.read(new Uint8Array(1)), InvalidData);
    await assertRejects(() => pair.client.write(new Uint8Array(1)), InvalidData);
  },

  "handshake() rejects when the certificate is for another host": async (api) => {
    const { other } = await pki();
    using pair = await tlsPair(api, {}, other);
    const [client] = await failures(pair.client, pair.server);
    assert(client.message.startsWith("invalid peer certificate: "), client.message);
  },

  "handshake() rejects when the certificate has expired": async (api) => {
    const { expired } = await pki();
    using pair = await tlsPair(api, {}, expired);
    const [client] = await failures(pair.client, pair.server);
    assert(/^invalid peer certificate: .*[Ee]xpired/.test(client.message), client.message);
  },

  "handshake() rejects when the certificate is signed by itself": async (api) => {
    const { selfSigned } = await pki();
    using pair = await tlsPair(api, {}, selfSigned);
    await failures(pair.client, pair.server);
  },

  "handshake() takes another host's certificate when it was told to": async (api) => {
    const { other } = await pki();
    using pair = await tlsPair(api, { unsafelyDisableHostnameVerification: true }, other);
    await pair.client.handshake();
  },

  "handshake() takes an address that the certificate has": async (api) => {
    using pair = await tlsPair(api, { hostname: "127.0.0.1" });
    await pair.client.handshake();
  },

  "handshake() rejects with UnexpectedEof when the peer leaves before": async (api) => {
    const { localhost } = await pki();
    using listener = api.listenTls({ hostname: "127.0.0.1", port: 0, ...localhost });
    const [visitor, server] = await Promise.all([
      Deno.connect({ port: listener.addr.port }),
      listener.accept(),
    ]);
    visitor.close();
    await assertRejects(() => server.handshake(), UnexpectedEof);
    await assertRejects(() => server.read(new Uint8Array(1)), UnexpectedEof);
    server.close();
  },

  "read() and write() carry bytes both ways, more than fit into one record": async (api) => {
    using pair = await tlsPair(api);
    const sent = patternBytes(1_000_000);
    const [received] = await Promise.all([
      readExactly(pair.server, sent.length),
      writeAll(pair.client, sent),
    ]);
    assertEquals(received, sent);
    const [back] = await Promise.all([
      readExactly(pair.client, 100),
      pair.server.write(sent.slice(0, 100)),
    ]);
    assertEquals(back, sent.slice(0, 100));
  },

  "read() keeps what the buffer cannot hold": async (api) => {
    using pair = await tlsPair(api);
    await pair.client.write(utf8("abcde"));
    for (const expected of ["ab", "cd", "e"]) {
      const buffer = new Uint8Array(2);
      const count = await pair.server.read(buffer);
      assertEquals(new TextDecoder().decode(buffer.subarray(0, count!)), expected);
    }
  },

  "read() calls are answered in the order they were made": async (api) => {
    using pair = await tlsPair(api);
    const buffers = Array.from({ length: 8 }, () => new Uint8Array(1));
    const reads = Promise.all(buffers.map((buffer) => pair.client.read(buffer)));
    await pair.server.write(utf8("abcdefgh"));
    await reads;
    assertEquals(buffers.map(([byte]) => String.fromCharCode(byte)).join(""), "abcdefgh");
  },

  "read() gives null after the peer's goodbye, every time": async (api) => {
    using pair = await tlsPair(api);
    await pair.client.write(utf8("last"));
    pair.client.close();
    assertEquals(await readToEnd(pair.server), utf8("last"));
    assertEquals(await pair.server.read(new Uint8Array(1)), null);
  },

  "read() and write() of nothing resolve 0": async (api) => {
    using pair = await tlsPair(api);
    await pair.client.handshake();
    assertEquals(await pair.client.read(new Uint8Array()), 0);
    assertEquals(await pair.client.write(new Uint8Array()), 0);
  },

  "closeWrite() ends one half and leaves the other": async (api) => {
    using pair = await tlsPair(api);
    await pair.client.write(utf8("question"));
    await pair.client.closeWrite();
    await pair.client.closeWrite();
    assertEquals(await readToEnd(pair.server), utf8("question"));
    await pair.server.write(utf8("answer"));
    await pair.server.closeWrite();
    assertEquals(await readToEnd(pair.client), utf8("answer"));
    await assertRejects(() => pair.client.write(utf8("more")), NotConnected);
  },

  "close() interrupts what waits, and throws the second time": async (api) => {
    using pair = await tlsPair(api);
    await pair.client.handshake();
    const read = pair.client.read(new Uint8Array(1));
    const rejected = assertRejects(() => read, Interrupted);
    pair.client.close();
    await rejected;
    assertThrows(() => pair.client.close(), BadResource);
    await assertRejects(() => pair.client.read(new Uint8Array(1)), BadResource);
    await assertRejects(() => pair.client.handshake(), BadResource);
  },

  "readable and writable carry a stream": async (api) => {
    using pair = await tlsPair(api);
    const echoing = pair.server.readable.pipeTo(pair.server.writable);
    const sent = patternBytes(200_000);
    const writing = writeAll(pair.client, sent).then(() => pair.client.closeWrite());
    assertEquals(await readToEnd(pair.client), sent);
    await writing;
    await echoing;
  },

  "connectTls() rejects with ConnectionRefused when nothing listens": async (api) => {
    const free = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = free.addr;
    free.close();
    await assertRejects(() => api.connectTls({ port }), ConnectionRefused);
  },

  "connectTls() and listenTls() refuse what is no key or certificate": async (api) => {
    const { localhost: { cert, key } } = await pki();
    const port = 0;
    assertThrows(() => api.listenTls({ port, cert, key: "x" }), InvalidData, "No keys found");
    assertThrows(() => api.listenTls({ port, cert: "x", key }), InvalidData, "No certificates");
    const no = undefined as unknown as string;
    assertThrows(
      () => api.listenTls({ port, cert, key: no }),
      TypeError,
      "`key` must be specified",
    );
    assertThrows(
      () => api.listenTls({ port, cert: no, key }),
      TypeError,
      "`cert` must be specified",
    );
    assertThrows(() => api.listenTls({ port, cert: no, key: no }), TypeError, "are required");
    const der = { keyFormat: "der" as "pem" };
    assertThrows(() => api.listenTls({ port, cert, key, ...der }), TypeError, 'must be "pem"');
    await assertRejects(() => api.connectTls({ port: 1, cert }), TypeError, "`key` must be");
    const unix = { transport: "unix" as "tcp" };
    assertThrows(() => api.listenTls({ port, cert, key, ...unix }), TypeError, "Unsupported");
  },
};

/** Waits for both handshakes to fail. */
async function failures(...ends: Deno.TlsConn[]): Promise<Error[]> {
  return await Promise.all(ends.map((end) => assertRejects(() => end.handshake(), InvalidData)));
}
