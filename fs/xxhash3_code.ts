// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  advance,
  i32,
  i64,
  i64Load,
  i64Store,
  localGet,
  localSet,
  Wasm,
  type WasmCode,
  type WasmFunction,
  WasmType,
  whileAtLeast,
} from "./wasm_code.ts";

// The inner loop of XXH3 for long inputs ("accumulate" and "scramble" of the reference), as
// WebAssembly. A stripe of 64 bytes goes into eight accumulators; after sixteen stripes, each with
// a secret that begins eight bytes later than the one before, they are scrambled:
//
//     memory   0             64         256       4096
//              accumulators  secret               the bytes

/** Where the secret is. */
export const SECRET_AT = 64;
/** Bytes of the secret. */
export const SECRET_BYTES = 192;
/** Bytes of a stripe. */
export const STRIPE_BYTES = 64;
/** Stripes between two scrambles. */
export const BLOCK_STRIPES = (SECRET_BYTES - STRIPE_BYTES) / 8;

const LANES = [0, 1, 2, 3, 4, 5, 6, 7];
const PRIME32_1 = 0x9e37_79b1n;
/** Bytes by which the secret of a stripe is behind that of the one before. */
const SECRET_STEP = 8;

// Locals of both functions; accumulators and lanes of a stripe follow.
const ADDRESS = 0;
const COUNT = 1;
const SECRET = 2;
const LEFT = 3;
const ACCUMULATORS = 4;
const DATA = 12;
const KEY = 13;

/** `blocks(address, count)`: takes whole blocks in, each with its scramble. */
export const BLOCKS_FUNCTION: WasmFunction = accumulating("blocks", [
  whileAtLeast(COUNT, 1, [
    localSet(SECRET, i32(SECRET_AT)),
    localSet(LEFT, i32(BLOCK_STRIPES)),
    whileAtLeast(LEFT, 1, stripe(LEFT)),
    LANES.map(scramble),
    advance(COUNT, -1),
  ]),
]);

/** `stripes(address, count, secret)`: takes stripes in, from an address of the secret on. */
export const STRIPES_FUNCTION: WasmFunction = accumulating("stripes", [
  whileAtLeast(COUNT, 1, stripe(COUNT)),
]);

/** A function that has the accumulators in locals while it runs. */
function accumulating(name: string, code: WasmCode): WasmFunction {
  return {
    name,
    parameters: [WasmType.i32, WasmType.i32, WasmType.i32],
    result: WasmType.i32,
    locals: [WasmType.i32, ...LANES.map(() => WasmType.i64), WasmType.i64, WasmType.i64],
    code: [
      LANES.map((lane) => localSet(ACCUMULATORS + lane, i64Load(i32(lane * 8)))),
      code,
      LANES.map((lane) => i64Store(i32(lane * 8), localGet(ACCUMULATORS + lane))),
      localGet(ADDRESS),
    ],
  };
}

function stripe(counter: number): WasmCode {
  return [
    LANES.map(accumulate),
    advance(ADDRESS, STRIPE_BYTES),
    advance(SECRET, SECRET_STEP),
    advance(counter, -1),
  ];
}

/** The data goes to the neighbour, and the product of the halves of data ^ secret to the lane. */
function accumulate(lane: number): WasmCode {
  const [own, neighbour] = [ACCUMULATORS + lane, ACCUMULATORS + (lane ^ 1)];
  const low = [localGet(KEY), i64(0xffff_ffffn), Wasm.i64And];
  const high = [localGet(KEY), i64(32n), Wasm.i64ShiftRightUnsigned];
  return [
    localSet(DATA, i64Load(localGet(ADDRESS), lane * 8)),
    localSet(KEY, [localGet(DATA), i64Load(localGet(SECRET), lane * 8), Wasm.i64Xor]),
    localSet(neighbour, [localGet(neighbour), localGet(DATA), Wasm.i64Add]),
    localSet(own, [localGet(own), [low, high, Wasm.i64Multiply], Wasm.i64Add]),
  ];
}

/** `(accumulator ^ accumulator >>> 47 ^ secret) * prime`, with the last 64 bytes of the secret. */
function scramble(lane: number): WasmCode {
  const own = localGet(ACCUMULATORS + lane);
  const secret = i64Load(i32(SECRET_AT + SECRET_BYTES - STRIPE_BYTES + lane * 8));
  const mixed = [
    [own, [own, i64(47n), Wasm.i64ShiftRightUnsigned], Wasm.i64Xor],
    secret,
    Wasm.i64Xor,
  ];
  return localSet(ACCUMULATORS + lane, [mixed, i64(PRIME32_1), Wasm.i64Multiply]);
}
