// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { wasmModule } from "./wasm_code.ts";
import {
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
  return new XxHash32(seed).update(bytes).digest();
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
  return new XxHash64(seed).update(bytes).digest();
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
    this.#state = new XxHashState(narrow ??= new XxHashMemory(XXH32), BigInt(seed));
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

/** The functions of one variant, and the memory that they share. */
class XxHashMemory {
  readonly variant: XxHashVariant;
  readonly bytes: Uint8Array;
  readonly stripes: (address: number, length: number) => number;
  readonly finish: (
    address: number,
    length: number,
    total: number | bigint,
    seed: number | bigint,
  ) => number | bigint;

  constructor(variant: XxHashVariant) {
    this.variant = variant;
    const functions = [stripesFunction(variant), finishFunction(variant)];
    const module = new WebAssembly.Module(wasmModule(functions, PAGES));
    const { memory, stripes, finish } = new WebAssembly.Instance(module).exports;
    this.bytes = new Uint8Array((memory as WebAssembly.Memory).buffer);
    this.stripes = stripes as XxHashMemory["stripes"];
    this.finish = finish as XxHashMemory["finish"];
  }
}

/** Where one hash has come to. */
class XxHashState {
  readonly #memory: XxHashMemory;
  readonly #seed: bigint;
  readonly #accumulators: Uint8Array;
  /** Less than a stripe that was left over. */
  readonly #rest: Uint8Array;
  #restBytes = 0;
  #totalBytes = 0;

  constructor(memory: XxHashMemory, seed: bigint) {
    const { wordBytes, primes } = memory.variant;
    this.#memory = memory;
    this.#seed = seed;
    this.#rest = new Uint8Array(4 * wordBytes);
    this.#accumulators = new Uint8Array(4 * wordBytes);
    const [first, second] = primes as [bigint, bigint];
    const view = new DataView(this.#accumulators.buffer);
    for (const [i, value] of [seed + first + second, seed + second, seed, seed - first].entries()) {
      if (wordBytes === 4) view.setUint32(i * 4, Number(BigInt.asUintN(32, value)), true);
      else view.setBigUint64(i * 8, BigInt.asUintN(64, value), true);
    }
  }

  update(bytes: Uint8Array): void {
    const stripeBytes = this.#rest.length;
    this.#totalBytes += bytes.length;
    for (let at = 0; at < bytes.length;) {
      // What is left over comes before the new bytes, and is hashed with them.
      const chunk = bytes.subarray(at, at + CHUNK_BYTES - this.#restBytes);
      at += chunk.length;
      const { bytes: memory } = this.#memory;
      const byteLength = this.#restBytes + chunk.length;
      if (byteLength >= stripeBytes) {
        memory.set(this.#rest.subarray(0, this.#restBytes), BYTES_AT);
        memory.set(chunk, BYTES_AT + this.#restBytes);
        memory.set(this.#accumulators);
        this.#restBytes = this.#memory.stripes(BYTES_AT, byteLength);
        this.#accumulators.set(memory.subarray(0, stripeBytes));
        const end = BYTES_AT + byteLength;
        this.#rest.set(memory.subarray(end - this.#restBytes, end));
      } else {
        this.#rest.set(chunk, this.#restBytes);
        this.#restBytes = byteLength;
      }
    }
  }

  digest(): number | bigint {
    const { bytes, variant, finish } = this.#memory;
    const hasStripes = this.#totalBytes >= this.#rest.length;
    const at = hasStripes ? FINISH_WITH_STRIPES : REST_WITHOUT_STRIPES_AT;
    bytes.set(this.#accumulators);
    bytes.set(this.#rest.subarray(0, this.#restBytes), at);
    if (variant.wordBytes === 8) {
      return finish(at, this.#restBytes, BigInt(this.#totalBytes), this.#seed);
    }
    // Of both numbers the lowest 32 bits count.
    const seed = Number(BigInt.asIntN(32, this.#seed));
    return finish(at, this.#restBytes, this.#totalBytes % 2 ** 32, seed);
  }
}
