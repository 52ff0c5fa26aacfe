// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { connect } from "../redis/client.ts";
import { cacheReads } from "../redis/read_cache.ts";
import { ClientClosedError, QueueFullError, ReplyError } from "../redis/redis_error.ts";
import { subscribe } from "../redis/subscriber.ts";
import { serverTest } from "./redis_servers.ts";

// What a program may do by mistake, or twice at once: it is told, and nobody else notices.

const NOTHING = undefined as unknown as string;

serverTest("a transaction with a wrong argument sends nothing at all", async (server) => {
  await using client = await connect(server.url);
  const [, refused, value] = await Promise.allSettled([
    client.set("x", "1"),
    client.transaction((t) => [t.set("a", 1), t.set("b", NOTHING), t.set("c", 3)]),
    client.get("x"),
  ]);
  assertEquals(refused.status, "rejected");
  assertEquals(value, { status: "fulfilled", value: "1" });
  assertEquals(await Promise.all([client.get("a"), client.incr("n")]), [null, 1]);
});

serverTest("add() and remove() may be called for a channel many times at once", async (server) => {
  await using client = await connect(server.url);
  await using news = await subscribe(client, "a");
  await Promise.all([news.add("x"), news.add("x"), news.add(["y", "y"])]);
  await Promise.all([news.add("z"), news.remove("z"), news.remove("z"), news.add("z")]);
  assertEquals(await client.publish("z", "1"), 1);
  assertEquals((await news[Symbol.asyncIterator]().next()).value?.channel, "z");
  await news.remove(["x", "x", "nobody"]);
  assertEquals(await client.publish("x", "2"), 0);
});

serverTest("add() ends when the connection is lost before it is confirmed", async (server) => {
  await using client = await connect(server.url);
  await using news = await subscribe(client, "a");
  const killing = client.clientKill(["TYPE", "pubsub"]);
  await Promise.all([news.add("x"), news.add("x"), news.remove("x"), news.add("y"), killing]);
  await Promise.all([news.add("x"), news.remove("y")]);
  assertEquals([await client.publish("x", "1"), await client.publish("y", "2")], [1, 0]);
});

serverTest("a subscription that has ended takes no more channels", async (server) => {
  await using client = await connect(server.url);
  const news = await subscribe(client, "a", { queueMax: 1 });
  const adding = news.add("b").catch((error) => error);
  await news.close();
  assert(await adding instanceof ClientClosedError);
  await assertRejects(() => news.add("b"), ClientClosedError);
  await news.remove("a");
  await using full = await subscribe(client, "a", { queueMax: 1 });
  for (let i = 0; i < 3; i++) await client.publish("a", `${i}`);
  const taking = () => Array.fromAsync(full);
  await assertRejects(taking, QueueFullError);
  await assertRejects(() => full.add("b"), ClientClosedError);
});

serverTest("a blocking command is given up while it waits for a connection", async (server) => {
  await using client = await connect(server.url, { poolMax: 1 });
  const first = client.blpop("list", 0);
  const { TimedOut } = Deno.errors;
  await assertRejects(() => client.with({ timeoutMs: 20 }).blpop("list", 0), TimedOut, "BLPOP");
  const controller = new AbortController();
  const second = client.with({ signal: controller.signal }).blpop("list", 0);
  const third = client.blpop("list", 0);
  controller.abort("enough");
  assertEquals(await second.catch((reason) => reason), "enough");
  await client.rpush("list", ["1", "2"]);
  assertEquals([await first, await third], [["list", "1"], ["list", "2"]]);
  assertEquals(client.pool.size, 1);
});

serverTest("a read cache asks for what changes by itself each time", async (server) => {
  await using client = await connect(server.url);
  await client.set("key", "value", { PX: 60_000 });
  await client.sadd("set", Array.from({ length: 1000 }, (_, i) => `${i}`));
  using cache = await cacheReads(client);
  const first = await cache.pttl("key");
  while (await cache.pttl("key") === first);
  const member = await cache.srandmember("set");
  while (await cache.srandmember("set") === member);
  await client.rpush("list", ["a", "b"]);
  await client.mset([["weight a", 1], ["weight b", 2]]);
  assertEquals(await cache.sortRo("list", { BY: "weight *" }), ["a", "b"]);
  await client.set("weight a", 3);
  assertEquals(await cache.sortRo("list", { BY: "weight *" }), ["b", "a"]);
  const script = "return redis.call('GET', 'weight a')";
  assertEquals(await cache.evalRo(script, "key"), "3");
  await client.set("weight a", 4);
  assertEquals(await cache.evalRo(script, "key"), "4");
  assertEquals(cache.hits, 0);
});

serverTest("add() that the server refuses takes no other with it", async (server) => {
  await using client = await connect(server.url);
  await client.aclSetuser("default", ["resetchannels", "&may*"]);
  await using news = await subscribe(client, "may");
  const adding = [news.add("may not"), news.add("secret"), news.add("may too")];
  const outcomes = await Promise.allSettled(adding);
  assertEquals(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled"]);
  await assertRejects(() => news.add(["may", "secret"]), ReplyError, "NOPERM");
  assertEquals(await client.publish("may too", "1"), 1);
  await client.clientKill(["TYPE", "pubsub"]);
  await news.add("may \ud800");
  assertEquals(await client.publish("may", "2"), 1);
});

serverTest("a subscription ends when the server refuses it after a loss", async (server) => {
  await using client = await connect(server.url);
  await using news = await subscribe(client, "a");
  const taking = Array.fromAsync(news);
  // Who has subscribed to what it may no longer is disconnected.
  await client.aclSetuser("default", ["resetchannels"]);
  await assertRejects(() => taking, ReplyError, "NOPERM");
  await assertRejects(() => news.add("a"), ClientClosedError);
});

serverTest("a read cache keeps nothing where the server does not track", async (server) => {
  await using client = await connect(server.url);
  await using other = await connect(server.url);
  using cache = await cacheReads(client);
  await other.aclSetuser("default", ["-client|tracking"]);
  const reconnected = Promise.withResolvers<void>();
  client.onReconnect(reconnected.resolve);
  await other.clientKill(["TYPE", "normal", "SKIPME", "yes"]);
  await reconnected.promise;
  for (const value of ["1", "2"]) {
    await other.set("key", value);
    assertEquals(await cache.get("key"), value);
  }
  await assertRejects(() => cacheReads(client), ReplyError, "NOPERM");
});

serverTest("a read cache that ends leaves the others of its client", async (server) => {
  await using client = await connect(server.url);
  using cache = await cacheReads(client);
  (await cacheReads(client))[Symbol.dispose]();
  for (const value of ["1", "2"]) {
    await client.set("key", value);
    assertEquals(await cache.get("key"), value);
  }
});
