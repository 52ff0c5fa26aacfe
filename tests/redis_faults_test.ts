// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connect } from "../redis/client.ts";
import { findCommand } from "../redis/command_lookup.ts";
import { startServer } from "../redis/embedded.ts";
import {
  ClientClosedError,
  ConnectionLostError,
  ProtocolError,
  QueueFullError,
  ReplyError,
} from "../redis/redis_error.ts";
import { Proxy } from "./redis_proxy.ts";
import { redisTest, serverTest } from "./redis_servers.ts";

redisTest("startServer() says what is missing and how to get it", async () => {
  const error = await assertRejects(() => startServer({ program: "no-such-server" }));
  assert(error instanceof Deno.errors.NotFound);
  assertStringIncludes(error.message, "apt-get install redis-server");
  await assertRejects(() => startServer({ config: { nonsense: 1 } }), Error, "it ended with");
});

redisTest(
  "a server that is restarted under load: each outcome is told, none is wrong",
  async () => {
    const port = freePort();
    let server = await startServer({ port });
    const client = await connect({ port });
    const tally = { right: 0, wrong: 0, unknown: 0, notSent: 0 };
    let isOver = false;
    const lanes = Array.from({ length: 32 }, async (_, lane) => {
      for (let i = 0; !isOver; i++) {
        const tag = `${lane}:${i}`;
        try {
          // A command that writes, so that it is not sent twice: its reply must be its own.
          const reply = await client.eval("redis.call('INCR', 'n') return ARGV[1]", [], tag);
          tally[reply === tag ? "right" : "wrong"]++;
        } catch (error) {
          if (!(error instanceof ConnectionLostError)) throw error;
          tally[error.outcome === "unknown" ? "unknown" : "notSent"]++;
        }
      }
    });
    for (let restart = 0; restart < 3; restart++) {
      const before = tally.right;
      while (tally.right < before + 2000) await client.ping();
      await server.kill("SIGKILL");
      await server[Symbol.asyncDispose]();
      server = await startServer({ port });
      await client.ping();
    }
    isOver = true;
    await Promise.all(lanes);
    assertEquals([tally.wrong, tally.notSent], [0, 0]);
    assert(tally.right > 6000 && tally.unknown <= 3 * 32, JSON.stringify(tally));
    client.close();
    await server[Symbol.asyncDispose]();
  },
);

serverTest("a lost connection: reads are sent again, writes reject as unknown", async (server) => {
  await using proxy = new Proxy(server.port);
  await using client = await connect({ port: proxy.port });
  await client.set("k", "v");
  proxy.isSwallowing = true;
  const read = client.get("k");
  const write = client.incr("n");
  const transaction = client.transaction((t) => [t.incr("n")]);
  const get = { definition: findCommand("GET"), args: ["k"] };
  const both = client.batch([get, get]);
  await proxy.swallowed.promise;
  proxy.cut();
  const error = await assertRejects(() => write, ConnectionLostError);
  assertEquals(error.outcome, "unknown");
  await assertRejects(() => transaction, ConnectionLostError);
  assertEquals([await read, await both], ["v", ["v", "v"]]);
  assertEquals(await client.get("n"), null);
}, { port: true });

serverTest(
  "CLIENT KILL: the client is back, and what it sends later is answered",
  async (server) => {
    await using admin = await connect(server.url);
    await using client = await connect(server.url);
    for (let i = 0; i < 20; i++) {
      const back = new Promise<void>((resolve) => client.onReconnect(resolve));
      await admin.clientKill(["ID", await client.clientId()]);
      await back;
      assertEquals(await client.echo(`${i}`), `${i}`);
    }
  },
);

serverTest("the offline queue is bounded, and can be left out", async (server) => {
  const options = { queueMax: 2, reconnect: { delayMs: 10_000 } };
  const client = await connect(server.url, options);
  const strict = await connect(server.url, { ...options, offlineQueue: false });
  await Promise.all([loss(client), loss(strict), server.kill()]);
  const kept = [client.get("a"), client.get("b")];
  await assertRejects(() => client.get("c"), QueueFullError, "2 commands");
  const error = await assertRejects(() => strict.get("a"), ConnectionLostError);
  assertEquals(error.outcome, "not sent");
  client.close();
  strict.close();
  for (const waiting of kept) await assertRejects(() => waiting, ClientClosedError);
});

serverTest("a client that may not reconnect, or not often, closes", async (server) => {
  const never = await connect(server.url, { reconnect: false });
  const twice = await connect(server.url, { reconnect: { delayMs: 1, attemptsMax: 2 } });
  const given = loss(twice).then(() => twice.get("k"));
  await Promise.all([loss(never), server.kill()]);
  await assertRejects(() => never.get("k"), ClientClosedError);
  const error = await assertRejects(() => given, ClientClosedError, "gave up");
  assert(error.cause instanceof Error);
});

serverTest("the server's refusals have names", async (server) => {
  await using client = await connect(server.url);
  const named = async (name: string, run: () => Promise<unknown>) => {
    const error = await assertRejects(run, ReplyError);
    assertEquals(error.name, name, error.message);
  };
  await client.configSet({ maxmemory: 1 });
  await named("OutOfMemoryError", () => client.set("k", "v"));
  await client.configSet({ maxmemory: 0 });
  await client.aclSetuser("ann", ["on", "nopass", "+get", "~a*"]);
  await using ann = await connect(server.url, { username: "ann", password: "" });
  await named("PermissionDeniedError", () => ann.set("a", "v"));
  await named("PermissionDeniedError", () => ann.get("b"));
  await client.configSet({ "min-replicas-to-write": 1 });
  await named("NoReplicasError", () => client.set("k", "v"));
  await client.configSet({ "min-replicas-to-write": 0 });
  await named("NoSuchScriptError", () => client.evalsha("0".repeat(40)));
  await client.replicaof("127.0.0.1", 1);
  await named("ReadOnlyError", () => client.set("k", "v"));
  await client.configSet({ "replica-serve-stale-data": "no" });
  await named("MasterDownError", () => client.get("k"));
});

serverTest("LOADING is told by its name while the server reads its data", async (server) => {
  await using client = await connect(server.url);
  await client.debug(["POPULATE", "20000"]);
  await client.configSet({ "key-load-delay": 200 });
  await using other = await connect(server.url);
  // The reload lasts 4 s at least, during which the server answers now and then.
  const reload = client.debug(["RELOAD"]).catch(() => {});
  const error = await assertRejects(async () => {
    while (true) await other.get("key:1");
  }, ReplyError);
  assertEquals([error.code, error.name], ["LOADING", "LoadingError"]);
  await other.configSet({ "key-load-delay": 0 });
  await reload;
}, { config: { "loading-process-events-interval-bytes": 1024 } });

redisTest("a peer that speaks no RESP is hung up on, and told by its name", async () => {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const serving = (async () => {
    using conn = await listener.accept();
    await conn.read(new Uint8Array(1024));
    await conn.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
    while (await conn.read(new Uint8Array(1024)).catch(() => null) !== null);
  })();
  const error = await assertRejects(() => connect({ port: listener.addr.port }));
  assert(causes(error).some((cause) => cause instanceof ProtocolError));
  await serving;
});

redisTest("a reply beyond the limit ends the connection with ProtocolError", async () => {
  await using server = await startServer();
  await using big = await connect(server.url);
  await big.setrange("k", 2_000_000, "x");
  const limits = { stringBytesMax: 1_000_000 };
  await using client = await connect(server.url, { limits, reconnect: false });
  const error = await assertRejects(() => client.get("k"), ConnectionLostError);
  assert(causes(error).some((cause) => cause instanceof ProtocolError));
});

function loss(client: { onLost(handler: () => void): () => void }): Promise<void> {
  return new Promise((resolve) => client.onLost(() => resolve()));
}

function causes(error: unknown): unknown[] {
  return error instanceof Error ? [error, ...causes(error.cause)] : [];
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}
