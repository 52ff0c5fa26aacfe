// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { CqFlag, Feature, Op, Setup, SqeFlag } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { libc } from "../ffi/libc.ts";
import { mapMemory } from "../ffi/memory.ts";
import { Ring, type RingOptions, SQE_WORDS } from "../ffi/ring.ts";
import { closeDescriptor, openEventfd, openPipe, writeByte } from "../ffi/socket.ts";
import { fromLibc } from "../ffi/uring.ts";
import { callsOf, faultyCalls, OLD_KERNELS, ringOnly } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";

const SMALL: RingOptions = { submissions: 8, completions: 16 };
const MEMORY = ringOnly.ignore ? undefined : mapMemory(8192);

/** One completion, as far as these tests look at it. */
interface Seen {
  user: number;
  result: number;
}

leakTest("Ring takes a no-op round, with both halves of its user data", () => {
  using ring = Ring.open(SMALL);
  const at = entry(ring, Op.NOP);
  ring.sqes[at + 8] = 0xdead_beef;
  ring.sqes[at + 9] = 0x1234_5678;
  assertEquals(ring.submit(1), 0);
  const seen: unknown[] = [];
  assertEquals(ring.reap((...completion) => seen.push(completion)), 1);
  assertEquals(seen, [[0xdead_beef | 0, 0x1234_5678, 0, 0]]);
}, ringOnly);

leakTest("Ring completes a burst of 1000 through 8 completion entries", () => {
  using ring = Ring.open({ submissions: 8, completions: 8 });
  const seen: Seen[] = [];
  for (let user = 0; user < 1000; user++) nop(ring, user, seen);
  while (seen.length < 1000) {
    ring.submit(1, 1e6);
    assert(collect(ring, seen) > 0, `${seen.length} of 1000 arrived`);
  }
  assertEquals(seen.map(({ user }) => user), Array.from({ length: 1000 }, (_, user) => user));
}, ringOnly);

leakTest("Ring.sqe() hands a full queue over and goes on", () => {
  using ring = Ring.open(SMALL);
  for (let user = 0; user < 20; user++) assert(entry(ring, Op.NOP, user) >= 0);
  assert(ring.queued <= 8, `${ring.queued} queued`);
  ring.submit(1);
  const seen: Seen[] = [];
  while (seen.length < 20) {
    if (collect(ring, seen) === 0) assertEquals(ring.submit(1, 1e6), 0);
  }
  assertEquals(seen.map(({ user }) => user), Array.from({ length: 20 }, (_, user) => user));
}, ringOnly);

leakTest("Ring.sqe() gives -1 while the kernel takes nothing, and a place afterwards", () => {
  let refuses = true;
  const calls = faultyCalls({ enter: () => refuses ? -Errno.EBUSY : undefined });
  using ring = Ring.open({ ...SMALL, calls });
  for (let user = 0; user < 8; user++) entry(ring, Op.NOP, user);
  assertEquals(ring.sqe(), -1);
  assertEquals(ring.queued, 8);
  refuses = false;
  entry(ring, Op.NOP, 8);
  ring.submit(1);
  const seen: Seen[] = [];
  collect(ring, seen);
  assertEquals(seen.map(({ user }) => user), [0, 1, 2, 3, 4, 5, 6, 7, 8]);
}, ringOnly);

for (const code of ["EINTR", "EBUSY", "EAGAIN"] as const) {
  leakTest(`Ring.submit() loses nothing to ${code}`, () => {
    const calls = faultyCalls({ enter: (count) => count % 2 === 0 ? -Errno[code] : undefined });
    using ring = Ring.open({ ...SMALL, calls });
    const seen: Seen[] = [];
    for (let user = 0; user < 100; user++) {
      entry(ring, Op.NOP, user);
      assertEquals(ring.submit(1), code === "EINTR" ? 0 : -Errno[code]);
      assertEquals(ring.queued, 1);
      assertEquals(ring.submit(1), 0);
      collect(ring, seen);
    }
    assertEquals(seen, Array.from({ length: 100 }, (_, user) => ({ user, result: 0 })));
  }, ringOnly);
}

leakTest("Ring.submit() throws what it cannot go on from, and keeps the entries", () => {
  let fails = true;
  const calls = faultyCalls({ enter: () => fails ? -Errno.EBADFD : undefined });
  using ring = Ring.open({ ...SMALL, calls });
  entry(ring, Op.NOP, 7);
  const error = assertThrows(() => ring.submit(0), Error, "io_uring_enter");
  assertEquals((error as Error & { code: string }).code, "EBADFD");
  fails = false;
  ring.submit(1);
  const seen: Seen[] = [];
  collect(ring, seen);
  assertEquals(seen, [{ user: 7, result: 0 }]);
}, ringOnly);

for (const kernel of OLD_KERNELS) {
  leakTest(`Ring.open() steps down to what a ${kernel.version} kernel knows`, () => {
    using ring = Ring.open({ ...SMALL, calls: callsOf(kernel) });
    assertEquals(ring.setupFlags & kernel.unknownFlags, 0);
    checkWaiting(ring);
  }, ringOnly);
}

leakTest("Ring.open() never asks for a flag that it is to do without", () => {
  const asked: number[] = [];
  const calls = faultyCalls({ setup: (flags) => void asked.push(flags) });
  using ring = Ring.open({ ...SMALL, calls, withoutFlags: Setup.DEFER_TASKRUN });
  assertEquals(ring.setupFlags & Setup.DEFER_TASKRUN, 0);
  assertEquals(asked.filter((flags) => flags & Setup.DEFER_TASKRUN), []);
}, ringOnly);

for (const feature of ["SINGLE_MMAP", "NODROP", "EXT_ARG"] as const) {
  leakTest(`Ring.open() throws NotSupported without the feature ${feature}`, () => {
    const calls = faultyCalls({ withoutFeatures: Feature[feature] });
    assertThrows(
      () => Ring.open({ ...SMALL, calls }),
      Deno.errors.NotSupported,
      "Cannot open a ring: the kernel must be 5.11 or newer",
    );
  }, ringOnly);
}

for (const code of ["ENOSYS", "EPERM", "ENOMEM"] as const) {
  leakTest(`Ring.open() passes ${code} on as the error's code`, () => {
    const calls = faultyCalls({ setup: () => -Errno[code] });
    const error = assertThrows(() => Ring.open({ calls }), Error, "io_uring_setup");
    assertEquals((error as Error & { code: string }).code, code);
  }, ringOnly);
}

leakTest("Ring works through libc's syscall", () => {
  using ring = Ring.open({ ...SMALL, calls: fromLibc() });
  checkWaiting(ring);
  const started = performance.now();
  assertEquals(ring.submit(1, 2000), 0);
  assert(performance.now() - started >= 1.9);
  const error = assertThrows(() => ring.registry.registerFiles([-2]), Error, "io_uring_register");
  assertEquals((error as Error & { code: string }).code, "EBADF");
}, ringOnly);

leakTest("Ring.submit() waits for as long as it is told when nothing completes", () => {
  using ring = Ring.open(SMALL);
  const started = performance.now();
  assertEquals(ring.submit(1, 5000), 0);
  const waitedMs = performance.now() - started;
  assert(waitedMs >= 4.9 && waitedMs < 1000, `waited ${waitedMs} ms`);
}, ringOnly);

leakTest("Ring.ready tells of completions before they are reaped, at no system call", () => {
  let enters = 0;
  const calls = faultyCalls({ enter: () => void enters++ });
  using ring = Ring.open({ ...SMALL, calls });
  using pipe = openedPipe();
  read(ring, pipe.reader, 1);
  ring.submit(0);
  const before = enters;
  assertFalse(ring.ready);
  writeByte(pipe.writer, 1);
  assert(ring.ready);
  assertEquals(enters, before);
  ring.submit(1);
  assertEquals(ring.reap(() => {}), 1);
  assertFalse(ring.ready);
}, ringOnly);

leakTest("Ring.reap() visits what is left after a visitor threw", () => {
  using ring = Ring.open(SMALL);
  for (let user = 0; user < 3; user++) entry(ring, Op.NOP, user);
  ring.submit(3);
  const users: number[] = [];
  const visit = (user: number) => {
    users.push(user);
    if (user === 0) throw new Error("Visitor failed");
  };
  assertThrows(() => ring.reap(visit), Error, "Visitor failed");
  assertEquals(ring.reap(visit), 2);
  assertEquals(users, [0, 1, 2]);
}, ringOnly);

leakTest("Ring.reap() visits each once when a visitor submits and reaps", () => {
  using ring = Ring.open(SMALL);
  for (let user = 0; user < 4; user++) entry(ring, Op.NOP, user);
  ring.submit(4);
  const seen: Seen[] = [];
  ring.reap((user, _high, result) => {
    seen.push({ user, result });
    if (user !== 1) return;
    entry(ring, Op.NOP, 4);
    ring.submit(1);
    collect(ring, seen);
  });
  collect(ring, seen);
  assertEquals(seen.map(({ user }) => user), [0, 1, 2, 3, 4]);
}, ringOnly);

leakTest("Ring.reap() ends when a visitor disposes the ring", () => {
  const ring = Ring.open(SMALL);
  for (let user = 0; user < 3; user++) entry(ring, Op.NOP, user);
  ring.submit(3);
  assertEquals(ring.reap(() => ring[Symbol.dispose]()), 1);
}, ringOnly);

leakTest("Ring throws BadResource after it was disposed, and never touches its memory", () => {
  const ring = Ring.open(SMALL);
  const { sqes, registry } = ring;
  entry(ring, Op.NOP);
  ring[Symbol.dispose]();
  ring[Symbol.dispose]();
  assertThrows(() => ring.sqe(), Deno.errors.BadResource, "Cannot use the ring: it is closed");
  assertThrows(() => ring.submit(1), Deno.errors.BadResource);
  assertThrows(() => registry.registerFiles([0]), Deno.errors.BadResource);
  assertEquals(ring.reap(() => {}), 0);
  assertEquals([ring.queued, ring.ready], [0, false]);
  ring.setCompletionFlags(0);
  assert(ring.sqes !== sqes);
  assertEquals(ring.sqes[0], 0);
}, ringOnly);

leakTest("RingRegistry.registerFiles() lets entries name descriptors by index", () => {
  using ring = Ring.open(SMALL);
  using pipe = openedPipe();
  ring.registry.registerFiles([pipe.writer, pipe.reader]);
  const IOSQE_FIXED_FILE = 1 << 0;
  const at = read(ring, 1, 5);
  ring.sqes[at] |= IOSQE_FIXED_FILE << 8;
  writeByte(pipe.writer, 77);
  ring.submit(1);
  const seen: Seen[] = [];
  collect(ring, seen);
  assertEquals(seen, [{ user: 5, result: 1 }]);
  assertEquals(MEMORY!.bytes[0], 77);
  ring.registry.unregisterFiles();
}, ringOnly);

leakTest("RingRegistry.registerBuffers() pins memory for fixed reads", () => {
  using ring = Ring.open(SMALL);
  using pipe = openedPipe();
  ring.registry.registerBuffers(MEMORY!, [{ offset: 4096, byteLength: 64 }]);
  const IORING_OP_READ_FIXED = 4;
  const at = read(ring, pipe.reader, 6);
  ring.sqes[at] = IORING_OP_READ_FIXED;
  ring.sqes[at + 4] = MEMORY!.addressLow + 4096;
  writeByte(pipe.writer, 78);
  ring.submit(1);
  const seen: Seen[] = [];
  collect(ring, seen);
  assertEquals(seen, [{ user: 6, result: 1 }]);
  assertEquals(MEMORY!.bytes[4096], 78);
  ring.registry.unregisterBuffers();
}, ringOnly);

leakTest("RingRegistry.registerEventfd() signals completions, unless that is switched off", () => {
  using ring = Ring.open(SMALL);
  const eventfd = openEventfd("nonblocking");
  ring.registry.registerEventfd(eventfd);
  entry(ring, Op.NOP);
  ring.submit(1);
  assertEquals(counterOf(eventfd), 1n);
  ring.setCompletionFlags(CqFlag.EVENTFD_DISABLED);
  entry(ring, Op.NOP);
  ring.submit(1);
  assertEquals(counterOf(eventfd), 0n);
  ring.setCompletionFlags(0);
  ring.registry.unregisterEventfd();
  closeDescriptor(eventfd);
}, ringOnly);

leakTest("RingRegistry.registerBufferRing() refuses a group that is taken", () => {
  using ring = Ring.open(SMALL);
  const address = { low: MEMORY!.addressLow, high: MEMORY!.addressHigh };
  ring.registry.registerBufferRing(address, 4, 3);
  const error = assertThrows(() => ring.registry.registerBufferRing(address, 4, 3), Error);
  assertEquals((error as Error & { code: string }).code, "EEXIST");
  ring.registry.unregisterBufferRing(3);
  ring.registry.registerBufferRing(address, 4, 3);
  ring.registry.unregisterBufferRing(3);
}, ringOnly);

/** Writes an entry with no more than opcode and user data, and gives its place. */
function entry(ring: Ring, operation: number, user = 0): number {
  const at = ring.sqe();
  assert(at >= 0, "The ring has no place for an entry");
  ring.sqes.fill(0, at, at + SQE_WORDS);
  ring.sqes[at] = operation;
  ring.sqes[at + 8] = user;
  return at;
}

/** Queues a no-op and makes room by reaping where there is none. */
function nop(ring: Ring, user: number, seen: Seen[]): void {
  for (let at = ring.sqe();; at = ring.sqe()) {
    if (at >= 0) {
      ring.sqes.fill(0, at, at + SQE_WORDS);
      ring.sqes[at + 8] = user;
      return;
    }
    collect(ring, seen);
    ring.submit(0);
  }
}

/** Queues a read of up to 64 bytes to the start of the test's memory. */
function read(ring: Ring, fd: number, user: number): number {
  const at = entry(ring, Op.READ, user);
  ring.sqes[at + 1] = fd;
  ring.sqes[at + 2] = ring.sqes[at + 3] = 0xffff_ffff;
  ring.sqes[at + 4] = MEMORY!.addressLow;
  ring.sqes[at + 5] = MEMORY!.addressHigh;
  ring.sqes[at + 6] = 64;
  return at;
}

function collect(ring: Ring, seen: Seen[]): number {
  return ring.reap((user, _high, result) => seen.push({ user, result }));
}

/** Has a chain of operations wait for a byte that is written later: nothing completes at once. */
function checkWaiting(ring: Ring): void {
  using pipe = openedPipe();
  const at = read(ring, pipe.reader, 1);
  ring.sqes[at] |= SqeFlag.IO_LINK << 8;
  // A read that brings less than it asked for would break the chain.
  ring.sqes[at + 6] = 1;
  entry(ring, Op.NOP, 2);
  ring.submit(0);
  assertEquals(ring.reap(() => {}), 0);
  writeByte(pipe.writer, 99);
  const seen: Seen[] = [];
  while (seen.length < 2) {
    ring.submit(1, 1e6);
    assert(collect(ring, seen) > 0, "Nothing completed within a second");
  }
  assertEquals(seen, [{ user: 1, result: 1 }, { user: 2, result: 0 }]);
  assertEquals(MEMORY!.bytes[0], 99);
}

function openedPipe(): { reader: number; writer: number } & Disposable {
  const [reader, writer] = openPipe();
  const close = () => [reader, writer].forEach(closeDescriptor);
  return { reader, writer, [Symbol.dispose]: close };
}

/** Reads an eventfd's counter and resets it; 0 when it was not signalled. */
function counterOf(eventfd: number): bigint {
  const counter = new BigUint64Array(1);
  libc().read(eventfd, new Uint8Array(counter.buffer), 8n);
  return counter[0];
}
