// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { socketOption } from "../ffi/socket_option.ts";
import { engineStatistics } from "../io/engine_info.ts";
import type { TcpListenOptions } from "../net/addr.ts";
import type { TcpConn } from "../net/conn.ts";
import { connect } from "../net/connect.ts";
import { listen, type TcpListener } from "../net/listen.ts";
import { ACCEPT_QUEUE_MAX } from "../net/uring_listener.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS, nextImmediate } from "./net_moments.ts";
import { descriptorOf, freshAbstractName, ringTest } from "./net_pair.ts";
import { seededRandom } from "./net_random.ts";
import { readExactly } from "./transfer.ts";

// What a listener has beyond `Deno.Listener`, and accepts that are given up; the rest is in
// `net_contract_listener.ts`.

const { AddrInUse, BadResource, Busy, ConnectionReset } = Deno.errors;

const REASON = new Error("enough");
const ROUNDS = 500;
/** Enough that each of two listeners gets one, but for one run in 2^63. */
const SHARED_CONNECTIONS = 64;

leakTest("accept() rejects with the reason of a signal that is aborted", async () => {
  using listener = listenLocally();
  const { signal } = aborted();
  await assertRejects(() => listener.accept({ signal }), Error, "enough");
  using client = await connectTo(listener);
  assertEquals(await acceptedPort(listener), client.localAddr.port);
});

leakTest("accept() rejects when its signal is aborted while it waits", async () => {
  using listener = listenLocally();
  const abort = new AbortController();
  const accepting = listener.accept({ signal: abort.signal });
  await nextImmediate();
  abort.abort(REASON);
  await assertRejects(() => accepting, Error, "enough");
  using client = await connectTo(listener);
  assertEquals(await acceptedPort(listener), client.localAddr.port);
});

leakTest("accept() forgets its signal once it is answered", async () => {
  using listener = listenLocally();
  const abort = new AbortController();
  const [client, peer] = await Promise.all([
    connectTo(listener),
    listener.accept({ signal: abort.signal }),
  ]);
  abort.abort(REASON);
  await client.write(new Uint8Array([1]));
  assertEquals(await readExactly(peer, 1), new Uint8Array([1]));
  client.close();
  peer.close();
});

leakTest("accept() may be called again at once after an aborted one", async () => {
  using listener = listenLocally();
  const abort = new AbortController();
  const first = listener.accept({ signal: abort.signal });
  await assertRejects(() => listener.accept(), Busy);
  abort.abort(REASON);
  await assertRejects(() => first, Error, "enough");
  const [client, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  client.close();
  peer.close();
});

leakTest("accept() that is aborted leaves its connection to the next accept", async () => {
  using listener = listenLocally();
  const random = seededRandom(3);
  let given = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const abort = new AbortController();
    const accepting = outcome(listener.accept({ signal: abort.signal }));
    const connecting = connectTo(listener);
    await atMoment(MOMENTS[random(MOMENTS.length)], () => abort.abort(REASON));
    using client = await connecting;
    const accepted = await accepting;
    if (accepted instanceof Error) {
      assertEquals(accepted, REASON);
      given++;
    }
    using peer = accepted instanceof Error ? await listener.accept() : accepted;
    assertEquals(peer.remoteAddr.port, client.localAddr.port);
  }
  assert(given > ROUNDS / 20, `Only ${given} accepts of ${ROUNDS} were given up`);
});

ringTest("accept() obeys its signal behind a connection that was reset", async () => {
  using listener = listenLocally();
  // The first accept lets the kernel go on accepting for the next ones.
  const [first, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  const second = await connectTo(listener);
  second.setLinger(0);
  second.close();
  // Only the kernel's accepting is in flight once the close is done.
  while (engineStatistics().pending > 1) await nextImmediate();
  const abort = new AbortController();
  const accepting = outcome(listener.accept({ signal: abort.signal }));
  await nextImmediate();
  abort.abort(REASON);
  assertEquals(await accepting, REASON);
  first.close();
  peer.close();
});

leakTest("close() closes the connections that nobody accepted", async () => {
  const listener = listenLocally();
  const [first, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  const second = await connectTo(listener);
  for (let turn = 0; turn < 10; turn++) await nextImmediate();
  listener.close();
  const end = await second.read(new Uint8Array(1)).catch((error: unknown) => error);
  assert(end === null || end instanceof ConnectionReset);
  for (const conn of [first, second, peer]) conn.close();
});

leakTest("close() at any moment rejects a waiting accept with BadResource", async () => {
  for (const moment of MOMENTS) {
    const listener = listenLocally();
    const accepting = outcome(listener.accept());
    const connecting = outcome(connectTo(listener));
    await atMoment(moment, () => listener.close());
    const accepted = await accepting;
    if (accepted instanceof Error) assert(accepted instanceof BadResource, accepted.message);
    else accepted.close();
    const client = await connecting;
    if (!(client instanceof Error)) client.close();
  }
});

leakTest("more connections than the accept queue holds are all accepted, in order", async () => {
  using listener = listenLocally({ tcpBacklog: 4 * ACCEPT_QUEUE_MAX });
  const [first, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  using stack = new DisposableStack();
  stack.use(first);
  stack.use(peer);
  const ports = [];
  for (let i = 0; i < 3 * ACCEPT_QUEUE_MAX; i++) {
    const client = stack.use(await connectTo(listener));
    ports.push(client.localAddr.port);
  }
  const accepted = [];
  for (const _ of ports) accepted.push(await acceptedPort(listener));
  assertEquals(accepted, ports);
});

leakTest("tcpBacklog bounds the connections that wait to be accepted", async () => {
  using listener = listenLocally({ tcpBacklog: 1 });
  using stack = new DisposableStack();
  // The kernel lets one more wait than it is asked for.
  for (let i = 0; i < 2; i++) stack.use(await connectTo(listener));
  const abort = new AbortController();
  const { port } = listener.addr;
  const third = outcome(connect({ port, signal: abort.signal }));
  for (let turn = 0; turn < 20; turn++) await nextImmediate();
  abort.abort(REASON);
  assertEquals(await third, REASON);
});

ringTest("reusePort shares a port among listeners", async () => {
  using first = listenLocally({ reusePort: true });
  using second = listenLocally({ reusePort: true, port: first.addr.port });
  using stack = new DisposableStack();
  const counts = [0, 0];
  const accepting = [first, second].map(async (listener, index) => {
    for await (const conn of listener) {
      stack.use(conn);
      counts[index]++;
      await conn.write(new Uint8Array([index]));
    }
  });
  for (let i = 0; i < SHARED_CONNECTIONS; i++) {
    const client = stack.use(await connectTo(first));
    await readExactly(client, 1);
  }
  first.close();
  second.close();
  await Promise.all(accepting);
  assertEquals(counts[0] + counts[1], SHARED_CONNECTIONS);
  assert(counts[0] > 0 && counts[1] > 0, `${counts}`);
});

ringTest("listen() throws AddrInUse unless both listeners reuse the port", () => {
  using first = listenLocally({ reusePort: true });
  assertThrows(() => listenLocally({ port: first.addr.port }), AddrInUse);
  using second = listenLocally();
  assertThrows(() => listenLocally({ reusePort: true, port: second.addr.port }), AddrInUse);
});

ringTest("reuseAddress of false keeps a port that old connections linger on", async () => {
  const listener = listenLocally();
  const { port } = listener.addr;
  const [client, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  // The side that closes first lingers.
  peer.close();
  assertEquals(await client.read(new Uint8Array(1)), null);
  client.close();
  listener.close();
  await nextImmediate();
  assertThrows(() => listenLocally({ port, reuseAddress: false }), AddrInUse);
  listenLocally({ port }).close();
});

ringTest("accepted connections have the options of their listener", async () => {
  using listener = listenLocally({
    noDelay: false,
    keepAlive: { idleSeconds: 9 },
    receiveBufferBytes: 12_000,
  });
  const [client, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  const fd = descriptorOf(peer);
  assertEquals(socketOption(fd, "noDelay"), 0);
  assertEquals(socketOption(fd, "keepAliveIdleSeconds"), 9);
  assertEquals(socketOption(fd, "receiveBufferBytes"), 24_000);
  client.close();
  peer.close();
});

ringTest("accepted connections have Nagle's algorithm off unless it is asked for", async () => {
  using listener = listenLocally();
  const [client, peer] = await Promise.all([connectTo(listener), listener.accept()]);
  assertEquals(socketOption(descriptorOf(peer), "noDelay"), 1);
  client.close();
  peer.close();
});

leakTest("a Unix listener leaves aborted accepts' connections to the next", async () => {
  const path = freshAbstractName();
  using listener = listen({ transport: "unix", path });
  const abort = new AbortController();
  const accepting = outcome(listener.accept({ signal: abort.signal }));
  using client = await connect({ transport: "unix", path });
  abort.abort(REASON);
  const accepted = await accepting;
  using peer = accepted instanceof Error ? await listener.accept() : accepted;
  await client.write(new Uint8Array([1]));
  assertEquals(await readExactly(peer, 1), new Uint8Array([1]));
});

function listenLocally(options: TcpListenOptions = {}): TcpListener {
  return listen({ hostname: "127.0.0.1", port: 0, ...options });
}

function connectTo(listener: TcpListener): Promise<TcpConn> {
  return connect({ port: listener.addr.port });
}

/** Accepts a connection, closes it, and gives the peer's port. */
async function acceptedPort(listener: TcpListener): Promise<number> {
  using conn = await listener.accept();
  return conn.remoteAddr.port;
}

function aborted(): AbortController {
  const abort = new AbortController();
  abort.abort(REASON);
  return abort;
}

/** What a call gives, or the error instead of it. */
function outcome<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: unknown) => {
    assert(error instanceof Error);
    return error;
  });
}
