// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { assertOsError } from "./net_contract_case.ts";

/** The function under test: Deno's own, or ours. */
export interface DatagramApi {
  /** Opens a UDP socket. */
  listenDatagram(options: Deno.UdpListenOptions & { transport: "udp" }): Deno.DatagramConn;
  /** Opens a Unix datagram socket. */
  listenDatagram(
    options: Deno.UnixListenDatagramOptions & { transport: "unixpacket" },
  ): Deno.DatagramConn;
}

const { AddrInUse, BadResource, Interrupted, NotFound } = Deno.errors;

/**
 * Registers one test for every behaviour of `Deno.listenDatagram` that a program can rely on. Deno
 * itself passes them all; whatever stands in for it has to.
 */
export function datagramContract(
  label: string,
  api: DatagramApi,
  around: (run: () => Promise<void>) => Promise<void>,
): void {
  for (const [name, run] of Object.entries(cases)) {
    Deno.test(`[${label}] ${name}`, () => around(() => run(api)));
  }
}

type Conn = Deno.DatagramConn & Disposable;

/** A socket on loopback that is closed with its scope. */
function loopback(api: DatagramApi, options: Partial<Deno.UdpListenOptions> = {}): Conn {
  const all = { transport: "udp", hostname: "127.0.0.1", port: 0, ...options } as const;
  return closing(api.listenDatagram(all));
}

function unixpacket(api: DatagramApi): Conn {
  return closing(api.listenDatagram({ transport: "unixpacket", path: freshName() }));
}

function closing(conn: Deno.DatagramConn): Conn {
  return Object.assign(conn, {
    [Symbol.dispose]() {
      try {
        conn.close();
      } catch (error) {
        // The case closed it.
        if (!(error instanceof BadResource)) throw error;
      }
    },
  });
}

function freshName(): string {
  return `\0photon-${crypto.randomUUID()}`;
}

function addrOf(conn: Deno.DatagramConn): Deno.NetAddr {
  return conn.addr as Deno.NetAddr;
}

const cases: Record<string, (api: DatagramApi) => Promise<void>> = {
  async "receive() gives a datagram and who sent it"(api) {
    using left = loopback(api);
    using right = loopback(api);
    assertEquals(await left.send(new Uint8Array([1, 2, 3]), right.addr), 3);
    const [bytes, from] = await right.receive();
    assertEquals([...bytes], [1, 2, 3]);
    assertEquals({ ...from }, { ...left.addr });
  },

  async "receive() keeps the borders and the order of datagrams"(api) {
    using left = loopback(api);
    using right = loopback(api);
    const lengths = [1, 0, 1000, 2, 5000, 0, 60_000];
    for (const length of lengths) await left.send(new Uint8Array(length).fill(7), right.addr);
    for (const length of lengths) assertEquals((await right.receive())[0].length, length);
  },

  async "receive(p) gives a view of p, and cuts what does not fit"(api) {
    using conn = loopback(api);
    const p = new Uint8Array(4);
    await conn.send(new Uint8Array([1, 2]), conn.addr);
    await conn.send(new Uint8Array([1, 2, 3, 4, 5, 6]), conn.addr);
    const [short] = await conn.receive(p);
    assertEquals([short.buffer === p.buffer, [...short]], [true, [1, 2]]);
    const [cut] = await conn.receive(p);
    assertEquals([...cut], [1, 2, 3, 4]);
  },

  async "receive() answers several calls in order"(api) {
    using conn = loopback(api);
    const receives = [conn.receive(), conn.receive(), conn.receive()];
    for (const byte of [1, 2, 3]) await conn.send(new Uint8Array([byte]), conn.addr);
    const bytes = (await Promise.all(receives)).map(([datagram]) => datagram[0]);
    assertEquals(bytes.toSorted(), [1, 2, 3]);
  },

  async "send() resolves the names of hosts"(api) {
    using conn = loopback(api);
    const { port } = addrOf(conn);
    const addr = { transport: "udp", hostname: "localhost", port } as const;
    assertEquals(await conn.send(new Uint8Array([9]), addr), 1);
    assertEquals([...(await conn.receive())[0]], [9]);
  },

  async "send() rejects with EMSGSIZE when the datagram is too long"(api) {
    using conn = loopback(api);
    const error = await assertRejects(() => conn.send(new Uint8Array(70_000), conn.addr));
    assertOsError(error, Error, "EMSGSIZE");
  },

  async "send() rejects with TypeError when it is given no bytes"(api) {
    using conn = loopback(api);
    await assertRejects(() => conn.send("text" as unknown as Uint8Array, conn.addr), TypeError);
  },

  async "close() rejects a waiting receive with Interrupted"(api) {
    using conn = loopback(api);
    const receiving = conn.receive();
    conn.close();
    await assertRejects(() => receiving, Interrupted, "operation canceled");
  },

  async "close() makes every later call reject with BadResource"(api) {
    using conn = loopback(api);
    const { addr } = conn;
    conn.close();
    assertThrows(() => conn.close(), BadResource);
    await assertRejects(() => conn.receive(), BadResource);
    await assertRejects(() => conn.send(new Uint8Array(1), addr), BadResource);
  },

  async "close() ends a loop over the datagrams"(api) {
    using conn = loopback(api);
    const lengths: number[] = [];
    await conn.send(new Uint8Array(3), conn.addr);
    await conn.send(new Uint8Array(4), conn.addr);
    for await (const [bytes] of conn) {
      lengths.push(bytes.length);
      if (lengths.length === 2) conn.close();
    }
    assertEquals(lengths, [3, 4]);
  },

  async "listenDatagram() rejects a port in use, unless it is reused"(api) {
    using conn = loopback(api, { reuseAddress: true });
    const { port } = addrOf(conn);
    await assertRejects(async () => void await loopback(api, { port }), AddrInUse);
    loopback(api, { port, reuseAddress: true }).close();
  },

  async "listenDatagram() throws RangeError when the port is out of range"(api) {
    await assertRejects(async () => void await loopback(api, { port: 99_999 }), RangeError);
  },

  async "listenDatagram() takes every address by default"(api) {
    using conn = closing(api.listenDatagram({ transport: "udp", port: 0 }));
    assertEquals(addrOf(conn).hostname, "0.0.0.0");
    await Promise.resolve();
  },

  async "unixpacket sockets exchange datagrams by name"(api) {
    using left = unixpacket(api);
    using right = unixpacket(api);
    assertEquals(left.addr.transport, "unixpacket");
    assertEquals(await left.send(new Uint8Array([5, 6]), right.addr), 2);
    const [bytes, from] = await right.receive();
    assertEquals([[...bytes], { ...from }], [[5, 6], { ...left.addr }]);
  },

  async "unixpacket send() rejects with NotFound when nobody has the name"(api) {
    using conn = unixpacket(api);
    const addr = { transport: "unixpacket", path: "/nowhere/at/all" } as const;
    await assertRejects(() => conn.send(new Uint8Array(1), addr), NotFound);
  },

  async "unixpacket files stay when the socket is closed"(api) {
    const path = await Deno.makeTempFile();
    await Deno.remove(path);
    api.listenDatagram({ transport: "unixpacket", path }).close();
    assert((await Deno.lstat(path)).isSocket);
    await Deno.remove(path);
  },

  async "joinMulticastV4() lets a group's datagrams in"(api) {
    using conn = closing(
      api.listenDatagram({ transport: "udp", hostname: "0.0.0.0", port: 0, loopback: true }),
    );
    const group = "224.0.0.114";
    const membership = await conn.joinMulticastV4(group, "127.0.0.1");
    await membership.setTTL(1);
    await membership.setLoopback(true);
    await membership.leave();
    await assertRejects(() => conn.joinMulticastV4("10.0.0.1", "127.0.0.1"), TypeError);
    await assertRejects(() => conn.joinMulticastV4("no group", "127.0.0.1"), Error, "IPv4 address");
  },

  async "a socket that is unref'd does not answer less"(api) {
    using conn = loopback(api);
    const held = conn as unknown as { ref(): void; unref(): void };
    held.unref();
    const receiving = conn.receive();
    await conn.send(new Uint8Array([1]), conn.addr);
    // Someone else has to keep the process meanwhile.
    const timer = setInterval(() => {}, 10);
    assertEquals((await receiving)[0].length, 1);
    clearInterval(timer);
    held.ref();
  },
};
