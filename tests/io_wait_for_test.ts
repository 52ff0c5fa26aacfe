// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { libc } from "../ffi/libc.ts";
import { closeDescriptor, openEventfd, openSocketPair, writeByte } from "../ffi/socket.ts";
import { engineStatistics } from "../io/engine_info.ts";
import { waitFor } from "../io/wait_for.ts";
import { engineTurn, RawPipe } from "./engine_streams.ts";
import { ringEngineOnly } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { REPOSITORY, runProgram } from "./subprocess.ts";

leakTest("waitFor() resolves when a descriptor can be read", async () => {
  using pipe = new RawPipe();
  const waiting = waitFor(pipe.reader, { readable: true });
  await engineTurn();
  writeByte(pipe.writer, 1);
  assertEquals(await waiting, { readable: true, writable: false, hungUp: false, failed: false });
}, ringEngineOnly);

leakTest("waitFor() resolves at once when a descriptor is ready", async () => {
  using pipe = new RawPipe();
  const { writable, readable } = await waitFor(pipe.writer, { writable: true, readable: true });
  assertEquals([writable, readable], [true, false]);
}, ringEngineOnly);

leakTest("waitFor() takes any descriptor that can be polled", async () => {
  const eventfd = openEventfd();
  const [near, far] = openSocketPair();
  const waits = [eventfd, near].map((fd) => waitFor(fd, { readable: true }));
  await engineTurn();
  writeByte(far, 1);
  libc().write(eventfd, new Uint8Array([1, 0, 0, 0, 0, 0, 0, 0]), 8n);
  assertEquals((await Promise.all(waits)).map(({ readable }) => readable), [true, true]);
  for (const fd of [near, far, eventfd]) closeDescriptor(fd);
}, ringEngineOnly);

leakTest("waitFor() tells that the other end is gone", async () => {
  const pipe = new RawPipe();
  const waiting = waitFor(pipe.reader, { readable: true });
  await engineTurn();
  closeDescriptor(pipe.writer);
  assertEquals((await waiting).hungUp, true);
  closeDescriptor(pipe.reader);
}, ringEngineOnly);

leakTest("waitFor() tells of an error", async () => {
  const pipe = new RawPipe();
  closeDescriptor(pipe.reader);
  assertEquals((await waitFor(pipe.writer, { writable: true })).failed, true);
  closeDescriptor(pipe.writer);
}, ringEngineOnly);

leakTest("waitFor() rejects for a descriptor that is not open", async () => {
  const error = await assertRejects(() => waitFor(1_000_000, { readable: true }), Error);
  assertEquals((error as Error & { code: string }).code, "EBADF");
}, ringEngineOnly);

leakTest("waitFor() rejects when it is told to wait for nothing", async () => {
  const message = "Cannot wait: events must name readable, writable or both";
  await assertRejects(() => waitFor(0, {}), TypeError, message);
  await assertRejects(() => waitFor(0, { readable: false }), TypeError, message);
}, ringEngineOnly);

leakTest("waitFor() rejects with the reason of a signal at every moment", async () => {
  using pipe = new RawPipe();
  const reason = new Error("Enough");
  await rejectsWith(reason, waitFor(0, { readable: true }, { signal: AbortSignal.abort(reason) }));
  for (const turns of [0, 1, 3]) {
    const controller = new AbortController();
    const waiting = waitFor(pipe.reader, { readable: true }, { signal: controller.signal });
    for (let turn = 0; turn < turns; turn++) await engineTurn();
    controller.abort(reason);
    await rejectsWith(reason, waiting);
  }
  const late = new AbortController();
  writeByte(pipe.writer, 1);
  await waitFor(pipe.reader, { readable: true }, { signal: late.signal });
  late.abort(reason);
  assertEquals(engineStatistics().pending, 0);
}, ringEngineOnly);

leakTest("waitFor() serves many waits on one descriptor, each once", async () => {
  using pipe = new RawPipe();
  const waits = Array.from({ length: 100 }, () => waitFor(pipe.reader, { readable: true }));
  await engineTurn();
  writeByte(pipe.writer, 1);
  assert((await Promise.all(waits)).every(({ readable }) => readable));
}, ringEngineOnly);

leakTest("waitFor() throws NotSupported on the portable engine", async () => {
  const source = `Deno.env.set("PHOTON_ENGINE", "deno");
    const { waitFor } = await import("${new URL("io/mod.ts", REPOSITORY)}");
    await waitFor(0, { readable: true }).catch((error) => console.log(error.message));`;
  const { stdout } = await runProgram(source, ["-A"]);
  assertEquals(stdout, "Cannot open the ring engine: PHOTON_ENGINE=deno asks for it\n");
});

async function rejectsWith(reason: Error, promise: Promise<unknown>): Promise<void> {
  assertEquals(await promise.catch((error) => error), reason);
}
