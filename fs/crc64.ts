// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Crc } from "./crc.ts";

/**
 * The CRC-64 of bytes with the polynomial of ECMA-182, as the xz file format has it (section 6).
 *
 * @param bytes What is checked
 * @param before The check of the bytes before these; 0 for none
 * @returns The check, an unsigned number of 64 bits
 *
 * @example The check of nine digits
 * ```ts
 * import { crc64Ecma } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(crc64Ecma(new TextEncoder().encode("123456789")), 0x995d_c9bb_df19_39fan);
 * ```
 */
export function crc64Ecma(bytes: Uint8Array, before: bigint = 0n): bigint {
  ecma ??= new Crc(64, 0xc96c_5795_d787_0f42n);
  return ecma.update(bytes, BigInt.asUintN(64, before));
}

/**
 * The CRC-64 of bytes as NVM Express has it (NVM command set specification, section 5.2.1.3.4), and
 * the object stores that took it over.
 *
 * @param bytes What is checked
 * @param before The check of the bytes before these; 0 for none
 * @returns The check, an unsigned number of 64 bits
 *
 * @example The check of nine digits
 * ```ts
 * import { crc64Nvme } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(crc64Nvme(new TextEncoder().encode("123456789")), 0xae8b_1486_0a79_9888n);
 * ```
 */
export function crc64Nvme(bytes: Uint8Array, before: bigint = 0n): bigint {
  nvme ??= new Crc(64, 0x9a6c_9329_ac4b_c9b5n);
  return nvme.update(bytes, BigInt.asUintN(64, before));
}

let ecma: Crc | undefined;
let nvme: Crc | undefined;
