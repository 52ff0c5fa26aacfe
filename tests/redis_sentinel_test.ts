// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect, type RedisClient } from "../redis/client.ts";
import { startServer } from "../redis/embedded.ts";
import { connectSentinel } from "../redis/sentinel.ts";
import { writeLoad } from "./redis_cluster_load.ts";
import { redisTest } from "./redis_servers.ts";

redisTest("three sentinels: the client finds the master, and follows the failover", async () => {
  await using servers = new AsyncDisposableStack();
  const start = async (config: Record<string, string | number>) =>
    servers.use(await startServer({ port: true, config }));
  const master = await start({ "repl-diskless-sync-delay": 0 });
  const replica = await start({ replicaof: `127.0.0.1 ${master.port}` });
  await using direct = await connect(replica.url);
  while (!(await direct.info("replication")).includes("master_link_status:up"));
  const sentinels = await Promise.all([1, 2, 3].map(() => startSentinel(servers, master.port)));
  const places = sentinels.map((port) => ({ hostname: "127.0.0.1", port }));
  for (const sentinel of sentinels) await knowsAll(sentinel);
  const unknown = { sentinels: places, master: "other" };
  await assertRejects(() => connectSentinel(unknown), Deno.errors.NotFound, '"other"');

  await using client = await connectSentinel({ sentinels: places, master: "main" });
  assertEquals((await client.role() as unknown[])[0], "master");
  let isOver = false;
  const loading = writeLoad(client, 20, () => isOver);
  loading.catch(() => {}); // It ends with the client when something below fails.
  await master.kill("SIGKILL");
  // The sentinels hang up on the clients of a server whose role they change.
  while (!await direct.role().then((role) => (role as string[])[0] === "master", () => false));
  await client.set("after", "failover");
  assertEquals(await direct.get("after"), "failover");
  isOver = true;
  const { writes, unknown: lost, wrong, refused } = await loading;
  assertEquals(wrong, 0);
  assert(writes > 0 && lost <= 20 && refused <= 20, `${writes} ${lost} ${refused}`);
});

/** A sentinel on a port of its own; it writes its configuration. */
async function startSentinel(servers: AsyncDisposableStack, masterPort: number): Promise<number> {
  const folder = await Deno.makeTempDir();
  servers.defer(() => Deno.remove(folder, { recursive: true }));
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `sentinel monitor main 127.0.0.1 ${masterPort} 2`,
    "sentinel down-after-milliseconds main 500",
    "sentinel failover-timeout main 3000",
  ];
  await Deno.writeTextFile(`${folder}/sentinel.conf`, lines.join("\n"));
  const args = [`${folder}/sentinel.conf`, "--sentinel"];
  const command = new Deno.Command("redis-server", { args, stdout: "null", stderr: "null" });
  const child = command.spawn();
  servers.defer(async () => {
    child.kill("SIGTERM");
    await child.status;
  });
  return port;
}

/** Waits until a sentinel is there and knows the others, and the replica. */
async function knowsAll(port: number): Promise<void> {
  await using client = await connectWhenUp(port);
  for (;;) {
    const fields = await client.command<string[]>("SENTINEL", "MASTER", "main");
    const valueOf = (name: string) => fields[fields.indexOf(name) + 1];
    if (valueOf("num-other-sentinels") === "2" && valueOf("num-slaves") === "1") return;
  }
}

async function connectWhenUp(port: number): Promise<RedisClient> {
  for (;;) {
    try {
      return await connect({ port, protocol: 2 });
    } catch (error) {
      if (!(error instanceof Deno.errors.ConnectionRefused)) throw error;
    }
  }
}
