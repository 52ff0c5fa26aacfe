// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { MapOffset } from "../ffi/abi.ts";
import { libc } from "../ffi/libc.ts";
import { addressOf, mapMemory, mapRing } from "../ffi/memory.ts";
import { closeDescriptor, openPipe, writeByte } from "../ffi/socket.ts";
import { leakTest } from "./leak.ts";

// Opened before the first test: it stays open, which the sanitizers would report.
libc();

const linuxOnly = { ignore: Deno.build.os !== "linux" };

leakTest("mapMemory() gives zeroed bytes at the address it says", () => {
  const { bytes, addressLow, addressHigh, pointer } = mapMemory(10_000);
  assertEquals(bytes.length, 10_000);
  assert(bytes.every((byte) => byte === 0));
  const address = BigInt(Deno.UnsafePointer.value(pointer));
  assertEquals((BigInt(addressHigh) << 32n) + BigInt(addressLow), address);
  assertEquals(addressOf(bytes), address);
}, linuxOnly);

leakTest("mapMemory() never straddles a 4 GiB border", () => {
  for (let round = 0; round < 32; round++) {
    const { addressLow, bytes } = mapMemory(64 * 1024 * 1024);
    assert(addressLow >= 0 && addressLow + bytes.length <= 2 ** 32);
  }
}, linuxOnly);

leakTest("mapMemory() keeps its memory when JavaScript dropped every view", () => {
  const { pointer } = mapMemory(4096);
  for (let round = 0; round < 3; round++) collectGarbage();
  const [reader, writer] = openPipe();
  writeByte(writer, 42);
  const view = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, 1));
  assertEquals(libc().read(reader, view, 1n), 1);
  assertEquals(view[0], 42);
  closeDescriptor(reader);
  closeDescriptor(writer);
}, linuxOnly);

leakTest("mapMemory() throws with the code ENOMEM when the kernel has none", () => {
  const error = assertThrows(() => mapMemory(2 ** 47), Error);
  assertEquals((error as Error & { code: string }).code, "ENOMEM");
}, linuxOnly);

leakTest("mapRing() throws for what is no ring", () => {
  const error = assertThrows(() => mapRing(-1, 4096, MapOffset.SQ_RING), Error, "mmap");
  assertEquals((error as Error & { code: string }).code, "EBADF");
}, linuxOnly);

function collectGarbage(): void {
  const { gc } = globalThis as { gc?: () => void };
  assert(gc, "Run the tests with --v8-flags=--expose-gc");
  gc();
}
