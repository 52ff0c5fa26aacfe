// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { serve } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { get } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { workerTest } from "./worker_leak.ts";

const handler = new URL("http_worker_handler.ts", import.meta.url);
const OPTIONS = { workers: 2, handler, hostname: "127.0.0.1", port: 0, onListen() {} };

/** Threads need rings of their own. */
function ringTest(name: string, body: () => Promise<void>): void {
  if (engineInfo().engine === "uring") workerTest(name, body);
  else Deno.test({ name, ignore: true, fn: body });
}

/** Serves, and waits until all threads listen. */
async function listening(): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const { promise, resolve } = Promise.withResolvers<Deno.NetAddr>();
  const server = serve({ ...OPTIONS, onListen: resolve });
  assertEquals((await Promise.race([promise, server.finished]))?.port, server.addr.port);
  return server;
}

ringTest("serve() with workers answers on one port from all threads", async () => {
  await using server = await listening();
  const names = new Set<string>();
  for (let connection = 0; connection < 200 && names.size < 2; connection++) {
    using client = await RawClient.open(server.addr);
    names.add((await client.ask(get("/name", "Connection: close"))).body);
  }
  assertEquals(names.size, 2);
});

ringTest("serve() with workers finishes what is under way when it is shut down", async () => {
  const server = await listening();
  using client = await RawClient.open(server.addr);
  await client.send(get("/slow"));
  await new Promise((resolve) => setTimeout(resolve, 20));
  const shutdown = server.shutdown();
  assertEquals((await client.response()).body, "from a worker");
  client[Symbol.dispose]();
  await shutdown;
  await server.finished;
  await assertRejects(() => RawClient.open(server.addr), Deno.errors.ConnectionRefused);
});

ringTest("serve() with workers ends with its signal", async () => {
  const controller = new AbortController();
  const { promise, resolve } = Promise.withResolvers<Deno.NetAddr>();
  const server = serve({ ...OPTIONS, onListen: resolve, signal: controller.signal });
  await promise;
  controller.abort();
  await server.finished;
});

ringTest("serve() with workers rejects when the module has no handler", async () => {
  const server = serve({ ...OPTIONS, handler: new URL("leak.ts", import.meta.url) });
  await assertRejects(() => server.finished, TypeError, "exports no handler");
});

ringTest("serve() with workers throws what is wrong at once", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  assertThrows(() => serve({ ...OPTIONS, port }), Deno.errors.AddrInUse);
  const handler = (() => new Response()) as unknown as URL;
  assertThrows(() => serve({ ...OPTIONS, handler }), TypeError, "URL of its module");
  await Promise.resolve();
});
