// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import { serve, upgradeHttp } from "../http/mod.ts";
import type { Serve } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { get } from "./http_contract_case.ts";

// Data: an authority of this test, its certificate for localhost, and the key of that.
const CA = `-----BEGIN CERTIFICATE-----
MIIBdjCCARugAwIBAgIUK/Y8uU5CSeF64kIJ71nbINpHf78wCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNjEyNTBaGA8yMTI2MTAyODE2MTI1
MFowDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKm/
7uH1w+aiUE7jIes9YbOTKDwfjQILqZmm14lTX+CCXO7rq8LRjZyW779ytczNmdBT
8zKtQ8/DdeoMvdIqOsejUzBRMB0GA1UdDgQWBBT/loTCIyELTPphGxjf9SSJUMmc
bzAfBgNVHSMEGDAWgBT/loTCIyELTPphGxjf9SSJUMmcbzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0kAMEYCIQClLgErSoyZv+Z1WNhwnGpPgnNrfkvdr7AU
puS3Cy5X5wIhAItt0f0tPJ0s5VRsoPMxEy64/VZSnp/mwBpxS5VXGD6D
-----END CERTIFICATE-----`;
const CERT = `-----BEGIN CERTIFICATE-----
MIIBkTCCATagAwIBAgIUC6barUsJ53WAdbAIn19+QBLGwxowCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExNjEyNTFaGA8yMTI2MTAyODE2MTI1
MVowFDESMBAGA1UEAwwJbG9jYWxob3N0MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcD
QgAE5Lx5XmeQKZZ8rUKsFFehZ2+5CCVae7nMJf9xmwtZ3f9lE8hluj0fZ7qq1hv+
3hi+Rt7wtzQEK6lYnB1LIR5uJKNpMGcwGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/
AAABMAkGA1UdEwQCMAAwHQYDVR0OBBYEFOoDcTurnmiBV+KzIemwH59cFBrYMB8G
A1UdIwQYMBaAFP+WhMIjIQtM+mEbGN/1JIlQyZxvMAoGCCqGSM49BAMCA0kAMEYC
IQDr/94Hb+81fYPIHZFEIqctk/WvrbB/jEB5DRoyUEXS3QIhAPp4fRZEIacgr+B1
ZS6A/uBoLkLsqsw5C8mChS1upu01
-----END CERTIFICATE-----`;
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQggwO2TyrloYHTNF3B
7exMmNyd39qFfEUqLmi1LYhBfxehRANCAATkvHleZ5AplnytQqwUV6Fnb7kIJVp7
ucwl/3GbC1nd/2UTyGW6PR9nuqrWG/7eGL5G3vC3NAQrqVicHUshHm4k
-----END PRIVATE KEY-----`;

const OPTIONS = { hostname: "127.0.0.1", port: 0, cert: CERT, key: KEY, onListen() {} };

for (
  const [label, subject] of [["Photon", serve as unknown as Serve], ["Deno", Deno.serve]] as const
) {
  Deno.test(`[${label}] serve() answers over TLS`, async () => {
    using client = Deno.createHttpClient({ caCerts: [CA] });
    await using server = subject(OPTIONS, async (request) => {
      return new Response(`${request.url.split(":")[0]} ${await request.text()}`);
    });
    const url = `https://localhost:${server.addr.port}/`;
    for (const body of ["a", "b".repeat(100_000)]) {
      const response = await fetch(url, { client, method: "POST", body });
      assertEquals(await response.text(), `https ${body}`);
    }
  });

  Deno.test(`[${label}] serve() refuses a certificate that is none`, () => {
    assertThrows(() => subject({ ...OPTIONS, cert: "x" }, () => new Response()));
  });

  Deno.test(`[${label}] serve() goes on beside clients that speak no TLS`, async () => {
    using client = Deno.createHttpClient({ caCerts: [CA] });
    await using server = subject(OPTIONS, () => new Response("ok"));
    using plain = await RawClient.open(server.addr);
    await plain.send(get("/"));
    await plain.rest();
    const response = await fetch(`https://localhost:${server.addr.port}/`, { client });
    assertEquals(await response.text(), "ok");
  });
}

Deno.test("upgradeHttp() gives a connection over TLS", async () => {
  await using server = serve(OPTIONS, (request) => {
    const { response, conn } = upgradeHttp(request);
    conn.then((conn) => conn.readable.pipeTo(conn.writable)).catch(() => {});
    return response;
  });
  const { port } = server.addr;
  const conn = await Deno.connectTls({ hostname: "127.0.0.1", port, caCerts: [CA] });
  using client = new RawClient(conn);
  await client.send(get("/", "Connection: Upgrade", "Upgrade: echo"));
  assertEquals((await client.response()).status, 101);
  await client.send("hello");
  assertEquals(await client.until("hello"), "hello");
});
