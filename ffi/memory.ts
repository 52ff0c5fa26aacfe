// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/**
 * Memory that the kernel may write into at any time: mapped outside the JavaScript heap, so that
 * no garbage collection, transfer or end of an isolate can free it under an operation in flight.
 */
export interface Mapping {
  /** The bytes. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Lower half of the address of the first byte. */
  readonly addressLow: number;
  /** Upper half of the address, the same for every byte. */
  readonly addressHigh: number;
  /** The address as Deno's FFI takes it. */
  readonly pointer: Deno.PointerObject;
}

const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const MAP_PRIVATE = 2;
const MAP_ANONYMOUS = 0x20;
const MAP_POPULATE = 0x8000;
const HALF = 0x1_0000_0000;

/**
 * Maps fresh zeroed memory that lies within one 4 GiB range, so that an address inside is the base
 * plus an offset in its lower half alone. It is never unmapped: a view of it may outlive every
 * operation. Pages that are never touched cost nothing.
 *
 * @param byteLength Bytes to map, up to 1 GiB
 * @throws {Error} when the kernel has no memory to give (`.code` is `"ENOMEM"`)
 *
 * @example One page
 * ```ts
 * import { mapMemory } from "@photon/std/ffi";
 * import { assertEquals } from "@std/assert";
 *
 * if (Deno.build.os === "linux") assertEquals(mapMemory(4096).bytes[4095], 0);
 * ```
 */
export function mapMemory(byteLength: number): Mapping {
  // One that straddles the border is given up (address space only) and another is asked for.
  for (let attempt = 0; attempt < 4; attempt++) {
    const mapping = map(byteLength, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0n);
    if (mapping.addressLow + byteLength <= HALF) return mapping;
  }
  throw osError(lastErrno(), "mmap");
}

/** Maps a part of a ring descriptor; {@linkcode unmapRing} takes it back. */
export function mapRing(fd: number, byteLength: number, offset: bigint): Mapping {
  return map(byteLength, MAP_SHARED | MAP_POPULATE, fd, offset);
}

/** Unmaps what {@linkcode mapRing} mapped; the caller has dropped every view of it. */
export function unmapRing(mapping: Mapping): void {
  libc().munmap(mapping.pointer, BigInt(mapping.bytes.length));
}

/** The address of a buffer of the JavaScript heap, which stays put until it is transferred. */
export function addressOf(buffer: Uint8Array<ArrayBuffer>): bigint {
  return BigInt(Deno.UnsafePointer.value(Deno.UnsafePointer.of(buffer)));
}

function map(byteLength: number, flags: number, fd: number, offset: bigint): Mapping {
  const pointer = libc().mmap(null, BigInt(byteLength), PROT_READ_WRITE, flags, fd, offset);
  const address = BigInt(Deno.UnsafePointer.value(pointer));
  // MAP_FAILED is all ones.
  if (pointer === null || address === 0xffff_ffff_ffff_ffffn) throw osError(lastErrno(), "mmap");
  return {
    bytes: new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, byteLength)),
    addressLow: Number(address & 0xffff_ffffn),
    addressHigh: Number(address >> 32n),
    pointer,
  };
}
