// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { wasmModule } from "./wasm_code.ts";
import {
  BLOCK_STRIPES,
  BLOCKS_FUNCTION,
  SECRET_AT,
  SECRET_BYTES,
  STRIPE_BYTES,
  STRIPES_FUNCTION,
} from "./xxhash3_code.ts";

/**
 * The XXH3 of bytes with 64 bits (XXH3_64bits_withSeed of the reference): the fastest of the family
 * for long inputs, for checks against accidents, not against attackers.
 *
 * @param seed A number of 64 bits that changes the hash
 * @returns The hash, an unsigned number of 64 bits
 *
 * @example The hash of nothing
 * ```ts
 * import { xxHash3 } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(xxHash3(new Uint8Array()), 0x2d06_8005_38d3_94c2n);
 * ```
 */
export function xxHash3(bytes: Uint8Array, seed: bigint = 0n): bigint {
  const { length } = bytes;
  const key = BigInt.asUintN(64, seed);
  const view = new DataView(bytes.buffer, bytes.byteOffset, length);
  if (length === 0) return avalanche64(key ^ word(SECRET, 56) ^ word(SECRET, 64));
  if (length <= 3) return hashTo3(view, key);
  if (length <= 8) return hashTo8(view, key);
  if (length <= 16) return hashTo16(view, key);
  if (length <= 128) return hashTo128(view, key);
  if (length <= 240) return hashTo240(view, key);
  return (long ??= new LongHash()).hash(bytes, key);
}

let long: LongHash | undefined;

// Data: the default secret of the reference, which comes from no formula.
const SECRET_TEXT =
  "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578" +
  "825ad07dccff7221b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371" +
  "644897a20df94e3819ef46a9deacd8a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c8" +
  "9f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e2b" +
  "16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e";
const SECRET = new DataView(Uint8Array.fromHex(SECRET_TEXT).buffer);

const PRIME32_1 = 0x9e37_79b1n;
const PRIME32_2 = 0x85eb_ca77n;
const PRIME32_3 = 0xc2b2_ae3dn;
const PRIME64_1 = 0x9e37_79b1_85eb_ca87n;
const PRIME64_2 = 0xc2b2_ae3d_27d4_eb4fn;
const PRIME64_3 = 0x1656_67b1_9e37_79f9n;
const PRIME64_4 = 0x85eb_ca77_c2b2_ae63n;
const PRIME64_5 = 0x27d4_eb2f_1656_67c5n;

function hashTo3(view: DataView, seed: bigint): bigint {
  const { byteLength } = view;
  const [first, middle] = [view.getUint8(0), view.getUint8(byteLength >> 1)];
  const last = view.getUint8(byteLength - 1);
  const combined = (first << 16 | middle << 24 | byteLength << 8 | last) >>> 0;
  const flip = BigInt((SECRET.getUint32(0, true) ^ SECRET.getUint32(4, true)) >>> 0) + seed;
  return avalanche64(BigInt.asUintN(64, BigInt(combined) ^ flip));
}

function hashTo8(view: DataView, seed: bigint): bigint {
  const length = BigInt(view.byteLength);
  const [first, last] = [view.getUint32(0, true), view.getUint32(view.byteLength - 4, true)];
  const swapped = swapBytes(BigInt.asUintN(32, seed) << 32n);
  const flip = (word(SECRET, 8) ^ word(SECRET, 16)) - (seed ^ swapped << 32n);
  let hash = (BigInt(first) << 32n | BigInt(last)) ^ BigInt.asUintN(64, flip);
  hash ^= rotateLeft(hash, 49n) ^ rotateLeft(hash, 24n);
  hash = BigInt.asUintN(64, hash * 0x9fb2_1c65_1e98_df25n);
  hash ^= (hash >> 35n) + length;
  hash = BigInt.asUintN(64, hash * 0x9fb2_1c65_1e98_df25n);
  return hash ^ hash >> 28n;
}

function hashTo16(view: DataView, seed: bigint): bigint {
  const flips = [
    (word(SECRET, 24) ^ word(SECRET, 32)) + seed,
    (word(SECRET, 40) ^ word(SECRET, 48)) - seed,
  ] as const;
  const low = word(view, 0) ^ BigInt.asUintN(64, flips[0]);
  const high = word(view, view.byteLength - 8) ^ BigInt.asUintN(64, flips[1]);
  return avalanche(BigInt(view.byteLength) + swapBytes(low) + high + multiplyFold(low, high));
}

/** Pairs of 16 bytes from both ends, as many as there are. */
function hashTo128(view: DataView, seed: bigint): bigint {
  let sum = BigInt(view.byteLength) * PRIME64_1;
  for (let pair = Math.floor((view.byteLength - 1) / 32); pair >= 0; pair--) {
    sum += mix16(view, pair * 16, pair * 32, seed);
    sum += mix16(view, view.byteLength - (pair + 1) * 16, pair * 32 + 16, seed);
  }
  return avalanche(sum);
}

function hashTo240(view: DataView, seed: bigint): bigint {
  let sum = BigInt(view.byteLength) * PRIME64_1;
  for (let i = 0; i < 8; i++) sum += mix16(view, i * 16, i * 16, seed);
  sum = avalanche(sum);
  const count = Math.floor(view.byteLength / 16);
  for (let i = 8; i < count; i++) sum += mix16(view, i * 16, (i - 8) * 16 + 3, seed);
  return avalanche(sum + mix16(view, view.byteLength - 16, 136 - 17, seed));
}

function mix16(view: DataView, at: number, secretAt: number, seed: bigint): bigint {
  const low = BigInt.asUintN(64, word(SECRET, secretAt) + seed);
  const high = BigInt.asUintN(64, word(SECRET, secretAt + 8) - seed);
  return multiplyFold(word(view, at) ^ low, word(view, at + 8) ^ high);
}

/** Both halves of a product of 128 bits. */
function multiplyFold(a: bigint, b: bigint): bigint {
  const product = a * b;
  return BigInt.asUintN(64, product) ^ product >> 64n;
}

function avalanche(value: bigint): bigint {
  let hash = BigInt.asUintN(64, value);
  hash ^= hash >> 37n;
  hash = BigInt.asUintN(64, hash * 0x1656_6791_9e37_79f9n);
  return hash ^ hash >> 32n;
}

/** The end of XXH64. */
function avalanche64(value: bigint): bigint {
  let hash = value ^ value >> 33n;
  hash = BigInt.asUintN(64, hash * PRIME64_2);
  hash ^= hash >> 29n;
  hash = BigInt.asUintN(64, hash * PRIME64_3);
  return hash ^ hash >> 32n;
}

function rotateLeft(value: bigint, bits: bigint): bigint {
  return BigInt.asUintN(64, value << bits) | value >> 64n - bits;
}

function swapBytes(value: bigint): bigint {
  swapped.setBigUint64(0, value, true);
  return swapped.getBigUint64(0);
}

function word(view: DataView, offset: number): bigint {
  return view.getBigUint64(offset, true);
}

const swapped = new DataView(new ArrayBuffer(8));

const PAGES = 2;
const BYTES_AT = 4_096;
const BLOCK_BYTES = BLOCK_STRIPES * STRIPE_BYTES;
/** Blocks that are hashed by one call. */
const CHUNK_BLOCKS = 64;
/** Where the secret begins for the last stripe, and for the end. */
const LAST_SECRET = SECRET_BYTES - STRIPE_BYTES - 7;
const MERGE_SECRET = 11;

/** Hashes more than 240 bytes. */
class LongHash {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #blocks: (address: number, count: number, unused: number) => number;
  readonly #stripes: (address: number, count: number, secret: number) => number;

  constructor() {
    const module = new WebAssembly.Module(wasmModule([BLOCKS_FUNCTION, STRIPES_FUNCTION], PAGES));
    const { memory, blocks, stripes } = new WebAssembly.Instance(module).exports;
    const { buffer } = memory as WebAssembly.Memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#blocks = blocks as (address: number, count: number, unused: number) => number;
    this.#stripes = stripes as (address: number, count: number, secret: number) => number;
  }

  hash(bytes: Uint8Array, seed: bigint): bigint {
    this.#begin(seed);
    // Something is left for the stripes at the end, also of a whole number of blocks.
    let blocks = Math.floor((bytes.length - 1) / BLOCK_BYTES);
    let at = 0;
    while (blocks > 0) {
      const count = Math.min(blocks, CHUNK_BLOCKS);
      this.#bytes.set(bytes.subarray(at, at + count * BLOCK_BYTES), BYTES_AT);
      this.#blocks(BYTES_AT, count, 0);
      at += count * BLOCK_BYTES;
      blocks -= count;
    }
    this.#bytes.set(bytes.subarray(at), BYTES_AT);
    this.#stripes(BYTES_AT, Math.floor((bytes.length - 1 - at) / STRIPE_BYTES), SECRET_AT);
    this.#bytes.set(bytes.subarray(-STRIPE_BYTES), BYTES_AT);
    this.#stripes(BYTES_AT, 1, SECRET_AT + LAST_SECRET);
    return this.#merge(BigInt(bytes.length) * PRIME64_1);
  }

  /** The first accumulators, and a secret that the seed has changed. */
  #begin(seed: bigint): void {
    const accumulators = [
      ...[PRIME32_3, PRIME64_1, PRIME64_2, PRIME64_3],
      ...[PRIME64_4, PRIME32_2, PRIME64_5, PRIME32_1],
    ];
    for (const [i, value] of accumulators.entries()) this.#view.setBigUint64(i * 8, value, true);
    for (let at = 0; at < SECRET_BYTES; at += 8) {
      const value = word(SECRET, at) + (at % 16 === 0 ? seed : -seed);
      this.#view.setBigUint64(SECRET_AT + at, BigInt.asUintN(64, value), true);
    }
  }

  #merge(start: bigint): bigint {
    let sum = start;
    for (let at = 0; at < 64; at += 16) {
      const low = word(this.#view, at) ^ word(this.#view, SECRET_AT + MERGE_SECRET + at);
      const high = word(this.#view, at + 8) ^ word(this.#view, SECRET_AT + MERGE_SECRET + at + 8);
      sum += multiplyFold(low, high);
    }
    return avalanche(sum);
  }
}
