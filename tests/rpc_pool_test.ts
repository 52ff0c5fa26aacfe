// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { memoryDuplex } from "../io/mod.ts";
import { CircuitBreaker, type Client, dnsResolver, redisResolver } from "../rpc/mod.ts";
import { type PoolCallOptions, registerInRedis, RpcError } from "../rpc/mod.ts";
import { sleep, yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { type EveryHandlers, Network, rejectsWith } from "./rpc_network.ts";
import type { everything } from "./rpc_services.ts";

/** Names of the servers that answer so many calls, one after the other. */
async function answers(
  client: Client<typeof everything.methods, PoolCallOptions>,
  count: number,
  key?: string,
): Promise<string[]> {
  const names: string[] = [];
  const options = key === undefined ? {} : { key };
  for (let i = 0; i < count; i++) names.push((await client.echo({ text: "" }, options)).text);
  return names;
}

leakTest(
  "a pool opens one connection for concurrent calls, and again when it is gone",
  async () => {
    await using network = new Network();
    network.start("a");
    const { client } = network.pool(["a"]);
    await Promise.all(Array.from({ length: 50 }, () => client.echo({ text: "" })));
    assertEquals(network.dialled.length, 1);
    network.kill("a");
    await rejectsWith("UNAVAILABLE", () => client.echo({ text: "" }));
    network.start("a");
    const before = network.dialled.length;
    while (network.dialled.length === before) {
      await client.echo({ text: "" }).catch(() => {});
      await sleep(1);
    }
    assertEquals(await answers(client, 3), ["a", "a", "a"]);
  },
);

leakTest("a server that is down is not dialled at every call", async () => {
  await using network = new Network();
  const { client } = network.pool(["a"], { backoff: { firstMs: 60_000, mostMs: 60_000 } });
  for (let call = 0; call < 20; call++) {
    const error = await rejectsWith(
      "UNAVAILABLE",
      () => client.echo({ text: "" }, { timeoutMs: 5 }),
    );
    assert(error.unserved);
  }
  assert(network.dialled.length <= 2, `dialled ${network.dialled.length} times`);
});

leakTest(
  "an idempotent call is tried elsewhere, another only when nobody has seen it",
  async () => {
    await using network = new Network();
    let seen = 0;
    const dying: EveryHandlers = {
      echo: () => (seen++, network.kill("a"), new Promise(() => {})),
      blob: () => (seen++, network.kill("a"), new Promise(() => {})),
    };
    network.start("b");
    network.start("a", dying);
    const { client } = network.pool(["a", "b"], { balance: "pick-first" });
    assertEquals(await answers(client, 1), ["b"]);
    network.start("a", dying);
    const { client: other } = network.pool(["a", "b"], { balance: "pick-first" });
    await rejectsWith("UNAVAILABLE", () => other.blob({ data: new Uint8Array(1) }));
    assertEquals(seen, 2);
    // "a" is gone: nobody has seen this one.
    const { client: third } = network.pool(["a", "b"], { balance: "pick-first" });
    assertEquals((await third.blob({ data: new Uint8Array(1) })).data.length, 1);
  },
);

leakTest("retries of calls that servers have seen stay within the budget", async () => {
  await using network = new Network();
  let seen = 0;
  const refusing: EveryHandlers = {
    echo: () => {
      seen++;
      throw new RpcError("UNAVAILABLE", "Cannot: overloaded");
    },
  };
  for (const name of ["a", "b", "c"]) network.start(name, refusing);
  const { client } = network.pool(["a", "b", "c"], {
    breaker: { failuresMax: 1e9 },
    backoff: { firstMs: 0 },
  });
  for (let call = 0; call < 200; call++) {
    await rejectsWith("UNAVAILABLE", () => client.echo({ text: "" }));
  }
  // 200 calls, ten tries to begin with, and a tenth of the calls.
  assert(seen >= 220 && seen <= 232, `${seen} calls were seen`);
});

leakTest("errors of the application are not tried again", async () => {
  await using network = new Network();
  let seen = 0;
  network.start("a", {
    echo: () => {
      seen++;
      throw new RpcError("NOT_FOUND", "Cannot: not there");
    },
  });
  const { client } = network.pool(["a"]);
  for (let call = 0; call < 10; call++) {
    await rejectsWith("NOT_FOUND", () => client.echo({ text: "" }));
  }
  assertEquals(seen, 10);
});

leakTest("a call has its time, whatever hangs: resolver, dial, greeting, server", async () => {
  await using network = new Network();
  network.start("a");
  const never = new Promise<never>(() => {});
  const [near, far] = memoryDuplex();
  for (
    const [servers, dial] of [
      [{ resolve: () => never }, undefined],
      [["a"], () => never],
      [["a"], () => Promise.resolve(near)],
      [["a"], undefined],
    ] as const
  ) {
    const { client, pool } = network.pool(servers, dial && { dial });
    await rejectsWith("DEADLINE_EXCEEDED", () => client.hang({ text: "" }, { timeoutMs: 5 }));
    const given = client.hang({ text: "" }, { signal: AbortSignal.abort(new Error("enough")) });
    await assertRejects(() => given, Error, "enough");
    pool.close();
  }
  far.close();
});

leakTest("a server that does not greet in time counts as one that is down", async () => {
  await using network = new Network();
  network.start("b");
  const [near, far] = memoryDuplex();
  const { client } = network.pool(["deaf", "b"], {
    balance: "pick-first",
    connectTimeoutMs: 100,
    dial: (address) => address === "deaf" ? Promise.resolve(near) : network.dial(address),
  });
  assertEquals(await answers(client, 2), ["b", "b"]);
  far.close();
});

leakTest("a hedged call goes to a second server, and the first answer counts", async () => {
  await using network = new Network();
  const cancelled = Promise.withResolvers<void>();
  network.start("slow", {
    echo: (_request, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener("abort", () => (cancelled.resolve(), reject(signal.reason)));
      }),
  });
  network.start("quick");
  const { client } = network.pool(["slow", "quick"], { balance: "pick-first", hedgeAfterMs: 5 });
  assertEquals(await answers(client, 1), ["quick"]);
  await cancelled.promise;
});

leakTest("round-robin takes turns, pick-first stays, least-loaded spares the busy", async () => {
  await using network = new Network();
  const running = ["a", "b", "c"].map((name) => network.start(name));
  const servers = ["a", "b", "c"];
  const counts = (names: string[]) => servers.map((name) => names.filter((n) => n === name).length);

  const turns = network.pool(servers, { balance: "round-robin" });
  assertEquals(counts(await answers(turns.client, 300)), [100, 100, 100]);
  const first = network.pool(servers, { balance: "pick-first" });
  assertEquals(counts(await answers(first.client, 50)), [50, 0, 0]);

  const least = network.pool(servers, { balance: "least-loaded" });
  await least.pool.warmUp();
  const aborter = new AbortController();
  const hanging: Promise<unknown>[] = [];
  for (let call = 0; call < 90; call++) {
    hanging.push(least.client.hang({ text: "" }, { signal: aborter.signal }).catch(() => {}));
    await yieldNow();
  }
  while (running.reduce((sum, { calls }) => sum + calls, 0) < 90) await yieldNow();
  assert(running.every(({ calls }) => calls >= 24 && calls <= 36));
  aborter.abort();
  await Promise.all(hanging);
});

leakTest("consistent-hash keeps keys where they are when a server leaves", async () => {
  await using network = new Network();
  let servers = ["a", "b", "c", "d"];
  for (const name of servers) network.start(name);
  const resolver = { resolve: () => Promise.resolve(servers), ttlMs: 0 };
  const { client } = network.pool(resolver, { balance: "consistent-hash" });
  const keys = Array.from({ length: 200 }, (_, index) => `key ${index}`);
  const owners = async () => (await Promise.all(keys.map((key) => answers(client, 1, key)))).flat();
  const before = await owners();
  assertEquals(await owners(), before);
  for (const name of servers) assert(before.filter((owner) => owner === name).length > 25);
  servers = ["a", "b", "d"];
  await owners();
  const after = await owners();
  keys.forEach((_, index) => {
    if (before[index] !== "c") assertEquals(after[index], before[index]);
    else assert(after[index] !== "c");
  });
});

leakTest("a server that fails gets no calls, is tried after a while, and comes back", async () => {
  await using network = new Network();
  let well = false;
  network.start("ill", {
    echo: () => {
      if (!well) throw new RpcError("UNAVAILABLE", "Cannot: ill");
      return { text: "ill" };
    },
  });
  network.start("b");
  const { client } = network.pool(["ill", "b"], { breaker: { failuresMax: 2, openMs: 10 } });
  assertEquals((await answers(client, 20)).includes("ill"), false);
  well = true;
  await sleep(15);
  // "b" is well all the time; the other one is tried nevertheless.
  assert((await answers(client, 20)).filter((name) => name === "ill").length >= 8);
});

Deno.test("CircuitBreaker: a trial that tells nothing leaves room for another", async () => {
  const breaker = new CircuitBreaker({ failuresMax: 1, openMs: 1 });
  breaker.failed();
  assert(!breaker.ready);
  await sleep(3);
  assert(breaker.allows() && !breaker.allows());
  breaker.abandoned();
  assert(breaker.allows());
  breaker.succeeded();
  assert(!breaker.open && breaker.allows() && breaker.allows());
});

leakTest("resolver changes: new servers get calls, old ones answer what they have", async () => {
  await using network = new Network();
  let open = () => {};
  const opened = new Promise<void>((resolve) => open = resolve);
  const old = network.start("old", { blob: (request) => opened.then(() => request) });
  network.start("new");
  let servers = ["old"];
  const { client } = network.pool({ resolve: () => Promise.resolve(servers), ttlMs: 0 });
  const slow = client.blob({ data: new Uint8Array([7]) });
  while (old.calls === 0) await yieldNow();
  servers = ["new"];
  await answers(client, 2);
  assertEquals(await answers(client, 3), ["new", "new", "new"]);
  open();
  assertEquals((await slow).data, new Uint8Array([7]));
  while (old.connections > 0) await yieldNow();
});

leakTest("a resolver that fails: the servers that are known serve on", async () => {
  await using network = new Network();
  network.start("a");
  let broken = true;
  const resolve = () =>
    broken ? Promise.reject(new Error("no DNS")) : Promise.resolve<readonly string[]>(["a"]);
  const { client } = network.pool({ resolve, ttlMs: 0 });
  const error = await rejectsWith("UNAVAILABLE", () => client.echo({ text: "" }));
  assertEquals((error.cause as Error).message, "no DNS");
  broken = false;
  assertEquals(await answers(client, 1), ["a"]);
  broken = true;
  assertEquals(await answers(client, 3), ["a", "a", "a"]);
});

leakTest("warmUp() connects to all servers and says to how many", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) network.start(name);
  const { pool } = network.pool(["a", "down", "b"]);
  assertEquals(await pool.warmUp(), 2);
  assertEquals(network.dialled.toSorted(), ["a", "b", "down"]);
});

leakTest("draining a server under load loses no call, and its pool goes elsewhere", async () => {
  await using network = new Network();
  const slowly: EveryHandlers = { blob: async (request) => (await yieldNow(), request) };
  for (const name of ["a", "b"]) network.start(name, slowly);
  const { client } = network.pool(["a", "b"], { breaker: { openMs: 1 } });
  let answered = 0;
  let over = false;
  // Not idempotent: a call that may have been seen is not made again.
  async function caller() {
    while (!over) {
      assertEquals((await client.blob({ data: new Uint8Array(9) })).data.length, 9);
      answered++;
    }
  }
  const callers = Array.from({ length: 64 }, caller);
  for (const name of ["a", "b", "a", "b"]) {
    const before = answered;
    while (answered < before + 500) await yieldNow();
    const drained = network.drain(name);
    const between = answered;
    while (answered < between + 500) await yieldNow();
    await drained;
    network.start(name, slowly);
    await sleep(10);
  }
  over = true;
  await Promise.all(callers);
});

leakTest("streams go through a pool as well", async () => {
  await using network = new Network();
  network.start("a");
  const { client } = network.pool(["a"]);
  assertEquals((await Array.fromAsync(client.count({ value: 100 }))).length, 100);
  assertEquals(await client.sum([{ value: 3 }, { value: 4 }]), { value: 7 });
  for await (const { value } of client.count({ value: 1_000_000 })) if (value === 10) break;
  network.kill("a");
  await rejectsWith("UNAVAILABLE", () => Array.fromAsync(client.count({ value: 1 })));
});

leakTest("close() ends calls in flight and those that wait for a connection", async () => {
  await using network = new Network();
  const server = network.start("a");
  const { client, pool } = network.pool(["a"]);
  const hanging = client.hang({ text: "" });
  while (server.calls === 0) await yieldNow();
  const { client: other, pool: waiting } = network.pool(["a"], {
    dial: () => new Promise(() => {}),
  });
  const unsent = other.echo({ text: "" });
  await yieldNow();
  pool.close();
  waiting.close();
  await rejectsWith("UNAVAILABLE", () => hanging);
  await rejectsWith("UNAVAILABLE", () => unsent);
  await rejectsWith("UNAVAILABLE", () => client.echo({ text: "" }));
});

Deno.test("dnsResolver() gives the addresses of both families", async () => {
  const records = { A: ["192.0.2.1", "192.0.2.2"], AAAA: ["2001:db8::1"] };
  const both = dnsResolver("example.com", 70, (_name, type) => Promise.resolve(records[type]));
  assertEquals(await both.resolve(), ["192.0.2.1:70", "192.0.2.2:70", "[2001:db8::1]:70"]);
  const one = dnsResolver(
    "example.com",
    70,
    (_name, type) =>
      type === "A" ? Promise.resolve(records.A) : Promise.reject(new Deno.errors.NotFound()),
  );
  assertEquals((await one.resolve()).length, 2);
  const none = dnsResolver("example.com", 70, () => Promise.reject(new Deno.errors.NotFound()));
  await assertRejects(() => none.resolve(), Deno.errors.NotFound);
});

Deno.test("redisResolver() finds what registerInRedis() wrote, while it is good", async () => {
  const members = new Map<string, number>();
  const redis = {
    command(name: string, ...args: (string | number)[]) {
      if (name === "ZADD") members.set(String(args[2]), Number(args[1]));
      if (name !== "ZRANGEBYSCORE") return Promise.resolve(1);
      return Promise.resolve([...members].filter(([, s]) => s >= Number(args[1])).map(([m]) => m));
    },
  };
  await registerInRedis(redis, "servers", "b:1");
  await registerInRedis(redis, "servers", "a:1");
  await registerInRedis(redis, "servers", "gone:1", -1);
  assertEquals(await redisResolver(redis, "servers").resolve(), ["a:1", "b:1"]);
});
