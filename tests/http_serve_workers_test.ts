// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertRejects } from "@std/assert";
import { serveWorkers } from "../http/mod.ts";
import { engineInfo } from "../io/engine_info.ts";
import { get } from "./http_contract_case.ts";
import { RawClient } from "./http_raw_client.ts";
import { workerTest } from "./worker_leak.ts";

const module = new URL("http_worker_handler.ts", import.meta.url);
const OPTIONS = { workers: 2, module, hostname: "127.0.0.1", port: 0, onListen() {} };

/** Threads need rings of their own. */
function ringTest(name: string, body: () => Promise<void>): void {
  if (engineInfo().engine === "uring") workerTest(name, body);
  else Deno.test({ name, ignore: true, fn: body });
}

ringTest("serveWorkers() answers on one port from all threads", async () => {
  await using server = await serveWorkers(OPTIONS);
  const names = new Set<string>();
  for (let connection = 0; connection < 200 && names.size < 2; connection++) {
    using client = await RawClient.open(server.addr);
    names.add((await client.ask(get("/name", "Connection: close"))).body);
  }
  assertEquals(names.size, 2);
});

ringTest("serveWorkers() finishes what is under way when it is shut down", async () => {
  const server = await serveWorkers(OPTIONS);
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

ringTest("serveWorkers() rejects when the module has no handler", async () => {
  const module = new URL("leak.ts", import.meta.url);
  await assertRejects(() => serveWorkers({ ...OPTIONS, module }), TypeError, "exports no handler");
});

ringTest("serveWorkers() throws AddrInUse when the port is taken", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await assertRejects(() => serveWorkers({ ...OPTIONS, port }), Deno.errors.AddrInUse);
});
