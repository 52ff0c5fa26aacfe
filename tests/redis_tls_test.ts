// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { connect } from "../redis/client.ts";
import { dial } from "../redis/dial.ts";
import { startServer } from "../redis/embedded.ts";
import { leakTest } from "./leak.ts";
import { makeCertificates } from "./redis_certificates.ts";
import { redisTest } from "./redis_servers.ts";
import { runTestFiles } from "./subprocess.ts";
import "./tls_warm_up.ts";

/** Set in the run that this file starts. */
const ENGINE_RUN = "PHOTON_REDIS_TLS_RUN";
const RUN_LIMIT_MS = 60_000;

redisTest("a certificate that is over is told by that", async () => {
  const folder = await Deno.makeTempDir();
  await makeCertificates(folder);
  const port = freePort();
  const config = {
    ...{ "tls-port": port, "tls-auth-clients": "no", "tls-ca-cert-file": `${folder}/ca.crt` },
    ...{ "tls-cert-file": `${folder}/good.crt`, "tls-key-file": `${folder}/good.key` },
  };
  await using server = await startServer({ config });
  await using admin = await connect(server.url);
  const tls = { caCerts: [await Deno.readTextFile(`${folder}/ca.crt`)] };
  const url = `rediss://localhost:${port}`;
  const client = await connect(url, { tls });
  assertEquals(await client.echo("secret"), "secret");
  const texts = Array.from({ length: 50 }, (_, index) => `${index}`.repeat(20_000));
  assertEquals(await Promise.all(texts.map((text) => client.echo(text))), texts);
  client.close();
  await assertRejects(() => connect(url), Error, "UnknownIssuer");
  await admin.configSet([
    ["tls-cert-file", `${folder}/old.crt`],
    ["tls-key-file", `${folder}/old.key`],
  ]);
  await assertRejects(() => connect(url, { tls }), Error, "xpired");
  await Deno.remove(folder, { recursive: true });
});

leakTest("dial() is given up while a server that says nothing keeps TLS waiting", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const stop = new AbortController();
  const endpoint = { hostname: "127.0.0.1", port: listener.addr.port, tls: {} };
  const dialing = assertRejects(() => dial(endpoint, stop.signal), Error, "on purpose");
  using conn = await listener.accept();
  await conn.read(new Uint8Array(1024));
  stop.abort(new Error("on purpose"));
  await dialing;
});

if (!Deno.env.has(ENGINE_RUN)) {
  Deno.test("redis over TLS holds with PHOTON_ENGINE=deno", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/redis_tls_test.ts"], env, RUN_LIMIT_MS);
  });
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
