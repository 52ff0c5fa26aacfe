// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `deno bench bench/checksum_bench.ts`: checksums of 64 bytes, 64 KiB and 16 MiB. The baseline of
// the first kind is the CRC-32 of zlib, which is native code; that of the second a loop over a
// table, which is what JavaScript has without WebAssembly.

import { crc32 } from "node:zlib";
import { crc32c } from "../fs/crc32c.ts";
import { crc64Nvme } from "../fs/crc64.ts";
import { xxHash32, xxHash64 } from "../fs/xxhash.ts";
import { xxHash3 } from "../fs/xxhash3.ts";

const table = new Uint32Array(256).map((_, byte) => {
  for (let bit = 0; bit < 8; bit++) byte = byte >>> 1 ^ (byte & 1 ? 0x82f6_3b78 : 0);
  return byte;
});

function crc32cByTable(bytes: Uint8Array): number {
  let state = ~0;
  for (let i = 0; i < bytes.length; i++) {
    state = state >>> 8 ^ table[(state ^ bytes[i]!) & 255]!;
  }
  return ~state >>> 0;
}

// Data: what is compared.
const checksums: Record<string, (bytes: Uint8Array) => unknown> = {
  "crc32 (zlib)": crc32,
  "crc32c by a table": crc32cByTable,
  crc32c,
  crc64Nvme,
  xxHash32,
  xxHash64,
  xxHash3,
};

for (const [size, byteLength] of [["64 B", 64], ["64 KiB", 65_536], ["16 MiB", 1 << 24]] as const) {
  const bytes = new Uint8Array(byteLength).map((_, i) => i * 7);
  for (const [name, checksum] of Object.entries(checksums)) {
    Deno.bench({
      name,
      group: size,
      baseline: name === "crc32 (zlib)",
      fn: () => void checksum(bytes),
    });
  }
}
