// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { resolveHostNow } from "../ffi/resolve.ts";
import {
  bindSocket,
  closeDescriptor,
  listenSocket,
  openSocket,
  SocketType,
} from "../ffi/socket.ts";
import { addressFamily } from "../ffi/sockaddr.ts";
import type { TcpConn } from "../net/conn.ts";
import { connect } from "../net/connect.ts";
import { listen, type TcpListener } from "../net/listen.ts";
import type { StreamConn } from "../net/stream_conn.ts";
import { leakTest } from "./leak.ts";
import { atMoment, MOMENTS, nextImmediate } from "./net_moments.ts";
import { freshAbstractName, onRing, ringTest } from "./net_pair.ts";
import { patternBytes, readExactly } from "./transfer.ts";

// What `connect` does beyond `Deno.connect`, and when it is given up; the rest is in
// `net_contract_connect.ts`.

const REASON = new Error("enough");

/** Connections that a listener with this backlog lets wait: the kernel takes one more. */
const BACKLOG = 1;

ringTest("connect() with tcpFastOpen carries the first bytes", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0, tcpFastOpen: true });
  // The first connection fetches the cookie that the second one sends.
  for (let round = 0; round < 2; round++) {
    using conn = await connect({ port: listener.addr.port, tcpFastOpen: true });
    await conn.write(new Uint8Array([1, 2, 3]));
    using peer = await listener.accept();
    assertEquals(await readExactly(peer, 3), new Uint8Array([1, 2, 3]));
    await peer.write(new Uint8Array([4]));
    assertEquals(await readExactly(conn, 1), new Uint8Array([4]));
  }
});

for (const hostname of ["127.0.0.1", "::1"]) {
  const both = resolveHostNow("localhost").length > 1;
  leakTest(`connect() finds localhost when only ${hostname} listens`, async () => {
    using listener = listen({ hostname, port: 0 });
    using conn = await connect({ hostname: "localhost", port: listener.addr.port });
    assertEquals(conn.remoteAddr.hostname, hostname);
    using peer = await listener.accept();
    await conn.write(patternBytes(10));
    assertEquals(await readExactly(peer, 10), patternBytes(10));
  }, { ignore: !both && hostname === "::1" });
}

leakTest("connect() that is aborted while it waits frees its socket", async () => {
  using full = await fullListener();
  const abort = new AbortController();
  const connecting = connect({ port: full.port, signal: abort.signal });
  await nextImmediate();
  abort.abort(REASON);
  await assertRejects(() => connecting, Error, "enough");
});

// The resolver cannot be stopped and ends by itself; on Deno's own the whole attempt with it.
const ENDS_BY_ITSELF = { sanitizeOps: false, sanitizeResources: onRing };

leakTest("connect() obeys its signal at every moment, and keeps nothing", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  for (const hostname of ["127.0.0.1", "localhost"]) {
    for (const moment of MOMENTS) {
      const abort = new AbortController();
      const { signal } = abort;
      const connecting = outcome(connect({ hostname, port: listener.addr.port, signal }));
      await atMoment(moment, () => abort.abort(REASON));
      const conn = await connecting;
      if (conn instanceof Error) assertEquals(conn, REASON);
      else await assertTalks(conn, listener);
    }
  }
}, ENDS_BY_ITSELF);

leakTest("connect() to a name obeys its signal while the name is looked up", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const abort = new AbortController();
  const { port } = listener.addr;
  const connecting = connect({ hostname: "localhost", port, signal: abort.signal });
  abort.abort(REASON);
  await assertRejects(() => connecting, Error, "enough");
}, ENDS_BY_ITSELF);

leakTest("connect() to an abstract name obeys its signal at every moment", async () => {
  const path = freshAbstractName();
  using listener = listen({ transport: "unix", path });
  for (const moment of MOMENTS) {
    const abort = new AbortController();
    const connecting = outcome(connect({ transport: "unix", path, signal: abort.signal }));
    await atMoment(moment, () => abort.abort(REASON));
    const conn = await connecting;
    if (conn instanceof Error) assertEquals(conn, REASON);
    else conn.close();
    if (conn instanceof Error) continue;
    // What an aborted connect had won may be queued as well, and has ended.
    using peer = await listener.accept();
    assertEquals(await peer.read(new Uint8Array(1)), null);
  }
});

ringTest("connect() to a Unix socket with a full backlog waits and can be given up", async () => {
  const path = freshAbstractName();
  using full = fullUnixListener(path);
  const conns = [];
  for (let i = 0; i < full.room; i++) conns.push(await connect({ transport: "unix", path }));
  const abort = new AbortController();
  const connecting = connect({ transport: "unix", path, signal: abort.signal });
  await nextImmediate();
  abort.abort(REASON);
  await assertRejects(() => connecting, Error, "enough");
  for (const conn of conns) conn.close();
});

leakTest("connect() and listen() meet at an abstract name that is no file", async () => {
  const path = freshAbstractName();
  using listener = listen({ transport: "unix", path });
  assertEquals(listener.addr, { transport: "unix", path });
  using conn = await connect({ transport: "unix", path });
  assertEquals(conn.remoteAddr, { transport: "unix", path });
  using peer = await listener.accept();
  await conn.write(new Uint8Array([1]));
  assertEquals(await readExactly(peer, 1), new Uint8Array([1]));
});

leakTest("an abstract name is free again when its listener is closed", async () => {
  const path = freshAbstractName();
  listen({ transport: "unix", path }).close();
  await assertRejects(() => connect({ transport: "unix", path }), Deno.errors.ConnectionRefused);
  listen({ transport: "unix", path }).close();
});

/** A listener that nobody accepts from and that takes no further connection. */
async function fullListener(): Promise<{ port: number } & Disposable> {
  const listener = listen({ hostname: "127.0.0.1", port: 0, tcpBacklog: BACKLOG });
  const { port } = listener.addr;
  const waiting: TcpConn[] = [];
  for (let i = 0; i <= BACKLOG; i++) waiting.push(await connect({ port }));
  const close = () => {
    for (const conn of waiting) conn.close();
    listener.close();
  };
  return { port, [Symbol.dispose]: close };
}

/** A Unix listener that nobody accepts from, and how many connections it lets wait. */
function fullUnixListener(path: string): { room: number } & Disposable {
  const address = { transport: "unix", path } as const;
  const fd = openSocket(addressFamily(address), SocketType.stream);
  bindSocket(fd, address);
  listenSocket(fd, BACKLOG);
  return { room: BACKLOG + 1, [Symbol.dispose]: () => closeDescriptor(fd) };
}

/** The connection, or the error instead of it. */
function outcome<T>(promise: Promise<T>): Promise<T | Error> {
  return promise.catch((error: unknown) => {
    assert(error instanceof Error);
    return error;
  });
}

/** Holds a connection to being one, and closes it; connections of before may be queued. */
async function assertTalks(conn: StreamConn<Deno.NetAddr>, listener: TcpListener): Promise<void> {
  for (;;) {
    using peer = await listener.accept();
    if (peer.remoteAddr.port !== conn.localAddr.port) continue;
    await conn.write(new Uint8Array([1]));
    assertEquals(await readExactly(peer, 1), new Uint8Array([1]));
    return conn.close();
  }
}
