// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { wasmModule } from "./wasm_code.ts";
import {
  beginFunction,
  FINISH_WITH_STRIPES,
  finishFunction,
  stripesFunction,
  XXH32,
  XXH64,
  type XxHashVariant,
} from "./xxhash_code.ts";

/**
 * The XXH32 of bytes: fast, for checks against accidents, not against attackers.
 *
 * @param seed A number of 32 bits that changes the hash
 * @returns The hash, an unsigned number of 32 bits
 *
 * @example The hash of three letters
 * ```ts
 * import { xxHash32 } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(xxHash32(new TextEncoder().encode("abc")), 0x32d1_53ff);
 * ```
 */
export function xxHash32(bytes: Uint8Array, seed: number = 0): number {
  if (bytes.length > CHUNK_BYTES) return new XxHash32(seed).update(bytes).digest();
  narrow ??= new XxHashMemory(XXH32);
  return Number(narrow.hash(bytes, seed)) >>> 0;
}

/**
 * The XXH64 of bytes: fast, for checks against accidents, not against attackers.
 *
 * @param seed A number of 64 bits that changes the hash
 * @returns The hash, an unsigned number of 64 bits
 *
 * @example The hash of three letters
 * ```ts
 * import { xxHash64 } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(xxHash64(new TextEncoder().encode("abc")), 0x44bc_2cf5_ad77_0999n);
 * ```
 */
export function xxHash64(bytes: Uint8Array, seed: bigint = 0n): bigint {
  if (bytes.length > CHUNK_BYTES) return new XxHash64(seed).update(bytes).digest();
  wide ??= new XxHashMemory(XXH64);
  return BigInt.asUintN(64, BigInt(wide.hash(bytes, seed)));
}

/**
 * The XXH32 of bytes that come in parts.
 *
 * @example Two parts
 * ```ts
 * import { XxHash32, xxHash32 } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const hash = new XxHash32().update(new Uint8Array([1])).update(new Uint8Array([2]));
 * assertEquals(hash.digest(), xxHash32(new Uint8Array([1, 2])));
 * ```
 */
export class XxHash32 {
  readonly #state: XxHashState;

  /** The hash of nothing so far. */
  constructor(seed: number = 0) {
    this.#state = new XxHashState(narrow ??= new XxHashMemory(XXH32), seed);
  }

  /** Takes more bytes. */
  update(bytes: Uint8Array): this {
    this.#state.update(bytes);
    return this;
  }

  /** The hash of all bytes so far, of which more may follow. */
  digest(): number {
    return Number(this.#state.digest()) >>> 0;
  }
}

/**
 * The XXH64 of bytes that come in parts.
 *
 * @example Two parts
 * ```ts
 * import { XxHash64, xxHash64 } from "@photon/std/fs";
 * import { assertEquals } from "@std/assert";
 *
 * const hash = new XxHash64().update(new Uint8Array([1])).update(new Uint8Array([2]));
 * assertEquals(hash.digest(), xxHash64(new Uint8Array([1, 2])));
 * ```
 */
export class XxHash64 {
  readonly #state: XxHashState;

  /** The hash of nothing so far. */
  constructor(seed: bigint = 0n) {
    this.#state = new XxHashState(wide ??= new XxHashMemory(XXH64), seed);
  }

  /** Takes more bytes. */
  update(bytes: Uint8Array): this {
    this.#state.update(bytes);
    return this;
  }

  /** The hash of all bytes so far, of which more may follow. */
  digest(): bigint {
    return BigInt.asUintN(64, BigInt(this.#state.digest()));
  }
}

let narrow: XxHashMemory | undefined;
let wide: XxHashMemory | undefined;

const PAGES = 2;
/** Bytes that are hashed by one call. */
const CHUNK_BYTES = 65_536;
const BYTES_AT = 4_096;
const REST_WITHOUT_STRIPES_AT = 128;

/** A number of the size of a variant's words. */
type Word = number | bigint;
type Finish = (address: number, length: number, total: Word, seed: Word) => Word;

/** The functions of one variant, and the memory that they share. */
class XxHashMemory {
  readonly stripeBytes: number;
  readonly bytes: Uint8Array;
  readonly begin: (seed: Word) => Word;
  readonly stripes: (address: number, length: number) => number;
  readonly #finish: Finish;

  constructor(variant: XxHashVariant) {
    this.stripeBytes = 4 * variant.wordBytes;
    const functions = [beginFunction(variant), stripesFunction(variant), finishFunction(variant)];
    const module = new WebAssembly.Module(wasmModule(functions, PAGES));
    const { memory, begin, stripes, finish } = new WebAssembly.Instance(module).exports;
    this.bytes = new Uint8Array((memory as WebAssembly.Memory).buffer);
    this.begin = begin as XxHashMemory["begin"];
    this.stripes = stripes as XxHashMemory["stripes"];
    this.#finish = finish as Finish;
  }

  /** Hashes what fits at once. */
  hash(bytes: Uint8Array, seed: Word): Word {
    let at = REST_WITHOUT_STRIPES_AT;
    let rest = bytes.length;
    if (rest < this.stripeBytes) this.bytes.set(bytes, at);
    else {
      this.bytes.set(bytes, BYTES_AT);
      this.begin(seed);
      rest = this.stripes(BYTES_AT, bytes.length);
      at = BYTES_AT + bytes.length - rest;
    }
    return this.finish(at, rest, bytes.length, seed);
  }

  /** The hash of what the accumulators have, and of what is left over at an address. */
  finish(address: number, length: number, totalBytes: number, seed: Word): Word {
    // XXH32 takes the lowest 32 bits of the number of bytes.
    const total = typeof seed === "bigint" ? BigInt(totalBytes) : totalBytes % 2 ** 32;
    return this.#finish(address, length, total, seed);
  }
}

/** Where one hash has come to. */
class XxHashState {
  readonly #memory: XxHashMemory;
  readonly #seed: Word;
  readonly #accumulators: Uint8Array;
  /** Less than a stripe that was left over. */
  readonly #rest: Uint8Array;
  #restBytes = 0;
  #totalBytes = 0;

  constructor(memory: XxHashMemory, seed: Word) {
    this.#memory = memory;
    this.#seed = seed;
    this.#rest = new Uint8Array(memory.stripeBytes);
    memory.begin(seed);
    this.#accumulators = memory.bytes.slice(0, memory.stripeBytes);
  }

  update(bytes: Uint8Array): void {
    this.#totalBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      // What is left over comes before the new bytes, and is hashed with them.
      const chunk = bytes.subarray(at, at + CHUNK_BYTES - this.#restBytes);
      at += chunk.length;
      if (this.#restBytes + chunk.length >= this.#rest.length) this.#take(chunk);
      else {
        this.#rest.set(chunk, this.#restBytes);
        this.#restBytes += chunk.length;
      }
    }
  }

  digest(): Word {
    const { bytes, stripeBytes } = this.#memory;
    const hasStripes = this.#totalBytes >= stripeBytes;
    const at = hasStripes ? FINISH_WITH_STRIPES : REST_WITHOUT_STRIPES_AT;
    bytes.set(this.#accumulators);
    bytes.set(this.#rest.subarray(0, this.#restBytes), at);
    return this.#memory.finish(at, this.#restBytes, this.#totalBytes, this.#seed);
  }

  /** Takes in the stripes of what was left over and a chunk. */
  #take(chunk: Uint8Array): void {
    const { bytes, stripeBytes } = this.#memory;
    const end = BYTES_AT + this.#restBytes + chunk.length;
    bytes.set(this.#rest.subarray(0, this.#restBytes), BYTES_AT);
    bytes.set(chunk, BYTES_AT + this.#restBytes);
    bytes.set(this.#accumulators);
    this.#restBytes = this.#memory.stripes(BYTES_AT, end - BYTES_AT);
    this.#accumulators.set(bytes.subarray(0, stripeBytes));
    this.#rest.set(bytes.subarray(end - this.#restBytes, end));
  }
}
