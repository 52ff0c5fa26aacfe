// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals } from "@std/assert";
import {
  type FileStatus,
  IOVEC_WORDS,
  MESSAGE_HEADER_WORDS,
  readFileStatus,
  readMessageHeader,
  STATX_WORDS,
  TIMESPEC_WORDS,
  writeIovec,
  writeMessageHeader,
  writeTimespec,
} from "../ffi/layout.ts";
import { libc } from "../ffi/libc.ts";
import {
  AddressFamily,
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKADDR_BYTES_MAX,
  type SocketAddress,
} from "../ffi/sockaddr.ts";
import {
  bindSocket,
  closeDescriptor,
  openSocket,
  openSocketPair,
  socketName,
  SocketType,
} from "../ffi/socket.ts";

// Data: system call numbers of each machine that Deno runs on under Linux.
// deno-fmt-ignore
const SYSTEM_CALLS = {
  x86_64:  { statx: 332n, sendmsg: 46n,  recvmsg: 47n  },
  aarch64: { statx: 291n, sendmsg: 211n, recvmsg: 212n },
}[Deno.build.arch];

const AT_FDCWD = -100n;
const AT_SYMLINK_NOFOLLOW = 0x100n;
const STATX_ALL = 0xfffn;
const MSG_TRUNC = 0x20;

// Opened before the first test: it stays open, which the sanitizers would report.
libc();

Deno.test("writeIovec() writes both halves of an address", () => {
  const words = new Uint32Array(2 * IOVEC_WORDS).fill(7);
  writeIovec(words, IOVEC_WORDS, 0x7f12_3456_789a, 0x1_0000_0002);
  assertEquals([...words], [7, 7, 7, 7, 0x3456_789a, 0x7f12, 2, 1]);
});

Deno.test("writeTimespec() splits milliseconds into seconds and nanoseconds", () => {
  assertEquals(timespec(1500), [1, 0, 500_000_000, 0]);
  assertEquals(timespec(0.25), [0, 0, 250_000, 0]);
  assertEquals(timespec(2 ** 32 * 1000), [0, 1, 0, 0]);
});

Deno.test("writeTimespec() never reaches a full second of nanoseconds", () => {
  assertEquals(timespec(999.9999999), [0, 0, 999_999_999, 0]);
});

Deno.test("writeTimespec() writes times before 1970", () => {
  assertEquals(timespec(-500), [0xffff_ffff, 0xffff_ffff, 500_000_000, 0]);
});

Deno.test("writeMessageHeader() describes a message of two pieces", () => {
  const [sender, receiver] = openSocketPair();
  const text = new TextEncoder().encode("two pieces");
  assertEquals(sendMessage(sender, [text.subarray(0, 4), text.subarray(4)]), text.length);
  const received = new Uint8Array(text.length);
  libc().read(receiver, received, BigInt(received.length));
  assertEquals(received, text);
  for (const fd of [sender, receiver]) closeDescriptor(fd);
});

Deno.test("readMessageHeader() tells that a datagram was cut off", () => {
  const [sender, receiver] = [boundDatagramSocket(), boundDatagramSocket()];
  sendMessage(sender, [new Uint8Array(8)], socketName(receiver));
  const header = messageHeader([new Uint8Array(4)], new Uint8Array(SOCKADDR_BYTES_MAX));
  assertEquals(systemCall(SYSTEM_CALLS.recvmsg, BigInt(receiver), addressOf(header.words)), 4);
  assertEquals(readMessageHeader(header.words, 0), {
    nameBytes: 16,
    controlBytes: 0,
    flags: MSG_TRUNC,
  });
  assertEquals(decodeSocketAddress(header.name, 16), socketName(sender));
  for (const fd of [sender, receiver]) closeDescriptor(fd);
});

Deno.test("readFileStatus() gives what Deno.stat() gives", async () => {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, new Uint8Array(5000));
  await Deno.utime(path, new Date(-1500), new Date(2 ** 33 * 1000 + 250));
  const ours = status(path);
  const theirs = await Deno.stat(path);
  assertEquals(ours.sizeBytes, theirs.size);
  assertEquals(ours.mode, theirs.mode);
  assertEquals(ours.inode, theirs.ino);
  assertEquals(ours.linkCount, theirs.nlink);
  assertEquals(ours.uid, theirs.uid);
  assertEquals(ours.gid, theirs.gid);
  assertEquals(ours.blockBytes, theirs.blksize);
  assertEquals(ours.blockCount, theirs.blocks);
  assertEquals(ours.device, theirs.dev);
  assertEquals(ours.modificationTimeMs, theirs.mtime!.getTime());
  assertEquals(ours.accessTimeMs, theirs.atime!.getTime());
  // Deno cuts this one to whole seconds.
  assertEquals(Math.floor(ours.changeTimeMs / 1000) * 1000, theirs.ctime!.getTime());
  await Deno.remove(path);
});

Deno.test("readFileStatus() gives the device that a device file stands for", () => {
  assertEquals(status("/dev/null").specialDevice, Deno.statSync("/dev/null").rdev);
});

function timespec(milliseconds: number): number[] {
  const words = new Uint32Array(TIMESPEC_WORDS).fill(7);
  writeTimespec(words, 0, milliseconds);
  return [...words];
}

function status(path: string): FileStatus {
  const words = new Uint32Array(STATX_WORDS);
  const name = new TextEncoder().encode(`${path}\0`);
  const place = addressOf(name);
  const result = systemCall(
    SYSTEM_CALLS.statx,
    AT_FDCWD,
    place,
    AT_SYMLINK_NOFOLLOW,
    STATX_ALL,
    addressOf(words),
  );
  assertEquals([result, name.length], [0, path.length + 1]);
  return readFileStatus(words, 0);
}

function boundDatagramSocket(): number {
  const fd = openSocket(AddressFamily.inet, SocketType.datagram);
  bindSocket(fd, { transport: "udp", hostname: "127.0.0.1", port: 0 });
  return fd;
}

function sendMessage(fd: number, pieces: Uint8Array<ArrayBuffer>[], to?: SocketAddress): number {
  const name = new Uint8Array(SOCKADDR_BYTES_MAX);
  const nameBytes = to ? encodeSocketAddress(to, name) : 0;
  const header = messageHeader(pieces, name.subarray(0, nameBytes));
  return systemCall(SYSTEM_CALLS.sendmsg, BigInt(fd), addressOf(header.words));
}

/** All memory of a message is in the result, so that it lives as long as the caller needs it. */
function messageHeader(pieces: Uint8Array<ArrayBuffer>[], name: Uint8Array<ArrayBuffer>) {
  const iovecs = new Uint32Array(IOVEC_WORDS * pieces.length);
  for (const [at, piece] of pieces.entries()) {
    writeIovec(iovecs, at * IOVEC_WORDS, Number(addressOf(piece)), piece.length);
  }
  const words = new Uint32Array(MESSAGE_HEADER_WORDS).fill(7);
  writeMessageHeader(words, 0, {
    name: name.length === 0 ? 0 : Number(addressOf(name)),
    nameBytes: name.length,
    iovec: Number(addressOf(iovecs)),
    iovecCount: pieces.length,
    control: 0,
    controlBytes: 0,
  });
  return { words, iovecs, pieces, name };
}

function addressOf(memory: BufferSource): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(memory));
}

function systemCall(number: bigint, ...given: bigint[]): number {
  const [a = 0n, b = 0n, c = 0n, d = 0n, e = 0n, f = 0n] = given;
  return libc().syscall(number, a, b, c, d, e, f);
}
