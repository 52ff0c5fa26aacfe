// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { connect } from "../redis/client.ts";
import { parseUrl } from "../redis/endpoint.ts";
import { ClientClosedError, ReplyError, WatchError } from "../redis/redis_error.ts";
import { redisTest, serverTest } from "./redis_servers.ts";
import { uncaughtDuring } from "./uncaught.ts";

Deno.test("parseUrl() reads hosts, users, databases and paths", () => {
  assertEquals(parseUrl("redis://ann:p%40ss@host:7000/3"), {
    endpoint: { hostname: "host", port: 7000, tls: undefined },
    credentials: { username: "ann", password: "p@ss", database: 3 },
  });
  assertEquals(parseUrl("rediss://[::1]").endpoint, { hostname: "::1", port: 6379, tls: {} });
  assertEquals(parseUrl("redis+unix:///tmp/a%20b.sock?db=2&password=x"), {
    endpoint: { path: "/tmp/a b.sock" },
    credentials: { password: "x", database: 2 },
  });
  for (const wrong of ["host:6379", "http://host", "redis://host/db", "nonsense"]) {
    assertThrows(() => parseUrl(wrong), TypeError, "Cannot connect");
  }
});

redisTest("connect() rejects with ConnectionRefused when nothing listens", async () => {
  const listener = Deno.listen({ port: 0 });
  const { port } = listener.addr;
  listener.close();
  await assertRejects(() => connect({ port }), Deno.errors.ConnectionRefused);
});

redisTest("connect() rejects with TimedOut when nobody answers", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const accepting = listener.accept();
  const { port } = listener.addr;
  const options = { port, connectTimeoutMs: 50 };
  await assertRejects(() => connect(options), Deno.errors.TimedOut, "50 ms");
  (await accepting).close();
});

for (const protocol of [2, 3] as const) {
  serverTest(`connect() logs in, names itself and selects in RESP${protocol}`, async (server) => {
    await using admin = await connect(server.url);
    await admin.aclSetuser("ann", ["on", ">secret", "~*", "+@all"]);
    const login = { username: "ann", password: "secret", database: 3, name: "tester", protocol };
    await using client = await connect({ port: server.port, ...login });
    assertEquals(await client.aclWhoami(), "ann");
    assertEquals(await client.clientGetname(), "tester");
    assertStringIncludes(await client.clientInfo(), "db=3");
    assertEquals(client.protocol, protocol);
    const wrong = { port: server.port, username: "ann", password: "wrong", protocol };
    const error = await assertRejects(() => connect(wrong), ReplyError);
    assertEquals([error.code, error.name], ["WRONGPASS", "AuthenticationError"]);
  }, { port: true });
}

serverTest("commands of one turn are answered in order", async (server) => {
  await using client = await connect(server.url);
  const sent = Array.from({ length: 5000 }, (_, index) => client.echo(`value ${index}`));
  assertEquals(await Promise.all(sent), sent.map((_, index) => `value ${index}`));
});

serverTest("more commands than may be in flight wait their turn", async (server) => {
  await using client = await connect(server.url, { inFlightMax: 3 });
  const counts = await Promise.all(Array.from({ length: 100 }, () => client.incr("n")));
  assertEquals(counts, Array.from({ length: 100 }, (_, index) => index + 1));
});

serverTest("values of every size come back as they went, as text and as bytes", async (server) => {
  await using client = await connect(server.url);
  const view = client.with({ asBytes: true });
  for (const length of [0, 1, 24, 25, 255, 256, 16_384, 65_536, 1_000_000, 9_000_000]) {
    const text = "\u00e9x".repeat(length / 2).slice(0, length);
    const bytes = new Uint8Array(length).map((_, index) => index * 7);
    await client.mset([["text", text], ["bytes", bytes]]);
    assert(await client.get("text") === text);
    assertEquals((await view.get("bytes"))?.toHex(), bytes.toHex());
  }
});

serverTest("a command with a wrong argument rejects and hurts no other", async (server) => {
  await using client = await connect(server.url);
  const before = client.set("k", "v");
  const wrong = client.set("k", undefined as unknown as string);
  const after = client.get("k");
  await assertRejects(() => wrong, TypeError, "argument 2");
  assertEquals([await before, await after], ["OK", "v"]);
  await assertRejects(() => client.lpush("k", "x"), ReplyError, "WRONGTYPE");
});

serverTest("a command of a connection's own is refused on the shared one", async (server) => {
  await using client = await connect(server.url);
  for (const name of ["SUBSCRIBE", "MULTI", "SELECT", "CLIENT REPLY", "MONITOR"]) {
    await assertRejects(() => client.command(name, "1"), TypeError, name);
    await assertRejects(() => client.with({}).command(name, "1"), TypeError, name);
  }
  assertEquals(await client.ping(), "PONG");
});

serverTest(
  "with() gives a command up by its signal, and the next reply is right",
  async (server) => {
    await using client = await connect(server.url);
    const controller = new AbortController();
    const view = client.with({ signal: controller.signal });
    const given = view.debug(["SLEEP", "0.1"]);
    const next = client.echo("next");
    controller.abort(new Error("enough"));
    await assertRejects(() => given, Error, "enough");
    assertEquals(await next, "next");
    await assertRejects(() => view.get("k"), Error, "enough");
  },
);

serverTest(
  "a time limit rejects with TimedOut, and later commands are answered",
  async (server) => {
    await using client = await connect(server.url, { timeoutMs: 30 });
    const error = await assertRejects(() => client.debug(["SLEEP", "0.2"]), Deno.errors.TimedOut);
    assertStringIncludes(error.message, "DEBUG");
    assertEquals(await client.with({ timeoutMs: 5000 }).echo("on"), "on");
  },
);

serverTest(
  "blocking commands hold up nobody, and nothing is lost when given up",
  async (server) => {
    await using client = await connect(server.url);
    const popping = client.blpop("list", 0);
    assertEquals(await client.ping(), "PONG");
    await client.rpush("list", "a");
    assertEquals(await popping, ["list", "a"]);
    const controller = new AbortController();
    const given = client.with({ signal: controller.signal }).blpop("list", 0);
    while (!(await client.clientList()).includes("cmd=blpop"));
    controller.abort(new Error("enough"));
    await assertRejects(() => given, Error, "enough");
    await client.rpush("list", "b");
    assertEquals(await client.blpop("list", 1), ["list", "b"]);
    const view = client.with({ timeoutMs: 20 });
    await assertRejects(() => view.blpop("list", 0), Deno.errors.TimedOut);
    assertEquals(client.pool.size, 1);
  },
);

serverTest("transaction() runs all or, when one cannot be queued, none", async (server) => {
  await using client = await connect(server.url);
  const [first, second, dump] = await client.transaction((t) =>
    [t.set("a", 1), t.hset("h", { x: 1 }), t.dump("a")] as const
  );
  assertEquals([first, second, dump instanceof Uint8Array], ["OK", 1, true]);
  const failed = client.transaction((t) => [t.incr("a"), t.lpush("a", "x"), t.incr("a")]);
  await assertRejects(() => failed, ReplyError, "WRONGTYPE");
  assertEquals(await client.get("a"), "3");
  const refused = client.transaction((t) => [t.incr("a"), t.command("NO SUCH")]);
  const error = await assertRejects(() => refused, ReplyError, "EXECABORT");
  assertStringIncludes(String(error.cause), "unknown command");
  assertEquals(await client.get("a"), "3");
});

serverTest("watching() runs again when a key changed, and gives up in the end", async (server) => {
  await using client = await connect(server.url);
  await client.set("n", 1);
  let runs = 0;
  const result = await client.watching("n", async (session) => {
    const value = Number(await session.get("n"));
    if (++runs === 1) await client.incr("n");
    return await session.transaction((t) => [t.set("n", value * 10)]);
  });
  assertEquals([result, runs, await client.get("n")], [["OK"], 2, "20"]);
  const never = client.watching("n", async (session) => {
    await client.incr("n");
    return await session.transaction((t) => [t.set("n", 0)]);
  }, 3);
  await assertRejects(() => never, WatchError);
});

serverTest("what a session in watching() changes is not left to the next", async (server) => {
  await using client = await connect(server.url);
  await client.watching("n", async (session) => {
    await session.select(3);
    await session.set("n", "there");
  });
  const found = await client.watching("n", (session) => session.get("n"));
  assertEquals([found, await client.blpop("n", 0.01).catch((error) => error)], [null, null]);
  await client.watching("n", (session) => session.get("n"));
  assertEquals(client.pool.size, 1);
});

serverTest("a handler that throws is reported, and harms nobody", async (server) => {
  await using client = await connect(server.url);
  const fail = (what: string) => () => {
    throw new Error(what);
  };
  const told: string[] = [];
  const messages = await uncaughtDuring(async () => {
    client.onPush(fail("push"));
    client.onPush(({ items }) => told.push(String(items[0])));
    client.onLost(fail("lost"));
    client.onReconnect(fail("reconnect"));
    client.onReconnect(() => told.push("reconnect"));
    client.onClose(fail("close"));
    await client.clientTracking("ON");
    await client.get("k");
    await client.set("k", "v");
    assertEquals(await client.get("k"), "v");
    client.reconnect(new Error("for a test"));
    assertEquals(await client.get("k"), "v");
    client.close();
  });
  assertEquals(told, ["invalidate", "reconnect"]);
  assertEquals(messages, ["push", "lost", "reconnect", "close", "lost"]);
});

serverTest("close() rejects what waits; disposing waits for it", async (server) => {
  const closed = await connect(server.url);
  const waiting = closed.get("k");
  const blocked = closed.blpop("k", 0);
  closed.close();
  await assertRejects(() => waiting);
  await assertRejects(() => blocked);
  await assertRejects(() => closed.get("k"), ClientClosedError);
  const disposed = await connect(server.url);
  const answered = disposed.set("k", "v");
  await disposed[Symbol.asyncDispose]();
  assertEquals(await answered, "OK");
});
