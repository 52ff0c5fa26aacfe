// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { WorkPool } from "../io/work_pool.ts";
import { connect, listen, listenShared, shareListen, type TcpConn } from "../net/mod.ts";
import { leakTest } from "./leak.ts";
import { onRing, ringTest } from "./net_pair.ts";
import { workerTest } from "./worker_leak.ts";

const MAIN = new URL("net_shared_main.ts", import.meta.url);
const CONNECTIONS = 256;

/** Connects so many, one after the other in groups, and sees that each is served. */
async function connectMany(port: number, count: number): Promise<TcpConn[]> {
  const conns: TcpConn[] = [];
  while (conns.length < count) {
    const group = Array.from({ length: 16 }, () => connect({ hostname: "127.0.0.1", port }));
    conns.push(...await Promise.all(group));
  }
  await Promise.all(conns.map(async (conn) => {
    await conn.write(new Uint8Array([1, 2, 3]));
    assertEquals(await conn.readFull(new Uint8Array(3)), 3);
  }));
  return conns;
}

/** Sharing takes descriptors, which the ring has. */
function sharingTest(name: string, body: () => Promise<void>): void {
  if (onRing) workerTest(name, body);
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

sharingTest("two workers serve about as many of 256 connections", async () => {
  await using pool = new WorkPool({ workers: 2 });
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 2);
  const service = pool.run(MAIN, { args: [shared.share] });
  await service.ready;
  for (let round = 0; round < 3; round++) {
    const conns = await connectMany(shared.addr.port, CONNECTIONS);
    const open = shared.counts.map((counts) => counts.open);
    assertEquals(open[0]! + open[1]!, CONNECTIONS);
    // Within 20 % of each other.
    assert(Math.max(...open) <= 1.2 * Math.min(...open), open.join(" and "));
    for (const conn of conns) conn.close();
    await until(() => shared.counts.every((counts) => counts.open === 0));
  }
  await service.stop();
});

sharingTest("four workers even out what the kernel deals out", async () => {
  await using pool = new WorkPool({ workers: 4 });
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 4);
  const service = pool.run(MAIN, { args: [shared.share] });
  await service.ready;
  const conns = await connectMany(shared.addr.port, CONNECTIONS);
  const open = shared.counts.map((counts) => counts.open);
  assert(Math.max(...open) <= 1.35 * Math.min(...open), open.join(", "));
  for (const conn of conns) conn.close();
  await service.stop();
});

ringTest("a shared listener that closes lets the sockets go on", async () => {
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 1);
  const first = listenShared(shared.share, 0);
  const waiting = first.accept();
  first.close();
  await assertRejects(() => waiting, Deno.errors.BadResource);
  using second = listenShared(shared.share, 0);
  using _client = await connect({ port: shared.addr.port });
  using _conn = await second.accept();
});

ringTest("a shared listener that retires still gives what it had accepted", async () => {
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 1);
  using first = listenShared(shared.share, 0);
  const clients = await Promise.all([1, 2, 3].map(() => connect({ port: shared.addr.port })));
  const conns = [await first.accept()];
  await first.retire();
  using second = listenShared(shared.share, 0);
  clients.push(await connect({ port: shared.addr.port }));
  for await (const conn of first) conns.push(conn);
  while (conns.length < clients.length) conns.push(await second.accept());
  for (const conn of [...clients, ...conns]) conn.close();
});

ringTest("a shared listener that retires gives what waits to be accepted", async () => {
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 1);
  using listener = listenShared(shared.share, 0);
  const { port } = shared.addr;
  // More than wait on our side.
  const clients = await Promise.all(Array.from({ length: 200 }, () => connect({ port })));
  await listener.retire();
  const conns = await Promise.all(clients.map(() => listener.accept()));
  await assertRejects(() => listener.accept(), Deno.errors.BadResource);
  for (const conn of [...clients, ...conns]) conn.close();
});

Deno.test("shareListen() throws RangeError when the number of workers is out of range", () => {
  assertThrows(() => shareListen({ port: 0 }, 0), RangeError);
  assertThrows(() => shareListen({ port: 0 }, 1000), RangeError);
});

ringTest("listenShared() throws RangeError for a worker that there is not", () => {
  using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 1);
  assertThrows(() => listenShared(shared.share, 1), RangeError);
});

leakTest("listen() with a limit lets no more connections in", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0, limits: { connections: 2 } });
  const clients = await Promise.all([1, 2, 3].map(() => connect({ port: listener.addr.port })));
  const conns = [await listener.accept(), await listener.accept()];
  const waiting = listener.accept();
  await assertRejects(() => listener.accept(), Deno.errors.Busy);
  assertEquals(listener.acceptCounts, { open: 2, accepted: 2, refused: 0 });
  conns[0]!.close();
  conns.push(await waiting);
  assertEquals(listener.acceptCounts, { open: 2, accepted: 3, refused: 0 });
  for (const conn of [...clients, ...conns]) conn[Symbol.dispose]();
});

leakTest("a limit that holds an accept up ends with the listener, and by signal", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0, limits: { connections: 1 } });
  using _client = await connect({ port: listener.addr.port });
  using _conn = await listener.accept();
  const abort = new AbortController();
  const first = listener.accept({ signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => first, Error, "enough");
  const second = listener.accept();
  listener.close();
  await assertRejects(() => second, Deno.errors.BadResource);
});

leakTest("listen() with a limit an address resets what is too many", async () => {
  using listener = listen({
    hostname: "127.0.0.1",
    port: 0,
    limits: { connectionsPerAddress: 1 },
  });
  const first = await connect({ port: listener.addr.port });
  using conn = await listener.accept();
  using second = await connect({ port: listener.addr.port });
  const waiting = listener.accept();
  const end = await second.read(new Uint8Array(1)).catch((error) => error);
  assert(end === null || end instanceof Deno.errors.ConnectionReset);
  assertEquals(listener.acceptCounts?.refused, 1);
  first.close();
  conn.close();
  using _third = await connect({ port: listener.addr.port });
  using _conn = await waiting;
});

leakTest("listen() with a rate lets connections in as fast as that", async () => {
  const limits = { acceptsPerSecond: 100, acceptBurst: 2 };
  using listener = listen({ hostname: "127.0.0.1", port: 0, limits });
  const clients = await Promise.all(
    Array.from({ length: 6 }, () => connect({ port: listener.addr.port })),
  );
  const started = performance.now();
  const conns: TcpConn[] = [];
  while (conns.length < clients.length) conns.push(await listener.accept());
  // Two at once, then one every 10 ms; never sooner.
  assert(performance.now() - started >= 38);
  for (const conn of [...clients, ...conns]) conn.close();
});

Deno.test("listen() throws RangeError when a limit is not above 0", () => {
  assertThrows(() => listen({ port: 0, limits: { connections: 0 } }), RangeError);
});
