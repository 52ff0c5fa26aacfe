// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Crc } from "./crc.ts";

/**
 * The CRC-32C (Castagnoli) of bytes, as iSCSI (RFC 3720, appendix B.4), ext4 and gRPC have it.
 *
 * @param bytes What is checked
 * @param before The check of the bytes before these; 0 for none
 * @returns The check, an unsigned number of 32 bits
 *
 * @example In two parts
 * ```ts
 * import { crc32c } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const digits = new TextEncoder().encode("123456789");
 * assertEquals(crc32c(digits), 0xe306_9283);
 * assertEquals(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4))), 0xe306_9283);
 * ```
 */
export function crc32c(bytes: Uint8Array, before: number = 0): number {
  castagnoli ??= new Crc(32, 0x82f6_3b78n);
  return Number(castagnoli.update(bytes, BigInt(before >>> 0)));
}

let castagnoli: Crc | undefined;
