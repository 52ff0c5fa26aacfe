// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type SocketOption, socketOption } from "../ffi/socket_option.ts";
import { socketPair } from "../net/socket_pair.ts";
import { leakTest } from "./leak.ts";
import { descriptorOf, onRing, ringTest, tcpPair, unixPair } from "./net_pair.ts";
import { patternBytes, readExactly, readToEnd } from "./transfer.ts";

// The options that only the ring engine has; that the portable one refuses them is tested in
// `net_deno_socket_test.ts`. What a call asks for is read back from the kernel.

const { ConnectionReset, NotSupported } = Deno.errors;

type Conn = Parameters<typeof descriptorOf>[0];

ringTest("setNoDelay() turns the option on and off", async () => {
  using pair = await tcpPair();
  assertEquals(optionOf(pair.client, "noDelay"), 1);
  pair.client.setNoDelay(false);
  assertEquals(optionOf(pair.client, "noDelay"), 0);
  pair.client.setNoDelay();
  assertEquals(optionOf(pair.client, "noDelay"), 1);
});

ringTest("setKeepAlive() turns probes on and off", async () => {
  using pair = await tcpPair();
  assertEquals(optionOf(pair.client, "keepAlive"), 0);
  pair.client.setKeepAlive();
  assertEquals(optionOf(pair.client, "keepAlive"), 1);
  pair.client.setKeepAlive(false);
  assertEquals(optionOf(pair.client, "keepAlive"), 0);
});

ringTest("setKeepAlive() sets the timings it is given", async () => {
  using pair = await tcpPair();
  const before = optionOf(pair.client, "keepAliveProbeCount");
  pair.client.setKeepAlive({ idleSeconds: 7, intervalSeconds: 3 });
  assertEquals(optionOf(pair.client, "keepAlive"), 1);
  assertEquals(optionOf(pair.client, "keepAliveIdleSeconds"), 7);
  assertEquals(optionOf(pair.client, "keepAliveIntervalSeconds"), 3);
  assertEquals(optionOf(pair.client, "keepAliveProbeCount"), before);
});

ringTest("setBufferSizes() asks for the sizes it is given", async () => {
  using pair = await tcpPair();
  pair.client.setBufferSizes({ receiveBytes: 20_000, sendBytes: 30_000 });
  // The kernel doubles what it is given, for its own bookkeeping (socket(7)).
  assertEquals(optionOf(pair.client, "receiveBufferBytes"), 40_000);
  assertEquals(optionOf(pair.client, "sendBufferBytes"), 60_000);
});

ringTest("setLinger() of 0 lets close() reset the connection", async () => {
  using pair = await tcpPair();
  const reading = pair.server.read(new Uint8Array(1));
  pair.client.setLinger(0);
  pair.client.close();
  await assertRejects(() => reading, ConnectionReset);
});

ringTest("setLinger() of undefined lets close() end the connection in order", async () => {
  using pair = await tcpPair();
  pair.client.setLinger(0);
  pair.client.setLinger(undefined);
  await pair.client.write(new Uint8Array([1]));
  pair.client.close();
  assertEquals([...await readToEnd(pair.server)], [1]);
});

ringTest("connections that are made with options have them", async () => {
  using pair = await tcpPair({
    noDelay: false,
    keepAlive: { idleSeconds: 11 },
    receiveBufferBytes: 10_000,
    sendBufferBytes: 15_000,
    lingerSeconds: 0,
  });
  assertEquals(optionOf(pair.client, "noDelay"), 0);
  assertEquals(optionOf(pair.client, "keepAliveIdleSeconds"), 11);
  assertEquals(optionOf(pair.client, "receiveBufferBytes"), 20_000);
  assertEquals(optionOf(pair.client, "sendBufferBytes"), 30_000);
  pair.client.close();
  await assertRejects(() => pair.server.read(new Uint8Array(1)), ConnectionReset);
});

ringTest("small kernel buffers carry a large transfer", async () => {
  using pair = await tcpPair({ receiveBufferBytes: 1, sendBufferBytes: 1 });
  const sent = patternBytes(300_000);
  const writing = pair.client.writeAll(sent);
  assertEquals(await readExactly(pair.server, sent.length), sent);
  await writing;
});

ringTest("connect() refuses an option out of range before it connects", async () => {
  const cases = [
    { keepAlive: { idleSeconds: 0 } },
    { keepAlive: { probeCount: 128 } },
    { lingerSeconds: -1 },
    { receiveBufferBytes: 0 },
  ];
  for (const options of cases) {
    await assertRejects(() => tcpPair(options), RangeError, "Cannot set");
  }
});

ringTest("peerCredentials() says who is at the other end", async () => {
  using pair = await unixPair();
  const here = { pid: Deno.pid, uid: Deno.uid(), gid: Deno.gid() };
  assertEquals(pair.client.peerCredentials(), here);
  assertEquals(pair.server.peerCredentials(), here);
});

ringTest("peerCredentials() of a TCP connection is not there to be called", async () => {
  using pair = await tcpPair();
  assert(!("peerCredentials" in pair.client));
});

ringTest("socketPair() gives two ends that talk to each other", async () => {
  const [left, right] = socketPair();
  using _left = left;
  using _right = right;
  const sent = patternBytes(1_000_000);
  const writing = left.writeAll(sent).then(() => left.closeWrite());
  assertEquals(await readToEnd(right), sent);
  await writing;
  await right.write(new Uint8Array([1]));
  assertEquals(await readExactly(left, 1), new Uint8Array([1]));
});

ringTest("socketPair() ends have no name, and know this process", () => {
  const [left, right] = socketPair();
  for (const end of [left, right]) {
    // As for every Unix socket without a name, although the type says string.
    assertEquals<unknown>({ ...end.localAddr }, { transport: "unix", path: null });
    assertEquals<unknown>({ ...end.remoteAddr }, { transport: "unix", path: null });
    assertEquals(end.peerCredentials().pid, Deno.pid);
    end.close();
  }
});

ringTest("socketPair() tells one end that the other is closed", async () => {
  const [left, right] = socketPair();
  left.close();
  assertEquals(await right.read(new Uint8Array(1)), null);
  await assertRejects(() => right.writeAll(new Uint8Array(1)).then(() => right.closeWrite()));
  right.close();
});

leakTest("socketPair() throws NotSupported on the portable engine", () => {
  assertThrows(socketPair, NotSupported, "Cannot open the ring engine");
}, { ignore: onRing });

function optionOf(conn: Conn, option: SocketOption): number {
  return socketOption(descriptorOf(conn), option);
}
