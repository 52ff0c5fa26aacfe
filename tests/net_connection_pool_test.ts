// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { connect, ConnectionPool, listen, Resolver, type TcpConn } from "../net/mod.ts";
import { leakTest } from "./leak.ts";
import { runTestFiles } from "./subprocess.ts";

const { BadResource, Busy, ConnectionRefused, TimedOut } = Deno.errors;
const ENGINE_RUN = "PHOTON_POOL_RUN";
const NONE = { idle: 0, leased: 0, connecting: 0, waiting: 0 };

/** A server that holds on to its connections until it is closed. */
interface Server extends AsyncDisposable {
  readonly endpoint: { hostname: string; port: number };
  readonly conns: TcpConn[];
}

function serve(port = 0): Server {
  const listener = listen({ hostname: "127.0.0.1", port });
  const conns: TcpConn[] = [];
  const accepting = (async () => {
    for await (const conn of listener) conns.push(conn);
  })();
  return {
    endpoint: { hostname: "127.0.0.1", port: listener.addr.port },
    conns,
    async [Symbol.asyncDispose]() {
      listener[Symbol.dispose]();
      await accepting;
      for (const conn of conns) conn[Symbol.dispose]();
    },
  };
}

/** Waits until something holds. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

leakTest("acquire() gives the connection that was used last", async () => {
  await using server = serve();
  await using pool = new ConnectionPool();
  const first = await pool.acquire(server.endpoint);
  const second = await pool.acquire(server.endpoint);
  first.release();
  second.release();
  assertEquals(pool.statistics(server.endpoint), { ...NONE, idle: 2 });
  using third = await pool.acquire(server.endpoint);
  assert(third.conn === second.conn);
  second.release();
  assertEquals(pool.statistics(server.endpoint), { ...NONE, idle: 1, leased: 1 });
});

leakTest("acquire() takes Infinity for no limit", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ max: 1, connectTimeoutMs: Infinity });
  const first = await pool.acquire(server.endpoint, { timeoutMs: Infinity });
  const second = pool.acquire(server.endpoint, { timeoutMs: Infinity });
  await new Promise((resolve) => setTimeout(resolve, 5));
  first.release();
  (await second).release();
});

leakTest("release() does not pass on a connection that the peer has closed", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ max: 1 });
  const first = await pool.acquire(server.endpoint);
  await until(() => server.conns.length === 1);
  server.conns[0]!.close();
  await first.conn.read(new Uint8Array(1));
  const second = pool.acquire(server.endpoint);
  first.release();
  using lease = await second;
  assert(lease.conn !== first.conn);
});

leakTest("release() to who waits makes no room for one more connection", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ max: 1 });
  const first = await pool.acquire(server.endpoint);
  const second = pool.acquire(server.endpoint);
  first.release();
  const third = pool.acquire(server.endpoint);
  assertEquals(pool.statistics(server.endpoint), { ...NONE, leased: 1, waiting: 2 });
  const { conn } = await second;
  assert(conn === first.conn);
  (await second).release();
  assert((await third).conn === conn);
  (await third).release();
});

leakTest("acquire() gives up when its signal aborts while idle ones are looked at", async () => {
  await using server = serve();
  const controller = new AbortController();
  const check = () => {
    controller.abort("enough");
    return Promise.resolve(false);
  };
  await using pool = new ConnectionPool({ max: 1, check });
  (await pool.acquire(server.endpoint)).release();
  const { signal } = controller;
  const acquiring = pool.acquire(server.endpoint, { signal });
  assertEquals(await acquiring.catch((reason) => reason), "enough");
});

leakTest("acquire() that gives up leaves the room to who waits", async () => {
  await using server = serve();
  const controller = new AbortController();
  const { signal } = controller;
  let second: ReturnType<ConnectionPool["acquire"]> | undefined;
  const check = () => {
    second = pool.acquire(server.endpoint, { timeoutMs: 5000 });
    controller.abort("enough");
    return Promise.resolve(false);
  };
  await using pool = new ConnectionPool({ max: 1, check });
  (await pool.acquire(server.endpoint)).release();
  const first = pool.acquire(server.endpoint, { signal });
  assertEquals(await first.catch((reason) => reason), "enough");
  (await second!).release();
});

leakTest("acquire() gives up at its deadline while a check does not answer", async () => {
  await using server = serve();
  const answers: ((usable: boolean) => void)[] = [];
  const check = () => new Promise<boolean>((resolve) => answers.push(resolve));
  await using pool = new ConnectionPool({ max: 1, check });
  const { conn } = await pool.acquire(server.endpoint).then((lease) => (lease.release(), lease));
  await assertRejects(() => pool.acquire(server.endpoint, { timeoutMs: 5 }), TimedOut);
  const aborter = new AbortController();
  const waiting = pool.acquire(server.endpoint, { signal: aborter.signal });
  const last = pool.acquire(server.endpoint);
  aborter.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  // The answer that comes late is for the one who still waits, who looks for himself.
  answers.shift()!(true);
  await until(() => answers.length > 0);
  answers.shift()!(true);
  using lease = await last;
  assert(lease.conn === conn);
  assertEquals(pool.statistics(server.endpoint), { ...NONE, leased: 1 });
});

leakTest("a check that never answers is a no, and does not hold up close()", async () => {
  await using server = serve();
  const check = () => new Promise<boolean>(() => {});
  await using pool = new ConnectionPool({ max: 1, check, connectTimeoutMs: 20 });
  const first = await pool.acquire(server.endpoint);
  first.release();
  using second = await pool.acquire(server.endpoint);
  assert(second.conn !== first.conn);
  second.release();
  const patient = new ConnectionPool({ check });
  (await patient.acquire(server.endpoint)).release();
  const refused = assertRejects(() => patient.acquire(server.endpoint), BadResource);
  await patient.close();
  await refused;
});

leakTest("acquire() does not give a connection that the peer has closed", async () => {
  await using server = serve();
  await using pool = new ConnectionPool();
  const first = await pool.acquire(server.endpoint);
  const { conn } = first;
  await until(() => server.conns.length === 1);
  server.conns[0]!.close();
  await conn.read(new Uint8Array(1));
  first.release();
  using second = await pool.acquire(server.endpoint);
  assert(second.conn !== conn);
});

leakTest("acquire() does not give a connection with bytes that nobody asked for", async () => {
  await using server = serve();
  await using pool = new ConnectionPool();
  const first = await pool.acquire(server.endpoint);
  await until(() => server.conns.length === 1);
  await server.conns[0]!.write(new Uint8Array([1, 2]));
  await first.conn.peek(new Uint8Array(1));
  const { conn } = first;
  first.release();
  using second = await pool.acquire(server.endpoint);
  assert(second.conn !== conn);
});

leakTest("acquire() waits at the bound, in order", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ max: 1 });
  const lease = await pool.acquire(server.endpoint);
  const order: number[] = [];
  const waits = [1, 2, 3].map(async (number) => {
    using _ = await pool.acquire(server.endpoint);
    order.push(number);
  });
  await until(() => pool.statistics(server.endpoint).waiting === 3);
  lease.release();
  await Promise.all(waits);
  assertEquals(order, [1, 2, 3]);
});

leakTest("acquire() gives up at its deadline, by its signal, and when too many wait", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ max: 1, waitersMax: 2 });
  using _ = await pool.acquire(server.endpoint);
  const abort = new AbortController();
  const waits = [
    pool.acquire(server.endpoint, { timeoutMs: 20 }),
    pool.acquire(server.endpoint, { signal: abort.signal }),
  ];
  await assertRejects(() => pool.acquire(server.endpoint), Busy);
  abort.abort(new Error("enough"));
  await assertRejects(() => waits[1]!, Error, "enough");
  await assertRejects(() => waits[0]!, TimedOut);
  assertEquals(pool.statistics(server.endpoint).waiting, 0);
});

leakTest("a dead endpoint refuses its own callers, and nobody else", async () => {
  const dead = serve();
  const { endpoint } = dead;
  await dead[Symbol.asyncDispose]();
  await using alive = serve();
  await using pool = new ConnectionPool({ max: 2 });
  const outcomes = await Promise.allSettled([
    ...Array.from({ length: 20 }, () => pool.use(endpoint, () => Promise.resolve())),
    ...Array.from({ length: 20 }, () => pool.use(alive.endpoint, () => Promise.resolve())),
  ]);
  const refused = outcomes.map((outcome) =>
    outcome.status === "rejected" && outcome.reason instanceof ConnectionRefused
  );
  assertEquals(refused, [...Array(20).fill(true), ...Array(20).fill(false)]);
  // It is asked again when it may be back.
  await using _back = serve(endpoint.port);
  await pool.use(endpoint, () => Promise.resolve());
});

leakTest("an endpoint that dies with connections in the pool is noticed", async () => {
  const server = serve();
  const { endpoint } = server;
  await using pool = new ConnectionPool();
  const leases = await Promise.all([1, 2, 3].map(() => pool.acquire(endpoint)));
  await until(() => server.conns.length === 3);
  await server[Symbol.asyncDispose]();
  // The end of the stream has to arrive before it can be seen.
  for (const { conn } of leases) assertEquals(await conn.peek(new Uint8Array(1)), null);
  for (const lease of leases) lease.release();
  await assertRejects(() => pool.acquire(endpoint), ConnectionRefused);
  assertEquals(pool.statistics(endpoint), NONE);
});

leakTest("a connect that hangs is given up", async () => {
  await using pool = new ConnectionPool<string, TcpConn>({
    connectTimeoutMs: 20,
    key: (endpoint) => endpoint,
    connect: (_, signal) =>
      new Promise((_, reject) => signal.onabort = () => reject(signal.reason)),
  });
  // A connect that is real holds the process by itself.
  const hold = setInterval(() => {}, 10);
  await assertRejects(() => pool.acquire("nowhere"), TimedOut, "no answer");
  clearInterval(hold);
});

leakTest("use() closes the connection of a function that throws", async () => {
  await using server = serve();
  await using pool = new ConnectionPool();
  await assertRejects(() => pool.use(server.endpoint, () => Promise.reject(new Error("no"))));
  assertEquals(pool.statistics(server.endpoint), NONE);
});

leakTest("connections that are idle for too long are closed, down to the minimum", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ idleTimeMs: 10, min: 1, max: 4 });
  await pool.warm(server.endpoint, 3);
  assertEquals(pool.statistics(server.endpoint).idle, 3);
  await until(() => pool.statistics(server.endpoint).idle === 1);
});

leakTest("connections that are too old are not used again", async () => {
  await using server = serve();
  await using pool = new ConnectionPool({ ageMs: 5 });
  const lease = await pool.acquire(server.endpoint);
  await new Promise((resolve) => setTimeout(resolve, 10));
  lease.release();
  assertEquals(pool.statistics(server.endpoint), NONE);
});

leakTest("close() refuses who waits, and waits for what is in use", async () => {
  await using server = serve();
  const pool = new ConnectionPool({ max: 1 });
  const lease = await pool.acquire(server.endpoint);
  const waiting = pool.acquire(server.endpoint);
  let closed = false;
  const closing = pool.close().then(() => closed = true);
  await assertRejects(() => waiting, BadResource);
  await assertRejects(() => pool.acquire(server.endpoint), BadResource);
  assertEquals(closed, false);
  lease.release();
  await closing;
});

Deno.test("ConnectionPool() throws RangeError when a number is out of range", () => {
  assertThrows(() => new ConnectionPool({ max: 0 }), RangeError);
  assertThrows(() => new ConnectionPool({ min: 3, max: 2 }), RangeError);
  assertThrows(() => new ConnectionPool({ ageMs: 0 }), RangeError);
});

leakTest("Resolver asks once for all, and again when the time is over", async () => {
  let asked = 0;
  const resolver = new Resolver({
    lookup: () => Promise.resolve({ addresses: [`127.0.0.${++asked}`], ttlMs: 20 }),
  });
  const answers = await Promise.all([resolver.resolve("a"), resolver.resolve("a")]);
  assertEquals([answers, asked], [[["127.0.0.1"], ["127.0.0.1"]], 1]);
  await until(() => asked > 1 || (resolver.resolve("a"), false));
  resolver.discard("a");
  assertEquals(await resolver.resolve("a"), [`127.0.0.${asked}`]);
});

leakTest("Resolver keeps a failure for a moment", async () => {
  let asked = 0;
  const lookup = () => (asked++, Promise.reject(new Error("nobody knows")));
  const resolver = new Resolver({ lookup, failureTtlMs: 60_000 });
  for (let time = 0; time < 3; time++) {
    await assertRejects(() => resolver.resolve("a"), Error, "nobody knows");
  }
  assertEquals(asked, 1);
});

leakTest("connect() goes on to the next address, and begins with it the next time", async () => {
  await using server = serve();
  const { port } = server.endpoint;
  // Nothing listens at the first of the two.
  const resolver = new Resolver({ lookup: () => Promise.resolve(["127.0.0.9", "127.0.0.1"]) });
  for (let time = 0; time < 2; time++) {
    using conn = await connect({ hostname: "service.test", port, resolver });
    assertEquals(conn.remoteAddr.hostname, "127.0.0.1");
  }
  assertEquals(await resolver.resolve("service.test"), ["127.0.0.1", "127.0.0.9"]);
});

if (!Deno.env.has(ENGINE_RUN)) {
  Deno.test("pools hold with PHOTON_ENGINE=deno", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/net_connection_pool_test.ts"], env, 60_000);
  });
}
