// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { libc } from "../ffi/libc.ts";
import { AddressFamily } from "../ffi/sockaddr.ts";
import { closeDescriptor, openSocket, openSocketPair, SocketType } from "../ffi/socket.ts";
import {
  peerCredentials,
  setKeepAlive,
  setLinger,
  setSocketOption,
  type SocketOption,
  socketOption,
} from "../ffi/socket_option.ts";

// deno-fmt-ignore
const SWITCHES: SocketOption[] = [
  "reuseAddress", "keepAlive", "reusePort", "noDelay", "tcpFastOpenConnect",
];

// deno-fmt-ignore
const NUMBERS: [SocketOption, number][] = [
  ["keepAliveIdleSeconds",     30],
  ["keepAliveIntervalSeconds", 5],
  ["keepAliveProbeCount",      3],
  ["userTimeoutMs",            2500],
];

// Opened before the first test: it stays open, which the sanitizers would report.
libc();

Deno.test("setSocketOption() turns a switch on and off", () => {
  using socket = tcpSocket();
  for (const option of SWITCHES) {
    for (const on of [true, false]) {
      setSocketOption(socket.fd, option, on);
      assertEquals(socketOption(socket.fd, option) !== 0, on, option);
    }
  }
});

Deno.test("setSocketOption() sets a number", () => {
  using socket = tcpSocket();
  for (const [option, value] of NUMBERS) {
    setSocketOption(socket.fd, option, value);
    assertEquals(socketOption(socket.fd, option), value, option);
  }
});

Deno.test("setSocketOption() makes the buffers as large as asked at least", () => {
  using socket = tcpSocket();
  for (const option of ["sendBufferBytes", "receiveBufferBytes"] as const) {
    setSocketOption(socket.fd, option, 32768);
    assert(socketOption(socket.fd, option) >= 32768, option);
  }
});

Deno.test("setSocketOption() gives a listener a queue for TCP Fast Open", () => {
  using socket = tcpSocket();
  setSocketOption(socket.fd, "tcpFastOpen", 16);
  assertEquals(socketOption(socket.fd, "tcpFastOpen"), 16);
});

Deno.test("setSocketOption() limits an IPv6 socket to IPv6", () => {
  using socket = tcpSocket(AddressFamily.inet6);
  setSocketOption(socket.fd, "v6Only", true);
  assertEquals(socketOption(socket.fd, "v6Only"), 1);
});

Deno.test("setSocketOption() names the option in its error", () => {
  assertThrows(
    () => setSocketOption(1_000_000, "noDelay", true),
    Error,
    "Bad file descriptor (os error 9): set socket option noDelay",
  );
});

Deno.test("setKeepAlive() sets the timings it is given and leaves the others", () => {
  using socket = tcpSocket();
  const before = socketOption(socket.fd, "keepAliveIntervalSeconds");
  setKeepAlive(socket.fd, { idleSeconds: 7, probeCount: 2 });
  assertEquals(socketOption(socket.fd, "keepAlive"), 1);
  assertEquals(socketOption(socket.fd, "keepAliveIdleSeconds"), 7);
  assertEquals(socketOption(socket.fd, "keepAliveIntervalSeconds"), before);
  assertEquals(socketOption(socket.fd, "keepAliveProbeCount"), 2);
});

Deno.test("setKeepAlive() turns the probes off", () => {
  using socket = tcpSocket();
  setKeepAlive(socket.fd, true);
  setKeepAlive(socket.fd, false);
  assertEquals(socketOption(socket.fd, "keepAlive"), 0);
});

Deno.test("setLinger() sets a time and goes back to the default", () => {
  using socket = tcpSocket();
  setLinger(socket.fd, 0);
  assertEquals(linger(socket.fd), [1, 0]);
  setLinger(socket.fd, 5);
  assertEquals(linger(socket.fd), [1, 5]);
  setLinger(socket.fd, undefined);
  assertEquals(linger(socket.fd)[0], 0);
});

Deno.test("peerCredentials() tells the process, user and group at the other end", () => {
  const [first, second] = openSocketPair();
  assertEquals(peerCredentials(first), { pid: Deno.pid, uid: Deno.uid()!, gid: Deno.gid()! });
  closeDescriptor(first);
  closeDescriptor(second);
});

function tcpSocket(family: number = AddressFamily.inet): { fd: number } & Disposable {
  const fd = openSocket(family, SocketType.stream);
  return { fd, [Symbol.dispose]: () => closeDescriptor(fd) };
}

function linger(fd: number): number[] {
  const [SOL_SOCKET, SO_LINGER] = [1, 13];
  const value = new Int32Array(2);
  libc().getsockopt(fd, SOL_SOCKET, SO_LINGER, value, Uint32Array.of(value.byteLength));
  return [...value];
}
