// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  advance,
  i32,
  i32Load,
  i32Load8,
  i32Store,
  i64,
  i64Load,
  i64Load32,
  i64Load8,
  i64Store,
  ifAtLeast,
  localGet,
  localSet,
  Wasm,
  type WasmCode,
  type WasmFunction,
  WasmType,
  whileAtLeast,
} from "./wasm_code.ts";

// The arithmetic of XXH32 and XXH64 (Yann Collet, "xxHash fast digest algorithm", version 0.1.1) as
// WebAssembly. Both go through the bytes in stripes of four words, with an accumulator for each
// place in a stripe, and mix the four and what is left over at the end. The accumulators are at the
// beginning of the memory:
//
//     0    4, 8    8, 16   12, 24   16, 32
//     acc1 acc2    acc3    acc4

/** What XXH32 and XXH64 have of their own. */
export interface XxHashVariant {
  /** Bytes of a word; a stripe has four. */
  readonly wordBytes: 4 | 8;
  /** The five primes. */
  readonly primes: readonly bigint[];
  readonly type: WasmType;
  readonly number: (value: bigint) => WasmCode;
  readonly load: (address: WasmCode, offset?: number) => WasmCode;
  readonly load32: (address: WasmCode, offset?: number) => WasmCode;
  readonly load8: (address: WasmCode, offset?: number) => WasmCode;
  readonly store: (address: WasmCode, value: WasmCode, offset?: number) => WasmCode;
  readonly extend: WasmCode;
  readonly add: number;
  readonly multiply: number;
  readonly xor: number;
  readonly rotateLeft: number;
  readonly shiftRight: number;
  /** How far an accumulator is rotated. */
  readonly rotation: bigint;
  /** Shifts of the end. */
  readonly shifts: readonly bigint[];
}

/** XXH32. */
// Data: its numbers, and the instructions for words of 32 bits.
// deno-fmt-ignore
export const XXH32: XxHashVariant = {
  wordBytes: 4, rotation: 13n, shifts: [15n, 13n, 16n],
  primes: [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn, 0x27d4eb2fn, 0x165667b1n],
  type: WasmType.i32, number: (value) => i32(Number(BigInt.asIntN(32, value))),
  load: i32Load, load32: i32Load, load8: i32Load8, store: i32Store, extend: [],
  add: Wasm.i32Add, multiply: Wasm.i32Multiply, xor: Wasm.i32Xor,
  rotateLeft: Wasm.i32RotateLeft, shiftRight: Wasm.i32ShiftRightUnsigned,
};

/** XXH64. */
// Data: its numbers, and the instructions for words of 64 bits.
// deno-fmt-ignore
export const XXH64: XxHashVariant = {
  wordBytes: 8, rotation: 31n, shifts: [33n, 29n, 32n],
  primes: [0x9e3779b185ebca87n, 0xc2b2ae3d27d4eb4fn, 0x165667b19e3779f9n, 0x85ebca77c2b2ae63n, 0x27d4eb2f165667c5n],
  type: WasmType.i64, number: i64,
  load: i64Load, load32: i64Load32, load8: i64Load8, store: i64Store, extend: [Wasm.i64ExtendI32Unsigned],
  add: Wasm.i64Add, multiply: Wasm.i64Multiply, xor: Wasm.i64Xor,
  rotateLeft: Wasm.i64RotateLeft, shiftRight: Wasm.i64ShiftRightUnsigned,
};

// Locals of both functions.
const ADDRESS = 0;
const LENGTH = 1;
const TOTAL = 2;
const SEED = 3;
const HASH = 4;
/** Locals of `stripes`: the accumulators. */
const ACCUMULATORS: readonly number[] = [2, 3, 4, 5];

/** Sets the accumulators to what they begin with: `begin(seed)`. */
export function beginFunction(v: XxHashVariant): WasmFunction {
  const [first, second] = v.primes.map(v.number) as WasmCode[];
  const seed = localGet(0);
  const accumulators: WasmCode[] = [
    [[seed, first!, v.add], second!, v.add],
    [seed, second!, v.add],
    seed,
    [seed, [first!, v.number(-1n), v.multiply], v.add],
  ];
  return {
    name: "begin",
    parameters: [v.type],
    result: v.type,
    locals: [],
    code: [accumulators.map((value, i) => v.store(i32(i * v.wordBytes), value)), seed],
  };
}

/**
 * Takes whole stripes into the accumulators: `stripes(address, length)`, which gives how many bytes
 * are left over.
 */
export function stripesFunction(v: XxHashVariant): WasmFunction {
  const stripeBytes = 4 * v.wordBytes;
  const at = (index: number) => index * v.wordBytes;
  return {
    name: "stripes",
    parameters: [WasmType.i32, WasmType.i32],
    result: WasmType.i32,
    locals: [v.type, v.type, v.type, v.type],
    code: [
      ACCUMULATORS.map((local, i) => localSet(local, v.load(i32(at(i))))),
      whileAtLeast(LENGTH, stripeBytes, [
        ACCUMULATORS.map((local, i) =>
          localSet(local, round(v, localGet(local), v.load(localGet(ADDRESS), at(i))))
        ),
        advance(ADDRESS, stripeBytes),
        advance(LENGTH, -stripeBytes),
      ]),
      ACCUMULATORS.map((local, i) => v.store(i32(at(i)), localGet(local))),
      localGet(LENGTH),
    ],
  };
}

/**
 * The hash: `finish(address, length, total, seed)`, where `length` bytes are left over of `total`,
 * and XXH32 takes the lowest 32 bits of what is a number of 64.
 */
export function finishFunction(v: XxHashVariant): WasmFunction {
  const [first, second, third, , fifth] = v.primes.map(v.number) as WasmCode[];
  const hash = localGet(HASH);
  const mixed = [1n, 7n, 12n, 18n].map((bits, i) => rotate(v, v.load(i32(i * v.wordBytes)), bits));
  return {
    name: "finish",
    parameters: [WasmType.i32, WasmType.i32, v.type, v.type],
    result: v.type,
    locals: [v.type],
    code: [
      localSet(HASH, [localGet(SEED), fifth!, v.add]),
      // The address says whether there was a stripe: 0 for none, so that it need not be compared.
      ifAtLeast(ADDRESS, FINISH_WITH_STRIPES, [
        localSet(HASH, [mixed[0]!, mixed[1]!, v.add, mixed[2]!, v.add, mixed[3]!, v.add]),
        v.wordBytes === 8 ? [0, 1, 2, 3].map((i) => mergeAccumulator(v, i)) : [],
      ]),
      localSet(HASH, [hash, localGet(TOTAL), v.add]),
      v.wordBytes === 8 ? wholeWords(v) : [],
      whileAtLeast(LENGTH, 4, [halfWord(v), advance(ADDRESS, 4), advance(LENGTH, -4)]),
      whileAtLeast(LENGTH, 1, [
        localSet(HASH, [
          hash,
          [v.load8(localGet(ADDRESS)), fifth!, v.multiply],
          v.wordBytes === 8 ? v.xor : v.add,
        ]),
        localSet(HASH, [rotate(v, hash, 11n), first!, v.multiply]),
        advance(ADDRESS, 1),
        advance(LENGTH, -1),
      ]),
      shiftIn(v, v.shifts[0]!),
      localSet(HASH, [hash, second!, v.multiply]),
      shiftIn(v, v.shifts[1]!),
      localSet(HASH, [hash, third!, v.multiply]),
      shiftIn(v, v.shifts[2]!),
      hash,
    ],
  };
}

/** What is left over is here when there was a stripe, and below when there was not. */
export const FINISH_WITH_STRIPES = 256;

/** `rotateLeft(accumulator + input * prime2) * prime1` */
function round(v: XxHashVariant, accumulator: WasmCode, input: WasmCode): WasmCode {
  const sum = [accumulator, [input, v.number(v.primes[1]!), v.multiply], v.add];
  return [rotate(v, sum, v.rotation), v.number(v.primes[0]!), v.multiply];
}

function rotate(v: XxHashVariant, value: WasmCode, bits: bigint): WasmCode {
  return [value, v.number(bits), v.rotateLeft];
}

/** `hash ^= hash >>> bits` */
function shiftIn(v: XxHashVariant, bits: bigint): WasmCode {
  const hash = localGet(HASH);
  return localSet(HASH, [hash, [hash, v.number(bits), v.shiftRight], v.xor]);
}

/** `hash = (hash ^ round(0, accumulator)) * prime1 + prime4` */
function mergeAccumulator(v: XxHashVariant, index: number): WasmCode {
  const mixed = round(v, v.number(0n), v.load(i32(index * v.wordBytes)));
  const product = [[localGet(HASH), mixed, v.xor], v.number(v.primes[0]!), v.multiply];
  return localSet(HASH, [product, v.number(v.primes[3]!), v.add]);
}

/** `hash = rotateLeft(hash ^ round(0, word), 27) * prime1 + prime4`, of XXH64 only. */
function wholeWords(v: XxHashVariant): WasmCode {
  const mixed = [localGet(HASH), round(v, v.number(0n), v.load(localGet(ADDRESS))), v.xor];
  const product = [rotate(v, mixed, 27n), v.number(v.primes[0]!), v.multiply];
  return whileAtLeast(LENGTH, 8, [
    localSet(HASH, [product, v.number(v.primes[3]!), v.add]),
    advance(ADDRESS, 8),
    advance(LENGTH, -8),
  ]);
}

/**
 * XXH64: `hash = rotateLeft(hash ^ half * prime1, 23) * prime2 + prime3`;
 * XXH32: `hash = rotateLeft(hash + word * prime3, 17) * prime4`
 */
function halfWord(v: XxHashVariant): WasmCode {
  const [first, second, third, fourth] = v.primes.map(v.number) as WasmCode[];
  const word = v.load32(localGet(ADDRESS));
  if (v.wordBytes === 4) {
    const sum = [localGet(HASH), [word, third!, v.multiply], v.add];
    return localSet(HASH, [rotate(v, sum, 17n), fourth!, v.multiply]);
  }
  const mixed = [localGet(HASH), [word, first!, v.multiply], v.xor];
  return localSet(HASH, [[rotate(v, mixed, 23n), second!, v.multiply], third!, v.add]);
}
