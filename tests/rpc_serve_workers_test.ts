// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import { connect } from "../net/mod.ts";
import { RpcChannel, RpcPool, serveWorkers } from "../rpc/mod.ts";
import { rejectsWith } from "./rpc_network.ts";
import { naming } from "./rpc_worker_services.ts";
import { workerTest } from "./worker_leak.ts";

const module = new URL("rpc_worker_services.ts", import.meta.url);
const OPTIONS = { workers: 2, hostname: "127.0.0.1", port: 0 };

/** Threads need rings of their own. */
function ringTest(name: string, body: () => Promise<void>): void {
  if (engineInfo().engine === "uring") workerTest(name, body);
  else Deno.test({ name, ignore: true, fn: body });
}

async function channelTo({ port }: Deno.NetAddr): Promise<RpcChannel> {
  return new RpcChannel(await connect({ hostname: "127.0.0.1", port }));
}

ringTest("serveWorkers() deals connections out to all threads, on one port", async () => {
  await using server = await serveWorkers(module, OPTIONS);
  const channels: RpcChannel[] = [];
  for (let index = 0; index < 8; index++) channels.push(await channelTo(server.addr));
  const clients = channels.map((channel) => channel.client(naming));
  const names = await Promise.all(clients.map((client) => client.name({ text: "" })));
  assertEquals(new Set(names.map(({ text }) => text)).size, 2);
  const open = server.counts.map(({ open }) => open);
  assertEquals(open[0] + open[1], 8);
  assert(Math.min(...open) >= 2);
  // A connection stays with its thread.
  assertEquals(await Promise.all(clients.map((client) => client.name({ text: "" }))), names);
  await rejectsWith("RESOURCE_EXHAUSTED", () => clients[0].name({ text: "a".repeat(2000) }));
  for (const channel of channels) channel.close();
});

ringTest("serveWorkers() answers what is under way when it is shut down", async () => {
  const server = await serveWorkers(module, OPTIONS);
  using channel = await channelTo(server.addr);
  const client = channel.client(naming);
  await client.name({ text: "" });
  const call = client.slow({ text: "a" });
  const shutdown = server.shutdown();
  assertEquals(await call, { text: "a" });
  await shutdown;
  await assertRejects(() => channelTo(server.addr), Deno.errors.ConnectionRefused);
});

ringTest("a pool of connections calls all threads", async () => {
  await using server = await serveWorkers(module, OPTIONS);
  const address = `127.0.0.1:${server.addr.port}`;
  using one = new RpcPool({ servers: [address] });
  using other = new RpcPool({ servers: [address] });
  const names = [one, other].map((pool) => pool.client(naming).name({ text: "" }));
  assert((await Promise.all(names)).every(({ text }) => text.length > 0));
});

ringTest("serveWorkers() rejects when the module has no implementations", async () => {
  const other = new URL("leak.ts", import.meta.url);
  await assertRejects(() => serveWorkers(other, OPTIONS), TypeError, "exports no implementations");
});

ringTest("serveWorkers() rejects when the port is taken or workers are out of range", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  await assertRejects(() => serveWorkers(module, { ...OPTIONS, port }), Deno.errors.AddrInUse);
  await assertRejects(() => serveWorkers(module, { ...OPTIONS, workers: 0 }), RangeError);
});
