// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve, upgradeHttp } from "../http/mod.ts";
import { get } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { leakTest } from "./leak.ts";

const OPTIONS = { hostname: "127.0.0.1", port: 0, onListen() {} };
const UPGRADE = get("/", "Connection: Upgrade", "Upgrade: echo");

for (const early of ["", "early "]) {
  leakTest(`upgradeHttp() gives the connection, with "${early}" in front`, async () => {
    const over = Promise.withResolvers<void>();
    await using server = serve(OPTIONS, (request) => {
      const { response, conn } = upgradeHttp(request);
      conn.then((conn) => conn.readable.pipeTo(conn.writable)).then(over.resolve, over.reject);
      return response;
    });
    using client = await RawClient.open(server.addr);
    await client.send(UPGRADE + early);
    const { status, headers } = await client.response();
    assertEquals([status, headers.connection, headers.upgrade], [101, "Upgrade", "echo"]);
    await client.send("hello");
    assertEquals(await client.until("hello"), `${early}hello`);
    await client.closeWrite();
    assertEquals(await client.rest(), "");
    await over.promise;
  });
}

leakTest("upgradeHttp() lets the server speak first", async () => {
  await using server = serve(OPTIONS, (request) => {
    const { response, conn } = upgradeHttp(request);
    conn.then(async (conn) => {
      await conn.write(new TextEncoder().encode("first"));
      conn.close();
    });
    return response;
  });
  using client = await RawClient.open(server.addr);
  await client.send(UPGRADE);
  await client.response();
  assertEquals(await client.rest(), "first");
});

leakTest("upgradeHttp() rejects when another response is given", async () => {
  const taken = Promise.withResolvers<[Promise<Deno.Conn>]>();
  await using server = serve(OPTIONS, (request) => {
    taken.resolve([upgradeHttp(request).conn]);
    return new Response("no");
  });
  using client = await RawClient.open(server.addr);
  assertEquals((await client.ask(UPGRADE)).body, "no");
  const [conn] = await taken.promise;
  await assertRejects(async () => await conn, Deno.errors.Http);
  assertEquals((await client.ask(get("/"))).status, 500);
});

leakTest("upgradeHttp() refuses requests that do not ask for it, or twice", async () => {
  assertThrows(() => upgradeHttp(new Request("http://localhost")), TypeError);
  await using server = serve(OPTIONS, (request) => {
    if (!request.headers.has("upgrade")) {
      assertThrows(() => upgradeHttp(request), TypeError);
      return new Response("plain");
    }
    const { response, conn } = upgradeHttp(request);
    assertThrows(() => upgradeHttp(request), Deno.errors.Http);
    conn.then((conn) => conn.close());
    return response;
  });
  using client = await RawClient.open(server.addr);
  assertEquals((await client.ask(get("/"))).body, "plain");
  await client.send(UPGRADE);
  assertEquals((await client.response()).status, 101);
  assertEquals(await client.rest(), "");
});
