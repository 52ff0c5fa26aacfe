// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { libc } from "../ffi/libc.ts";
import { AddressFamily, addressFamily, type SocketAddress } from "../ffi/sockaddr.ts";
import {
  bindSocket,
  closeDescriptor,
  duplicateDescriptor,
  listenSocket,
  openEventfd,
  openPipe,
  openSocket,
  openSocketPair,
  peerName,
  shutdownSocket,
  socketName,
  SocketType,
  writeByte,
} from "../ffi/socket.ts";

// Opened before the first test: it stays open, which the sanitizers would report.
libc();

Deno.test("bindSocket() and listenSocket() make a server that Deno connects to", async () => {
  using server = listening({ transport: "tcp", hostname: "127.0.0.1", port: 0 });
  const { port } = socketName(server.fd) as Deno.NetAddr;
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  assertEquals(conn.remoteAddr, socketName(server.fd) as Deno.NetAddr);
});

Deno.test("bindSocket() throws AddrInUse for a taken port", () => {
  using taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  assertThrows(() => listening(taken.addr), Deno.errors.AddrInUse, "Address already in use");
});

Deno.test("bindSocket() binds an IPv6 address", () => {
  using server = listening({ transport: "tcp", hostname: "::1", port: 0 });
  assertEquals((socketName(server.fd) as Deno.NetAddr).hostname, "::1");
});

Deno.test("bindSocket() binds an abstract name that Deno connects to", async () => {
  const path = `\0photon-${crypto.randomUUID()}`;
  using server = listening({ transport: "unix", path });
  using conn = await Deno.connect({ transport: "unix", path });
  assertEquals(conn.remoteAddr, socketName(server.fd) as Deno.UnixAddr);
});

Deno.test("bindSocket() makes a name up for the empty path, as Deno does", () => {
  using server = listening({ transport: "unix", path: "" });
  assert(/^\0[0-9a-f]{5}$/.test((socketName(server.fd) as Deno.UnixAddr).path));
});

Deno.test("peerName() throws NotConnected on a listener", () => {
  using server = listening({ transport: "tcp", hostname: "127.0.0.1", port: 0 });
  assertThrows(() => peerName(server.fd), Deno.errors.NotConnected);
});

Deno.test("peerName() gives the unnamed address for a socket pair", () => {
  using pair = ends(openSocketPair());
  assertEquals<unknown>(peerName(pair.first), { transport: "unix", path: null });
});

Deno.test("openSocketPair() connects its sockets", () => {
  using pair = ends(openSocketPair("nonblocking"));
  writeByte(pair.first, 42);
  assertEquals(readByte(pair.second), 42);
});

Deno.test("openPipe() gives the reader first", () => {
  using pipe = ends(openPipe());
  writeByte(pipe.second, 42);
  assertEquals(readByte(pipe.first), 42);
});

Deno.test("openEventfd() starts at zero", () => {
  const fd = openEventfd("nonblocking");
  // At zero a read would have to wait.
  assertEquals(libc().read(fd, new Uint8Array(8), 8n), -1);
  closeDescriptor(fd);
});

Deno.test("writeByte() does nothing when the pipe is full", () => {
  using pipe = ends(openPipe("nonblocking"));
  const block = new Uint8Array(4096);
  while (libc().write(pipe.second, block, 4096n) > 0);
  writeByte(pipe.second, 42);
});

Deno.test("writeByte() throws BrokenPipe when nobody can read", () => {
  const [reader, writer] = openPipe();
  closeDescriptor(reader);
  assertThrows(() => writeByte(writer, 42), Deno.errors.BrokenPipe);
  closeDescriptor(writer);
});

Deno.test("shutdownSocket() ends what the other side reads", () => {
  using pair = ends(openSocketPair());
  shutdownSocket(pair.first, "write");
  assertEquals(libc().read(pair.second, new Uint8Array(1), 1n), 0);
});

Deno.test("shutdownSocket() leaves the other direction open", () => {
  using pair = ends(openSocketPair());
  shutdownSocket(pair.first, "write");
  writeByte(pair.second, 42);
  assertEquals(readByte(pair.first), 42);
});

Deno.test("duplicateDescriptor() keeps the file open when the original is closed", () => {
  const [reader, writer] = openPipe();
  const copy = duplicateDescriptor(writer);
  closeDescriptor(writer);
  writeByte(copy, 42);
  assertEquals(readByte(reader), 42);
  closeDescriptor(copy);
  closeDescriptor(reader);
});

Deno.test("duplicateDescriptor() gives another number, above the standard ones", () => {
  using pair = ends(openSocketPair());
  const copy = duplicateDescriptor(pair.first);
  assertNotEquals(copy, pair.first);
  assert(copy > 2);
  closeDescriptor(copy);
});

Deno.test("closeDescriptor() throws EBADF for a closed descriptor", () => {
  const error = assertThrows(() => closeDescriptor(1_000_000), Error, "Bad file descriptor");
  assertEquals((error as Error & { code: string }).code, "EBADF");
});

Deno.test("every new descriptor is closed on exec", async () => {
  const copied = openEventfd();
  const fds = [
    openSocket(AddressFamily.inet, SocketType.stream),
    ...openSocketPair("nonblocking"),
    ...openPipe(),
    copied,
    duplicateDescriptor(copied),
  ];
  for (const fd of fds) {
    // O_CLOEXEC in the octal flags of proc(5).
    const flags = await Deno.readTextFile(`/proc/self/fdinfo/${fd}`);
    assert(/^flags:\s+0\d*2\d{6}$/m.test(flags), flags);
    closeDescriptor(fd);
  }
});

function listening(address: SocketAddress): { fd: number } & Disposable {
  const fd = openSocket(addressFamily(address), SocketType.stream);
  try {
    bindSocket(fd, address);
    listenSocket(fd, 8);
    return { fd, [Symbol.dispose]: () => closeDescriptor(fd) };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

function ends([first, second]: readonly [number, number]) {
  return {
    first,
    second,
    [Symbol.dispose]() {
      closeDescriptor(first);
      closeDescriptor(second);
    },
  };
}

function readByte(fd: number): number | undefined {
  const bytes = new Uint8Array(1);
  return libc().read(fd, bytes, 1n) === 1 ? bytes[0] : undefined;
}
