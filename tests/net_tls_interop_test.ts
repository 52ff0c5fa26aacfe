// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { connectTls, type TlsConn, type TlsListener } from "../net/mod.ts";
import { echoEach, listening, tlsTest } from "./tls_pair.ts";
import { hasProgram, runProgram, ServingProgram } from "./tls_programs.ts";
import { patternBytes, readExactly, utf8, writeAll } from "./transfer.ts";

const { InvalidData } = Deno.errors;
const VERSIONS = [["1.2", "TLSv1.2", "tls1_2"], ["1.3", "TLSv1.3", "tls1_3"]] as const;

for (const [number, version, flag] of VERSIONS) {
  tlsTest(`openssl s_client talks TLS ${number} to listenTls()`, async (pki) => {
    using listener = listening(pki.localhost);
    const served = answerOnce(listener);
    const args = ["-connect", `127.0.0.1:${listener.addr.port}`, `-${flag}`, "-CAfile", pki.caPath];
    const asked = [
      ...args,
      "-verify_return_error",
      "-servername",
      "localhost",
      "-quiet",
    ];
    const { text } = await runProgram("openssl", ["s_client", ...asked], "to and fro\n");
    assertMatch(text, /to and fro/);
    assertEquals((await served).version, version);
  });

  tlsTest(`connectTls() talks TLS ${number} to openssl s_server`, async (pki) => {
    const { certPath, keyPath } = pki.localhost;
    const args = ["s_server", "-accept", "127.0.0.1:0", "-cert", certPath, "-key", keyPath];
    const shown = [...args, `-${flag}`, "-rev"];
    await using server = await ServingProgram.start("openssl", shown, /ACCEPT \S+:(\d+)/);
    using conn = await connectTls({ hostname: "localhost", port: server.port, caCerts: [pki.ca] });
    await conn.write(utf8("stressed\n"));
    assertEquals(await readExactly(conn, 9), utf8("desserts\n"));
    assertEquals((await conn.handshake()).version, version);
  });

  tlsTest(`Node talks TLS ${number} both ways`, async (pki) => {
    if (!hasProgram("node")) return;
    using listener = listening(pki.localhost);
    const served = echoOnce(listener);
    const { certPath, keyPath } = pki.localhost;
    const files = [pki.caPath, certPath, keyPath];
    const { text } = await runProgram("node", [
      "-e",
      NODE_CLIENT,
      ...[`${listener.addr.port}`, version, ...files],
    ]);
    assertEquals(text, "a node 100000 true");
    assertEquals((await served).version, version);
    const args = ["-e", NODE_SERVER, version, ...files];
    await using server = await ServingProgram.start("node", args, /listening (\d+)/);
    using conn = await connectTls({ hostname: "localhost", port: server.port, caCerts: [pki.ca] });
    const sent = patternBytes(100_000);
    const [echo] = await Promise.all([readExactly(conn, sent.length), writeAll(conn, sent)]);
    assertEquals(echo, sent);
    assertEquals((await conn.handshake()).version, version);
  });
}

tlsTest(
  "curl takes a page from listenTls(), and speaks the protocol that was agreed on",
  async (pki) => {
    if (!hasProgram("curl")) return;
    using listener = listening(pki.localhost, { alpnProtocols: ["http/1.1"] });
    const answering = (async () => {
      using conn = await listener.accept();
      await conn.read(new Uint8Array(4096));
      await conn.writeAll(utf8("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello curl"));
      return await conn.handshake();
    })();
    const url = `https://localhost:${listener.addr.port}/`;
    const { text } = await runProgram("curl", ["-sS", "-4", "--cacert", pki.caPath, url]);
    assertEquals(text, "hello curl");
    const { alpnProtocol, serverName } = await answering;
    assertEquals([alpnProtocol, serverName], ["http/1.1", "localhost"]);
  },
);

tlsTest("Deno's own TLS talks to listenTls()", async (pki) => {
  using listener = listening(pki.localhost);
  const served = echoOnce(listener);
  const { port } = listener.addr;
  const conn = await Deno.connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  const sent = patternBytes(300_000);
  const [echo] = await Promise.all([readExactly(conn, sent.length), writeAll(conn, sent)]);
  assertEquals(echo, sent);
  conn.close();
  await served;
});

tlsTest("connectTls() talks to Deno's own TLS", async (pki) => {
  const { cert, key } = pki.rsa;
  using listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
  const serving = listener.accept().then((conn) => conn.readable.pipeTo(conn.writable));
  const { port } = listener.addr;
  const conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  const sent = patternBytes(300_000);
  const [echo] = await Promise.all([readExactly(conn, sent.length), writeAll(conn, sent)]);
  assertEquals(echo, sent);
  await conn.closeWrite();
  assertEquals(await conn.read(new Uint8Array(1)), null);
  conn.close();
  await serving;
});

tlsTest("listenTls() shows the certificate for the host that is asked for", async (pki) => {
  const identities = [pki.other];
  using listener = listening(pki.localhost, { identities });
  const stop = echoEach(listener);
  const { port } = listener.addr;
  const hosts = [["localhost", true], ["other.test", true], ["a.wild.test", true], [
    "wild.test",
    false,
  ]];
  for (const [host, accepted] of hosts as [string, boolean][]) {
    const asked = ["-servername", host, "-verify_hostname", host, "-verify_return_error"];
    const args = ["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", pki.caPath, ...asked];
    const { success, text } = await runProgram("openssl", args);
    assertEquals(success, accepted, `${host}: ${text.slice(0, 400)}`);
  }
  listener.close();
  await stop;
});

tlsTest("listenTls() with client certificates takes the right ones and no others", async (pki) => {
  const { ca, crl } = pki;
  const asking = { clientCertificates: "require" as const, caCerts: [ca], revocationLists: [crl] };
  using listener = listening(pki.localhost, asking);
  const stop = echoEach(listener);
  const outcome = async (identity: { cert: string; key: string } | undefined) => {
    const { port } = listener.addr;
    using conn = await connectTls({ hostname: "localhost", port, caCerts: [ca], ...identity });
    await conn.write(utf8("x"));
    return await conn.read(new Uint8Array(1));
  };
  assertEquals(await outcome(pki.client), 1);
  const refused = async (identity: Parameters<typeof outcome>[0], alert: string) => {
    const error = await assertRejects(() => outcome(identity), InvalidData);
    assertEquals(error.message, `received fatal alert: ${alert}`);
  };
  await refused(undefined, "CertificateRequired");
  await refused(pki.revoked, "CertificateRevoked");
  await refused(pki.stranger, "UnknownCA");
  // Again, for who was accepted may have got a ticket and who was not must not have.
  assertEquals(await outcome(pki.client), 1);
  await refused(pki.revoked, "CertificateRevoked");
  listener.close();
  await stop;
});

tlsTest("handshake() tells a server who the client is, if it shows it", async (pki) => {
  const asking = { clientCertificates: "request" as const, caCerts: [pki.ca] };
  using listener = listening(pki.localhost, asking);
  const { port } = listener.addr;
  for (const identity of [pki.client, undefined]) {
    const options = { hostname: "localhost", port, caCerts: [pki.ca], ...identity };
    const [client, server] = await Promise.all([connectTls(options), listener.accept()]);
    const { peerCertificate } = await server.handshake();
    const pem = peerCertificate && btoa(String.fromCharCode(...peerCertificate));
    assertEquals(pem, identity ? base64Of(identity.cert) : null);
    client.close();
    server.close();
  }
});

tlsTest("connectTls() refuses a certificate that was taken back", async (pki) => {
  using listener = listening(pki.localhost);
  const stop = echoEach(listener);
  const { port } = listener.addr;
  const options = { hostname: "localhost", port, caCerts: [pki.ca] };
  using good = await connectTls({ ...options, revocationLists: [pki.crl] });
  await good.handshake();
  good.close();
  listener.reload(pki.revoked);
  const bad = { ...options, revocationLists: [pki.crl], unsafelyDisableHostnameVerification: true };
  using refused = await connectTls(bad);
  const error = await assertRejects(() => refused.handshake(), InvalidData);
  assertMatch(error.message, /^invalid peer certificate: Revoked/);
  refused.close();
  listener.close();
  await stop;
});

for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
  tlsTest(
    `connectTls() resumes a session of ${maxVersion}, unless it is told not to`,
    async (pki) => {
      using listener = listening(pki.localhost, { maxVersion });
      const stop = echoEach(listener);
      const { port } = listener.addr;
      const resumed: (boolean | null)[] = [];
      for (const resumeSessions of [true, true, true, false]) {
        const options = { hostname: "localhost", port, caCerts: [pki.ca], resumeSessions };
        using conn = await connectTls(options);
        await conn.write(utf8("x"));
        await conn.read(new Uint8Array(1));
        resumed.push((await conn.handshake()).resumed);
      }
      assertEquals(resumed, [false, true, true, false]);
      listener.close();
      await stop;
    },
  );
}

tlsTest("reload() has clients shake hands in full once", async (pki) => {
  using listener = listening(pki.localhost);
  const { port } = listener.addr;
  const resumed: (boolean | null)[] = [];
  for (const reloads of [false, false, true, false]) {
    if (reloads) listener.reload(pki.localhost);
    const accepting = listener.accept();
    using conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
    using server = await accepting;
    resumed.push((await conn.handshake()).resumed);
    // The ticket comes behind the handshake.
    await writeAll(server, utf8("!"));
    await readExactly(conn, 1);
  }
  assertEquals(resumed, [false, true, false, true]);
});

tlsTest("openssl s_client resumes with a ticket of listenTls()", async (pki) => {
  using listener = listening(pki.localhost);
  const file = `${pki.folder}/session`;
  const base = ["s_client", "-connect", `127.0.0.1:${listener.addr.port}`, "-CAfile", pki.caPath];
  for (const [session, expected] of [["-sess_out", /New, TLS/], ["-sess_in", /Reused, TLS/]]) {
    const served = answerOnce(listener);
    const args = [...base, "-ign_eof", session as string, file];
    const { text } = await runProgram("openssl", args, "hello\n");
    assertMatch(text, expected as RegExp);
    assertEquals((await served).resumed, session === "-sess_in");
  }
});

tlsTest("reload() under load: nobody is refused, and the new certificate is shown", async (pki) => {
  using listener = listening(pki.localhost);
  const stop = echoEach(listener);
  const { port } = listener.addr;
  let running = true;
  let served = 0;
  const seen = new Set<string>();
  const load = Array.from({ length: 8 }, async () => {
    const options = { hostname: "localhost", port, caCerts: [pki.ca], resumeSessions: false };
    while (running) {
      using conn = await connectTls(options);
      await conn.write(utf8("ping"));
      assertEquals(await readExactly(conn, 4), utf8("ping"));
      const { peerCertificate } = await conn.handshake();
      seen.add(btoa(String.fromCharCode(...peerCertificate!)));
      served++;
    }
  });
  using lasting = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  await lasting.handshake();
  for (let round = 0; round < 20; round++) {
    const before = served;
    listener.reload(round % 2 === 0 ? pki.renewed : pki.localhost);
    while (served < before + 10) await new Promise((resolve) => setTimeout(resolve, 1));
  }
  running = false;
  await Promise.all(load);
  assertEquals(seen, new Set([base64Of(pki.localhost.cert), base64Of(pki.renewed.cert)]));
  await lasting.write(utf8("still here"));
  assertEquals(await readExactly(lasting, 10), utf8("still here"));
  lasting.close();
  listener.close();
  await stop;
});

tlsTest("reload() that fails changes nothing", async (pki) => {
  using listener = listening(pki.localhost);
  const stop = echoEach(listener);
  const failed = await assertRejects(
    () => Promise.try(() => listener.reload({ cert: pki.other.cert, key: pki.localhost.key })),
    InvalidData,
  );
  assert(failed.message.length > 0);
  const { port } = listener.addr;
  using conn = await connectTls({ hostname: "localhost", port, caCerts: [pki.ca] });
  await conn.handshake();
  conn.close();
  listener.close();
  await stop;
});

/** Echoes the first connection to its end; gives what was agreed on. */
async function echoOnce(listener: TlsListener) {
  const conn: TlsConn = await listener.accept();
  const info = await conn.handshake();
  await conn.readable.pipeTo(conn.writable);
  return info;
}

/** Echoes what the first connection says first, and says goodbye; gives what was agreed on. */
async function answerOnce(listener: TlsListener) {
  using conn: TlsConn = await listener.accept();
  const buffer = new Uint8Array(4096);
  const count = await conn.read(buffer);
  await conn.writeAll(buffer.subarray(0, count ?? 0));
  return await conn.handshake();
}

function base64Of(pem: string): string {
  return pem.replace(/-----[^-]+-----|\s/g, "");
}

const NODE_CLIENT = `
const [, port, version, ca] = process.argv;
const sent = Buffer.alloc(100000, "node");
let got = Buffer.alloc(0);
const socket = require("tls").connect({ host: "127.0.0.1", port, servername: "localhost",
  ca: require("fs").readFileSync(ca), minVersion: version, maxVersion: version });
socket.on("secureConnect", () => socket.write(sent));
socket.on("data", (data) => {
  got = Buffer.concat([got, data]);
  if (got.length < sent.length) return;
  process.stdout.write("a node " + got.length + " " + got.equals(sent));
  socket.end();
});`;

const NODE_SERVER = `
const [, version, , cert, key] = process.argv;
const { readFileSync } = require("fs");
const server = require("tls").createServer({ cert: readFileSync(cert), key: readFileSync(key),
  minVersion: version, maxVersion: version }, (socket) => socket.pipe(socket));
server.listen(0, "127.0.0.1", () => console.log("listening " + server.address().port));`;
