// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertGreater, assertRejects } from "@std/assert";
import { cached } from "../redis/cached.ts";
import { connect } from "../redis/client.ts";
import { acquireLock } from "../redis/lock.ts";
import { monitor } from "../redis/monitor.ts";
import { RateLimiter } from "../redis/rate_limiter.ts";
import { cacheReads } from "../redis/read_cache.ts";
import { QueueFullError, ReplyError } from "../redis/redis_error.ts";
import { scanHash, scanKeys, scanSet, scanSortedSet } from "../redis/scan.ts";
import { Script } from "../redis/script.ts";
import { consume } from "../redis/stream_consumer.ts";
import { subscribe } from "../redis/subscriber.ts";
import { sleep } from "../thread/sleep.ts";
import { serverTest } from "./redis_servers.ts";
import { uncaughtDuring } from "./uncaught.ts";

for (const protocol of [2, 3] as const) {
  serverTest(
    `subscribe() gives messages of each kind in order in RESP${protocol}`,
    async (server) => {
      await using client = await connect(server.url, { protocol });
      await using plain = await subscribe(client, ["a", "b"]);
      await using patterns = await subscribe(client, "a*", { kind: "pattern", asBytes: true });
      await using shard = await subscribe(client, "s", { kind: "shard" });
      assertEquals(await client.publish("a", "1"), 2);
      assertEquals(await client.publish("b", "2"), 1);
      assertEquals(await client.spublish("s", "3"), 1);
      const iterator = plain[Symbol.asyncIterator]();
      const first = { channel: "a", message: "1", pattern: undefined };
      assertEquals((await iterator.next()).value, first);
      assertEquals((await iterator.next()).value?.channel, "b");
      for await (const { channel, message, pattern } of patterns) {
        assertEquals([channel, message, pattern], ["a", new Uint8Array([49]), "a*"]);
        break;
      }
      for await (const { message } of shard) {
        assertEquals(message, "3");
        break;
      }
      await plain.remove("a");
      assertEquals(await client.publish("a", "4"), 1);
      await plain.close();
      assertEquals((await iterator.next()).done, true);
    },
  );

  serverTest(`subscribe() makes lost subscriptions again in RESP${protocol}`, async (server) => {
    await using client = await connect(server.url, { protocol });
    const gap = Promise.withResolvers<void>();
    await using news = await subscribe(client, ["a", "b"], { onGap: gap.resolve });
    await client.clientKill(["TYPE", "pubsub"]);
    await gap.promise;
    while (await client.publish("b", "x") === 0);
    for await (const { channel } of news) {
      assertEquals(channel, "b");
      break;
    }
  });

  serverTest(`monitor() shows commands in RESP${protocol}`, async (server) => {
    await using client = await connect(server.url, { protocol });
    const commands = monitor(client);
    const first = commands.next();
    while (await Promise.race([first, client.set("k", 'a"\n\\')]) === "OK");
    const { value } = await first;
    assertEquals([value!.words, value!.database], [["SET", "k", 'a"\n\\'], 0]);
    await commands.return(undefined);
  });
}

serverTest(
  "subscribe() ends with QueueFullError when nobody takes the messages",
  async (server) => {
    await using client = await connect(server.url);
    await using news = await subscribe(client, "a", { queueMax: 2 });
    while (await client.publish("a", "x") > 0);
    const iterator = news[Symbol.asyncIterator]();
    await iterator.next();
    await iterator.next();
    await assertRejects(() => iterator.next(), QueueFullError);
  },
);

serverTest("subscribe() rejects with the server's refusal", async (server) => {
  await using admin = await connect(server.url);
  await admin.aclSetuser("ann", ["on", "nopass", "+@all", "resetchannels"]);
  await using client = await connect(server.url, { username: "ann", password: "" });
  await assertRejects(() => subscribe(client, "a"), ReplyError, "NOPERM");
});

serverTest("scans give every item", async (server) => {
  await using client = await connect(server.url);
  const names = Array.from({ length: 500 }, (_, index) => `n${String(index).padStart(3, "0")}`);
  await client.mset(names.map((name) => [name, 1] as const));
  await client.hset("{h}", names.map((name) => [name, name] as const));
  await client.sadd("{s}", names);
  await client.zadd("{z}", names.map((name, index) => [index, name] as const));
  const keys = await Array.fromAsync(scanKeys(client, { MATCH: "n*", COUNT: 50, TYPE: "string" }));
  assertEquals([...new Set(keys)].sort(), names);
  const fields = new Map(await Array.fromAsync(scanHash(client, "{h}")));
  assertEquals([fields.size, fields.get("n007")], [500, "n007"]);
  assertEquals(new Set(await Array.fromAsync(scanSet(client, "{s}"))).size, 500);
  assertEquals(new Map(await Array.fromAsync(scanSortedSet(client, "{z}"))).get("n499"), 499);
});

serverTest("Script sends its text once, and again when the server forgot it", async (server) => {
  await using client = await connect(server.url);
  const script = new Script("return { KEYS[1], ARGV[1], ARGV[2] }", { isReadOnly: true });
  assertEquals(await script.run(client, "k", [1, "b"]), ["k", "1", "b"]);
  assertEquals(await client.scriptExists([await script.digest]), [true]);
  await client.scriptFlush({ SYNC: true });
  assertEquals(await script.run(client, "k", [1, "b"]), ["k", "1", "b"]);
});

serverTest("consume() delivers again what was not acknowledged, and takes over", async (server) => {
  await using client = await connect(server.url);
  for (const job of ["a", "b", "c"]) await client.xadd("jobs", "*", { job });
  const options = { stream: "jobs", group: "g", consumer: "c1", claimIdleMs: 1 };
  const seen: string[] = [];
  const work = async () => {
    for await (const { fields } of consume(client, options)) {
      seen.push(fields[0]![1]);
      if (seen.length === 2) throw new Error("broken");
    }
  };
  await assertRejects(work, Error, "broken");
  for await (const { fields } of consume(client, { ...options, consumer: "c2" })) {
    seen.push(fields[0]![1]);
    if (fields[0]![1] === "c") break;
  }
  assertEquals(seen.slice(0, 3), ["a", "b", "b"]);
  assertEquals(seen.at(-1), "c");
  const controller = new AbortController();
  const rest = consume(client, { ...options, consumer: "c3", signal: controller.signal });
  const { value } = await rest.next();
  assertEquals(value!.fields[0]![1], "c");
  const waiting = rest.next();
  while ((await client.xpending("jobs", "g") as unknown[])[0] !== 0);
  controller.abort();
  assertEquals((await waiting).done, true);
});

serverTest("cacheReads() asks once until the key changes", async (server) => {
  await using writer = await connect(server.url);
  await using client = await connect(server.url);
  using cache = await cacheReads(client, { entriesMax: 3 });
  await writer.hset("h", { a: 1 });
  const first = await cache.hgetall("h");
  first.set("a", "changed by the reader");
  assertEquals(await cache.hgetall("h"), new Map([["a", "1"]]));
  assertEquals([cache.hits, cache.misses], [1, 1]);
  await writer.hset("h", { a: 2 });
  while ((await cache.hget("h", "a")) !== "2") await sleep(1);
  await writer.flushall();
  while ((await cache.hget("h", "a")) !== null) await sleep(1);
  for (const key of ["a", "b", "c", "d"]) await cache.get(key);
  assertEquals(cache.size, 3);
  const lost = Promise.withResolvers<void>();
  client.onReconnect(lost.resolve);
  await writer.clientKill(["ID", await client.clientId()]);
  await lost.promise;
  assertEquals(cache.size, 0);
  await writer.set("a", "new");
  assertEquals(await cache.get("a"), "new");
  await writer.set("a", "newer");
  while ((await cache.get("a")) !== "newer") await sleep(1);
});

serverTest("cacheReads() refuses a connection that speaks RESP2", async (server) => {
  await using client = await connect(server.url, { protocol: 2 });
  await assertRejects(() => cacheReads(client), TypeError, "RESP2");
});

serverTest(
  "acquireLock() lets one in, extends, and tells when the lock is lost",
  async (server) => {
    await using client = await connect(server.url);
    const lock = await acquireLock(client, "jobs", { ttlMs: 60 });
    const other = acquireLock(client, "jobs", { waitMs: 5000 });
    const extended = Promise.withResolvers<void>();
    setTimeout(extended.resolve, 200);
    await extended.promise;
    assertEquals(lock.signal.aborted, false);
    assertEquals(await lock.release(), true);
    const second = await other;
    assertGreater(second.token, lock.token);
    await second.release();
    const third = await acquireLock(client, "jobs", { ttlMs: 30 });
    const lost = new Promise((resolve) => third.signal.addEventListener("abort", resolve));
    await client.set("lock:{jobs}", "stolen");
    await lost;
    assertEquals(await third.release(), false);
  },
);

serverTest("acquireLock() does not extend all the time what is held for months", async (server) => {
  await using client = await connect(server.url);
  await using lock = await acquireLock(client, "jobs", { ttlMs: 100 * 86_400_000 });
  await client.set("lock:{jobs}", "stolen");
  for (let i = 0; i < 20; i++) await sleep(1);
  assertEquals(lock.signal.aborted, false);
});

serverTest(
  "a subscription ends when its password is refused, and outlives onGap",
  async (server) => {
    await using admin = await connect(server.url);
    await admin.aclSetuser("ann", ["on", ">secret", "+@all", "allchannels"]);
    await using client = await connect(server.url, { username: "ann", password: "secret" });
    const gap = Promise.withResolvers<void>();
    const onGap = () => {
      gap.resolve();
      throw new Error("on gap");
    };
    const messages = await uncaughtDuring(async () => {
      await using news = await subscribe(client, "a", { onGap });
      await admin.clientKill(["TYPE", "pubsub"]);
      await gap.promise;
      while (await admin.publish("a", "x") === 0);
      const iterator = news[Symbol.asyncIterator]();
      assertEquals((await iterator.next()).value?.message, "x");
      await admin.aclSetuser("ann", ["resetpass", ">other"]);
      await admin.clientKill(["TYPE", "pubsub"]);
      await assertRejects(() => iterator.next(), ReplyError, "WRONGPASS");
    });
    assertEquals(messages, ["on gap"]);
  },
);

serverTest("RateLimiter lets so many pass, and says when the next may", async (server) => {
  await using client = await connect(server.url);
  const limiter = new RateLimiter(client, { count: 10, periodMs: 1_000_000, burst: 2 });
  const first = await limiter.take("ann");
  assertEquals(first, { isAllowed: true, remaining: 1, retryAfterMs: 0 });
  assertEquals((await limiter.take("ann")).remaining, 0);
  const third = await limiter.take("ann");
  assertEquals([third.isAllowed, third.remaining], [false, 0]);
  assert(third.retryAfterMs > 99_000 && third.retryAfterMs <= 100_000);
  assertEquals((await limiter.take("bob", 3)).isAllowed, false);
});

serverTest("cached() makes a value once for all who ask", async (server) => {
  await using one = await connect(server.url);
  await using two = await connect(server.url);
  let made = 0;
  const get = (client: typeof one) => cached(client, "v", { ttlMs: 60_000 }, () => [++made]);
  const values = await Promise.all([get(one), get(two), get(one), get(two)]);
  assertEquals(values, [[1], [1], [1], [1]]);
});
