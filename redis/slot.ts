// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Slots of a cluster. */
export const SLOTS = 16_384;

/**
 * The slot of a key: CRC-16 (XMODEM) modulo 16 384, of what stands between the first `{` and the
 * next `}`, or of all when that is nothing (Redis cluster specification).
 *
 * @example Keys that stay together
 * ```ts
 * import { slotOf } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(slotOf("{user}.name"), slotOf("{user}.age"));
 * ```
 */
export function slotOf(key: string | Uint8Array): number {
  const bytes = typeof key === "string" ? encoder.encode(key) : key;
  const open = bytes.indexOf(0x7b);
  const close = open < 0 ? -1 : bytes.indexOf(0x7d, open + 1);
  const hashed = close > open + 1 ? bytes.subarray(open + 1, close) : bytes;
  let crc = 0;
  for (const byte of hashed) crc = ((crc << 8) ^ TABLE[((crc >> 8) ^ byte) & 0xff]!) & 0xffff;
  return crc % SLOTS;
}

const encoder = new TextEncoder();
const TABLE = crcTable();

/** CRC-16 of every byte: polynomial x^16 + x^12 + x^5 + 1, the highest bit first. */
function crcTable(): Uint16Array {
  return Uint16Array.from({ length: 256 }, (_, byte) => {
    let crc = byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
    return crc & 0xffff;
  });
}
