// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Servers that find each other through a real redis-server.
import { assertEquals } from "@std/assert";
import { connect } from "../redis/mod.ts";
import { redisResolver, registerInRedis } from "../rpc/mod.ts";
import { serverTest } from "./redis_servers.ts";
import { Network, rejectsWith } from "./rpc_network.ts";

const KEY = "servers:everything";

serverTest(
  "a pool finds the servers that are registered in Redis, and those only",
  async (redis) => {
    await using client = await connect(redis.url);
    await using network = new Network();
    const resolver = { ...redisResolver(client, KEY), ttlMs: 0 };
    const called = network.pool(resolver, { balance: "round-robin", retry: { triesMax: 1 } });
    await rejectsWith("UNAVAILABLE", () => called.client.echo({ text: "" }));
    for (const name of ["a:1", "b:1", "old:1"]) network.start(name);
    await registerInRedis(client, KEY, "a:1");
    await registerInRedis(client, KEY, "b:1");
    await registerInRedis(client, KEY, "old:1", -1);
    const names = new Set<string>();
    for (let index = 0; index < 6; index++) {
      names.add(
        (await called.client.echo({ text: "" })).text,
      );
    }
    assertEquals([...names].sort(), ["a:1", "b:1"]);
  },
);

serverTest("registerInRedis() drops what nobody trusts any more", async (redis) => {
  await using client = await connect(redis.url);
  await client.command("ZADD", KEY, Date.now() - 60_000, "gone:1");
  await registerInRedis(client, KEY, "a:1", 15_000);
  assertEquals(await client.command("ZRANGE", KEY, 0, -1), ["a:1"]);
  assertEquals(await redisResolver(client, KEY).resolve(), ["a:1"]);
});
