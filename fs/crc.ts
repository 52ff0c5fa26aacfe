// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  advance,
  i32,
  i64,
  i64Load,
  i64Load8,
  localGet,
  localSet,
  Wasm,
  type WasmCode,
  wasmModule,
  WasmType,
  whileAtLeast,
} from "./wasm_code.ts";

/**
 * Computes one cyclic redundancy check of up to 64 bits, of the reflected kind: lowest bit first,
 * as all in use today are.
 *
 * Sixteen bytes at a time: what a byte at each of sixteen places does to the remainder is looked
 * up in a table of its own, and all sixteen are combined ("slicing by 16", after Kounavis and
 * Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC Generation", 2008).
 *
 *     memory   0       2 KiB           30 KiB    32 KiB          96 KiB
 *              table 0 table 1 ...     table 15  the bytes       (end)
 */
export class Crc {
  readonly #mask: bigint;
  readonly #memory: Uint8Array;
  readonly #update: (state: bigint, address: number, byteLength: number) => bigint;

  /**
   * Prepares the tables.
   *
   * @param width Bits of the check
   * @param polynomial The reflected polynomial, without its highest bit
   */
  constructor(width: number, polynomial: bigint) {
    this.#mask = (1n << BigInt(width)) - 1n;
    module ??= new WebAssembly.Module(wasmModule([CRC_FUNCTION], MEMORY_PAGES));
    const { memory, update } = new WebAssembly.Instance(module).exports;
    this.#memory = new Uint8Array((memory as WebAssembly.Memory).buffer);
    this.#update = update as (state: bigint, address: number, byteLength: number) => bigint;
    writeTables(new BigUint64Array(this.#memory.buffer, 0, TABLES_BYTES / 8), polynomial);
  }

  /** The check of `bytes` that follow others whose check is `before`, which is 0 for none. */
  update(bytes: Uint8Array, before: bigint): bigint {
    let state = before ^ this.#mask;
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
      const chunk = bytes.subarray(at, at + CHUNK_BYTES);
      this.#memory.set(chunk, TABLES_BYTES);
      state = this.#update(state, TABLES_BYTES, chunk.length);
    }
    return BigInt.asUintN(64, state) ^ this.#mask;
  }
}

const SLICES = 16;
const TABLE_BYTES = 256 * 8;
const TABLES_BYTES = SLICES * TABLE_BYTES;
const CHUNK_BYTES = 65_536;
const MEMORY_PAGES = 2;

let module: WebAssembly.Module | undefined;

/** Table `k` has the remainder of each byte followed by `k` zero bytes. */
function writeTables(tables: BigUint64Array, polynomial: bigint): void {
  for (let byte = 0; byte < 256; byte++) {
    let remainder = BigInt(byte);
    for (let bit = 0; bit < 8; bit++) {
      remainder = (remainder >> 1n) ^ (remainder & 1n ? polynomial : 0n);
    }
    tables[byte] = remainder;
  }
  for (let i = 256; i < tables.length; i++) {
    const before = tables[i - 256]!;
    tables[i] = (before >> 8n) ^ tables[Number(before & 255n)]!;
  }
}

// Locals of the function.
const STATE = 0;
const ADDRESS = 1;
const LENGTH = 2;
const FIRST = 3;
const SECOND = 4;

/** What the byte at `position` of a local does, by the table of so many bytes that follow it. */
function lookUp(local: number, position: number, table: number): WasmCode {
  // Entries have 8 bytes: the byte is wanted three bits to the left.
  const shifted = position === 0
    ? [localGet(local), i64(3n), Wasm.i64ShiftLeft]
    : [localGet(local), i64(BigInt(position * 8 - 3)), Wasm.i64ShiftRightUnsigned];
  return i64Load([shifted, Wasm.i32WrapI64, i32(0x7f8), Wasm.i32And], table * TABLE_BYTES);
}

/** Sixteen bytes in two locals: the first byte of them has fifteen that follow. */
function lookUpAll(): WasmCode {
  const lookups = Array.from(
    { length: SLICES },
    (_, i) => lookUp(i < 8 ? FIRST : SECOND, i % 8, SLICES - 1 - i),
  );
  return lookups.map((lookup, i) => i === 0 ? lookup : [lookup, Wasm.i64Xor]);
}

const CRC_FUNCTION = {
  name: "update",
  parameters: [WasmType.i64, WasmType.i32, WasmType.i32],
  result: WasmType.i64,
  locals: [WasmType.i64, WasmType.i64],
  code: [
    whileAtLeast(LENGTH, SLICES, [
      localSet(FIRST, [i64Load(localGet(ADDRESS)), localGet(STATE), Wasm.i64Xor]),
      localSet(SECOND, i64Load(localGet(ADDRESS), 8)),
      localSet(STATE, lookUpAll()),
      advance(ADDRESS, SLICES),
      advance(LENGTH, -SLICES),
    ]),
    whileAtLeast(LENGTH, 1, [
      localSet(FIRST, [i64Load8(localGet(ADDRESS)), localGet(STATE), Wasm.i64Xor]),
      localSet(STATE, [
        lookUp(FIRST, 0, 0),
        [localGet(STATE), i64(8n), Wasm.i64ShiftRightUnsigned],
        Wasm.i64Xor,
      ]),
      advance(ADDRESS, 1),
      advance(LENGTH, -1),
    ]),
    localGet(STATE),
  ],
} as const;
