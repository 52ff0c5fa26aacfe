// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../redis/client.ts";
import { type ClusterClient, connectCluster } from "../redis/cluster.ts";
import { keysOf } from "../redis/command_keys.ts";
import { findCommand } from "../redis/command_lookup.ts";
import { ReplyError } from "../redis/redis_error.ts";
import { slotOf } from "../redis/slot.ts";
import { subscribe } from "../redis/subscriber.ts";
import { sleep } from "../thread/sleep.ts";
import { writeLoad } from "./redis_cluster_load.ts";
import { TestCluster } from "./redis_cluster_servers.ts";
import { redisTest, serverTest } from "./redis_servers.ts";

/** Looks at the topology, 50 ms apart, until news of a moved slot must have come around. */
const REFRESHES_MAX = 100;

serverTest("slotOf() and keysOf() agree with the server", async (server) => {
  await using client = await connect(server.url);
  const keys = [
    "",
    "a",
    "{a}b",
    "{}b",
    "a{b}{c}",
    "a{b",
    "}a{",
    "\u00e9\u{1f600}",
    "x".repeat(500),
  ];
  for (let i = 0; i < 2000; i++) keys.push(`key:${i * i}`);
  const slots = await Promise.all(keys.map((key) => client.clusterKeyslot(key)));
  assertEquals(keys.map(slotOf), slots);
  const requests = [
    ...["GET a", "MSET a 1 b 2", "BLPOP a b 0", "EVAL x 2 a b c", "ZUNIONSTORE d 2 a b", "LCS a b"],
    ...["XREAD COUNT 1 STREAMS a b 0 0", "XREADGROUP GROUP g c STREAMS a >", "XGROUP CREATE s g 0"],
    ...[
      "BITOP AND d a b",
      "SINTERCARD 2 a b LIMIT 1",
      "GEORADIUS g 1 1 1 m STORE d",
      "OBJECT FREQ k",
    ],
    ...["SORT a", "MIGRATE h 1 k 0 1", "BZMPOP 0 2 a b MIN", "SDIFFSTORE d a b", "LMPOP 1 a LEFT"],
  ];
  for (const text of requests) {
    const words = text.split(" ");
    const size = findCommand(words.slice(0, 2).join(" ")).arity > -1 ||
      /^(XGROUP|OBJECT)/.test(text);
    const name = words.slice(0, size && /^(XGROUP|OBJECT)/.test(text) ? 2 : 1).join(" ");
    const found = keysOf(findCommand(name), words.slice(name.split(" ").length));
    assertEquals([...found].sort(), (await client.commandGetkeys(words)).sort(), text);
  }
}, { config: { "cluster-enabled": "yes" } });

redisTest("a cluster of six: routes, moves, dies, fails over", async () => {
  await using nodes = await TestCluster.start();
  await using cluster = await connectCluster([nodes.addresses[0]!]);
  await routes(cluster);
  await messages(cluster);
  await migrates(cluster, nodes);
  await survives(cluster, nodes);
});

async function routes(cluster: ClusterClient): Promise<void> {
  const keys = Array.from({ length: 300 }, (_, index) => `k${index}`);
  assertEquals(await cluster.mset(keys.map((key, index) => [key, index] as const)), "OK");
  const read = await cluster.mget([...keys, "missing"]);
  assertEquals(read, [...keys.map((_, index) => String(index)), null]);
  assertEquals(await cluster.exists(keys), 300);
  assertEquals([await cluster.dbsize(), (await cluster.keys("k*")).length], [300, 300]);
  await assertRejects(() => cluster.scan(0), TypeError, "masters()");
  assertEquals(await cluster.del(keys), 300);
  await assertRejects(() => cluster.sinter(keys), ReplyError, "CROSSSLOT");
  const node = await cluster.clientOf("{u}1");
  const both = await node.transaction((t) => [t.set("{u}1", "a"), t.rename("{u}1", "{u}2")]);
  assertEquals(both, ["OK", "OK"]);
  assertEquals(await cluster.eval("return redis.call('GET', KEYS[1])", "{u}2"), "a");
  const popping = cluster.blpop("list", 5);
  await cluster.rpush("list", "x");
  assertEquals(await popping, ["list", "x"]);
  assertEquals((await cluster.masters()).length, 3);
  const view = cluster.with({ asBytes: true, timeoutMs: 5000 });
  assertEquals(await view.mget(["{u}2", "x"]), [new Uint8Array([97]), null]);
  const given = cluster.with({ timeoutMs: 20 }).blpop("list", 0);
  await assertRejects(() => given, Deno.errors.TimedOut);
  await using replicas = await connectCluster([cluster.topology.masters[0]!], {
    readFrom: "replica",
  });
  while (await replicas.get("{u}2") !== "a");
}

async function messages(cluster: ClusterClient): Promise<void> {
  await using plain = await subscribe(cluster, "news");
  await cluster.publish("news", "1");
  for await (const { message } of plain) {
    assertEquals(message, "1");
    break;
  }
  await using shard = await subscribe(cluster.shardOf("local"), "local", { kind: "shard" });
  assertEquals(await cluster.spublish("local", "2"), 1);
  for await (const { message } of shard) {
    assertEquals(message, "2");
    break;
  }
}

/** Moves the slot of a key that is written all the time, key by key. */
async function migrates(cluster: ClusterClient, nodes: TestCluster): Promise<void> {
  const tag = "{moving}";
  const slot = slotOf(tag);
  const from = nodes.addresses.indexOf(cluster.topology.shardOf(slot)!.master);
  const to = (from + 1) % 3;
  let isOver = false;
  const counts = Promise.all(Array.from({ length: 20 }, async (_, lane) => {
    let count = 0;
    while (!isOver) assertEquals(await cluster.incr(`${tag}${lane}`), ++count);
    return count;
  }));
  const [fromId, toId] = [await idOf(nodes, from), await idOf(nodes, to)];
  await nodes.on(to, (client) => client.clusterSetslot(slot, { IMPORTING: fromId }));
  await nodes.on(from, async (client) => {
    await client.clusterSetslot(slot, { MIGRATING: toId });
    const port = Number(nodes.addresses[to]!.split(":")[1]);
    for (;;) {
      const keys = await client.clusterGetkeysinslot(slot, 1);
      if (keys.length === 0) break;
      await client.migrate("127.0.0.1", port, "", 0, 1000, { KEYS: keys });
    }
    await client.clusterSetslot(slot, { NODE: toId });
  });
  await nodes.on(to, (client) => client.clusterSetslot(slot, { NODE: toId }));
  isOver = true;
  const total = (await counts).reduce((sum, count) => sum + count, 0);
  const stored = await cluster.mget(Array.from({ length: 20 }, (_, lane) => `${tag}${lane}`));
  assertEquals(stored.reduce((sum, count) => sum + Number(count), 0), total);
  // Any node may be asked, and hears of it by gossip.
  for (let tries = 0; tries < REFRESHES_MAX; tries++) {
    await cluster.refresh();
    if (cluster.topology.shardOf(slot)!.master === nodes.addresses[to]) return;
    await sleep(50);
  }
  assertEquals(cluster.topology.shardOf(slot)!.master, nodes.addresses[to]);
}

/** Kills a master under load, and looks whether what it had acknowledged and kept is there. */
async function survives(cluster: ClusterClient, nodes: TestCluster): Promise<void> {
  let isOver = false;
  const loading = writeLoad(cluster, 60, () => isOver);
  await nodes.kill(0);
  await nodes.until(
    3,
    async (client) => (await client.info("replication")).includes("role:master"),
  );
  await nodes.until(3, async (client) => (await client.clusterInfo()).includes("state:ok"));
  await cluster.set("after", "failover");
  const keys = Array.from({ length: 60 }, (_, lane) => `key:${lane}`);
  await cluster.mget(keys);
  isOver = true;
  const { acknowledged, writes, unknown, wrong } = await loading;
  assertEquals(wrong, 0);
  assert(writes > 100 && unknown <= 60, `${writes} written, ${unknown} unknown`);
  const stored = await cluster.mget(keys);
  for (const [lane, key] of keys.entries()) {
    assert(Number(stored[lane]) >= (acknowledged.get(key) ?? 0), `${key} was lost`);
  }
}

async function idOf(nodes: TestCluster, index: number): Promise<string> {
  return await nodes.on(index, (client) => client.clusterMyid());
}
