// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DATAGRAM_BLOCKS } from "../io/datagram_blocks.ts";
import { engineInfo } from "../io/engine_info.ts";
import { DATAGRAMS_KEPT_MAX } from "../net/datagram_receiver.ts";
import { connectDatagram, type DatagramConn, listenDatagram } from "../net/mod.ts";
import { leakTest, withoutLeaks } from "./leak.ts";
import { type DatagramApi, datagramContract } from "./net_datagram_contract.ts";
import { onRing, ringTest } from "./net_pair.ts";
import { REPOSITORY, runProgram, runTestFiles } from "./subprocess.ts";

/** Set in the run that this file starts, with Deno's own datagrams switched on. */
const ENGINE_RUN = "PHOTON_DATAGRAM_RUN";
const RUN_LIMIT_MS = 120_000;
const { engine } = engineInfo();
/** On the portable engine Deno's own sockets are underneath, which want a flag. */
const available = onRing || "listenDatagram" in Deno;

listenDatagram satisfies DatagramApi["listenDatagram"];

if (available) datagramContract(`Photon on ${engine}`, { listenDatagram }, withoutLeaks);

if ("listenDatagram" in Deno) datagramContract("Deno", Deno, (run) => run());

if (!Deno.env.has(ENGINE_RUN)) {
  Deno.test("datagrams hold with PHOTON_ENGINE=deno, and on Deno's own API", async () => {
    const env = { PHOTON_ENGINE: "deno", [ENGINE_RUN]: "1" };
    await runTestFiles(["tests/net_datagram_test.ts"], env, RUN_LIMIT_MS, ["--unstable-net"]);
  });

  Deno.test({
    name: "datagrams hold with PHOTON_TASK_RUN=cooperative",
    ignore: !onRing,
    fn: async () => {
      const env = { PHOTON_TASK_RUN: "cooperative", [ENGINE_RUN]: "1" };
      await runTestFiles(["tests/net_datagram_test.ts"], env, RUN_LIMIT_MS);
    },
  });
}

function loopback(options: { receiveOffload?: boolean } = {}): DatagramConn<Deno.NetAddr> {
  return listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0, ...options });
}

/** A test of what goes beyond Deno's API, where datagrams can be had. */
function datagramTest(name: string, body: () => Promise<void>): void {
  leakTest(name, body, { ignore: !available });
}

datagramTest("connectDatagram() sends to and hears one peer only", async () => {
  using server = loopback();
  using stranger = loopback();
  using conn = await connectDatagram({ transport: "udp", port: server.addr.port });
  assertEquals(conn.remoteAddr, {
    transport: "udp",
    hostname: "127.0.0.1",
    port: server.addr.port,
  });
  await conn.send(new Uint8Array([1]));
  const [, client] = await server.receive();
  await stranger.send(new Uint8Array([66]), client);
  await server.send(new Uint8Array([2]), client);
  assertEquals([...(await conn.receive())[0]], [2]);
});

ringTest("a connected socket learns that its peer does not listen", async () => {
  const server = loopback();
  const { port } = server.addr;
  server.close();
  using conn = await connectDatagram({ transport: "udp", port });
  await conn.send(new Uint8Array([1]));
  await assertRejects(() => conn.receive(), Deno.errors.ConnectionRefused);
});

datagramTest("send() without an address throws TypeError on an open socket", async () => {
  using conn = loopback();
  await assertRejects(() => conn.send(new Uint8Array(1)), TypeError, "not connected");
});

datagramTest("receive() gives up when its signal says so, and loses nothing", async () => {
  using conn = loopback();
  const abort = new AbortController();
  const receiving = conn.receive(undefined, { signal: abort.signal });
  abort.abort(new Error("enough"));
  await assertRejects(() => receiving, Error, "enough");
  await conn.send(new Uint8Array([3]), conn.addr);
  assertEquals([...(await conn.receive())[0]], [3]);
});

datagramTest("sendBatch() sends all, each to its own peer", async () => {
  using left = loopback();
  using right = loopback();
  using sender = loopback();
  const datagrams = Array.from({ length: 150 }, (_, index) => {
    const { addr } = index % 2 ? left : right;
    return [new Uint8Array([index]), addr] as const;
  });
  assertEquals(await sender.sendBatch(datagrams), 150);
  for (let index = 0; index < 150; index++) {
    const [bytes] = await (index % 2 ? left : right).receive();
    assertEquals([...bytes], [index]);
  }
});

datagramTest("sendSegments() cuts bytes into datagrams", async () => {
  for (const receiveOffload of onRing ? [false, true] : [false]) {
    using conn = loopback({ receiveOffload });
    const bytes = Uint8Array.from({ length: 5050 }, (_, index) => index % 251);
    assertEquals(await conn.sendSegments(bytes, 100, conn.addr), 5050);
    const received: number[] = [];
    for (let index = 0; index < 51; index++) {
      const [datagram] = await conn.receive();
      assertEquals(datagram.length, index < 50 ? 100 : 50);
      received.push(...datagram);
    }
    assertEquals(received, [...bytes]);
  }
});

datagramTest("sendSegments() sends more than one message holds", async () => {
  using conn = loopback();
  const receiving = (async () => {
    let count = 0;
    for (let total = 0; total < 80_000;) {
      total += (await conn.receive())[0].length;
      count++;
    }
    return count;
  })();
  await conn.sendSegments(new Uint8Array(80_000), 10_000, conn.addr);
  assertEquals(await receiving, 8);
  await assertRejects(() => conn.sendSegments(new Uint8Array(1), 0, conn.addr), RangeError);
});

ringTest("a socket that nobody reads keeps so much and leaves the rest to the kernel", async () => {
  using conn = loopback();
  const first = conn.receive();
  await conn.send(new Uint8Array([0]), conn.addr);
  await first;
  // The standing receive takes what nobody asked for, up to its bound.
  const sent = DATAGRAMS_KEPT_MAX + 2 * DATAGRAM_BLOCKS;
  for (let index = 0; index < sent; index++) {
    await conn.send(new Uint8Array(2), conn.addr);
    if (index % 8 === 7) await new Promise((resolve) => setTimeout(resolve, 0));
  }
  // All of them are there, whoever kept them, and in order.
  for (let index = 0; index < sent; index++) assertEquals((await conn.receive())[0].length, 2);
});

ringTest("more datagrams than blocks arrive in one turn", async () => {
  using conn = loopback();
  using sender = loopback();
  const count = 3 * DATAGRAM_BLOCKS;
  const receives = Array.from({ length: count }, () => conn.receive());
  const datagrams = Array.from({ length: count }, (_, index) => {
    return [new Uint8Array([index & 255]), conn.addr] as const;
  });
  await sender.sendBatch(datagrams);
  const bytes = (await Promise.all(receives)).map(([datagram]) => datagram[0]);
  assertEquals(bytes, datagrams.map(([[byte]]) => byte));
});

ringTest(
  "a burst is read in order: in its turn, in later ones, and from what comes then",
  async () => {
    using conn = loopback();
    using sender = loopback();
    const burst = (first: number) =>
      sender.sendBatch(Array.from({ length: 20 }, (_, index) => {
        return [new Uint8Array(index + 1).fill(first + index), conn.addr] as const;
      }));
    const read: string[] = [];
    const buffer = new Uint8Array(100);
    const readSome = async (count: number, into?: Uint8Array) => {
      for (let index = 0; index < count; index++) {
        const [bytes, addr] = await conn.receive(into);
        assertEquals(addr, sender.addr);
        read.push(`${bytes.length}: ${bytes[0]}`);
      }
    };
    const first = readSome(5, buffer);
    await burst(0);
    await first;
    await new Promise((resolve) => setTimeout(resolve, 0));
    await readSome(3);
    await burst(20);
    await readSome(17, buffer);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await readSome(15);
    assertEquals(read, Array.from({ length: 40 }, (_, index) => `${index % 20 + 1}: ${index}`));
  },
);

ringTest("unixpacket send() waits for a receiver that is full", async () => {
  const path = `\0photon-${crypto.randomUUID()}`;
  using receiver = listenDatagram({ transport: "unixpacket", path });
  using sender = listenDatagram({ transport: "unixpacket" });
  let sent = 0;
  const sends = Array.from({ length: 700 }, async () => {
    await sender.send(new Uint8Array([1]), receiver.addr);
    sent++;
  });
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve, 0));
  assert(sent < 700, "The kernel takes no more than net.unix.max_dgram_qlen");
  for (let index = 0; index < 700; index++) await receiver.receive();
  await Promise.all(sends);
});

ringTest("close() rejects the sends that wait for room", async () => {
  const path = `\0photon-${crypto.randomUUID()}`;
  using receiver = listenDatagram({ transport: "unixpacket", path });
  const sender = listenDatagram({ transport: "unixpacket" });
  const sends = Array.from({ length: 700 }, () => sender.send(new Uint8Array(1), receiver.addr));
  sender.close();
  const outcomes = await Promise.allSettled(sends);
  assert(outcomes.some(({ status }) => status === "rejected"));
});

datagramTest("joinMulticastV4() hears the group only while it is joined", async () => {
  using conn = listenDatagram({ transport: "udp", port: 0, loopback: true });
  const { port } = conn.addr;
  const group = { transport: "udp", hostname: "224.0.0.115", port } as const;
  const own = { transport: "udp", hostname: "127.0.0.1", port } as const;
  const membership = await conn.joinMulticastV4(group.hostname, "0.0.0.0").catch(() => null);
  // A machine without a network has no interface for it.
  if (membership === null) return;
  const reached = await conn.send(new Uint8Array([1]), group).then(() => true, () => false);
  if (reached) assertEquals([...(await conn.receive())[0]], [1]);
  await membership.leave();
  await conn.send(new Uint8Array([2]), group).catch(() => {});
  await conn.send(new Uint8Array([3]), own);
  assertEquals([...(await conn.receive())[0]], [3]);
});

Deno.test({
  name: "datagrams are sent and received with net permission only, in Deno's words",
  ignore: !onRing,
  fn: async () => {
    const source = `
      import { connectDatagram, listenDatagram } from "${new URL("net/mod.ts", REPOSITORY)}";
      const attempt = (run) => Promise.resolve().then(run).then(() => "done", (e) => e.message);
      const conn = listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
      const to = (hostname) => ({ transport: "udp", hostname, port: 9 });
      console.log(JSON.stringify([
        await attempt(() => listenDatagram(to("127.0.0.2"))),
        await attempt(() => connectDatagram(to("127.0.0.2"))),
        await attempt(() => conn.send(new Uint8Array(1), to("127.0.0.2"))),
        await attempt(() => conn.send(new Uint8Array(1), to("127.0.0.1"))),
      ]));
      conn.close();`;
    const flags = ["--allow-ffi", "--allow-net=127.0.0.1", "--allow-read"];
    const { stdout, stderr } = await runProgram(source, flags);
    const refusal = 'Requires net access to "127.0.0.2:9", run again with the --allow-net flag';
    assertEquals(JSON.parse(stdout || "null"), [refusal, refusal, refusal, "done"], stderr);
  },
});

Deno.test({
  name: "listenDatagram() throws NotSupported on the portable engine without --unstable-net",
  ignore: onRing || "listenDatagram" in Deno,
  fn: () => void assertThrows(() => loopback(), Deno.errors.NotSupported, "--unstable-net"),
});
