// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// WebAssembly, written as the bytes that the specification gives its instructions (core
// specification 2.0, section 5, "Binary Format"): as much of it as checksums need.

/** Instructions, in the order in which they run: operands first. */
export type WasmCode = readonly (number | WasmCode)[];

/** One exported function. */
export interface WasmFunction {
  /** The name that it is exported by. */
  readonly name: string;
  /** Types of its parameters, which are its first locals. */
  readonly parameters: readonly WasmType[];
  /** Type of its result. */
  readonly result: WasmType;
  /** Types of its other locals, which begin at zero. */
  readonly locals: readonly WasmType[];
  /** What it does; the result is what is left. */
  readonly code: WasmCode;
}

/** Types of values. */
// deno-fmt-ignore
export const WasmType = { i32: 0x7f, i64: 0x7e, v128: 0x7b } as const;
/** A type of values. */
export type WasmType = (typeof WasmType)[keyof typeof WasmType];

/** Instructions without an operand of their own (section 5.4). */
// deno-fmt-ignore
export const Wasm = {
  end: 0x0b, drop: 0x1a,
  i32LessUnsigned: 0x49, i32GreaterEqualUnsigned: 0x4f,
  i32Add: 0x6a, i32Subtract: 0x6b, i32Multiply: 0x6c, i32And: 0x71, i32Or: 0x72, i32Xor: 0x73,
  i32ShiftLeft: 0x74, i32ShiftRightUnsigned: 0x76, i32RotateLeft: 0x77,
  i64Add: 0x7c, i64Subtract: 0x7d, i64Multiply: 0x7e, i64And: 0x83, i64Or: 0x84, i64Xor: 0x85,
  i64ShiftLeft: 0x86, i64ShiftRightUnsigned: 0x88, i64RotateLeft: 0x89,
  i32WrapI64: 0xa7, i64ExtendI32Unsigned: 0xad,
} as const;

/** Pushes a local. */
export function localGet(index: number): WasmCode {
  return [0x20, unsigned(index)];
}

/** Computes a value into a local. */
export function localSet(index: number, value: WasmCode): WasmCode {
  return [value, 0x21, unsigned(index)];
}

/** Pushes a number of 32 bits. */
export function i32(value: number): WasmCode {
  return [0x41, signed(BigInt(value | 0))];
}

/** Pushes a number of 64 bits. */
export function i64(value: bigint): WasmCode {
  return [0x42, signed(BigInt.asIntN(64, value))];
}

/** Reads a byte at an address plus an offset, as 32 bits. */
export function i32Load8(address: WasmCode, offset = 0): WasmCode {
  return [address, 0x2d, 0, unsigned(offset)];
}

/** Reads a byte at an address plus an offset, as 64 bits. */
export function i64Load8(address: WasmCode, offset = 0): WasmCode {
  return [address, 0x31, 0, unsigned(offset)];
}

/** Reads 32 bits, little-endian, at any address plus an offset. */
export function i32Load(address: WasmCode, offset = 0): WasmCode {
  return [address, 0x28, 0, unsigned(offset)];
}

/** Reads 32 bits, little-endian, as 64. */
export function i64Load32(address: WasmCode, offset = 0): WasmCode {
  return [address, 0x35, 0, unsigned(offset)];
}

/** Reads 64 bits, little-endian, at any address plus an offset. */
export function i64Load(address: WasmCode, offset = 0): WasmCode {
  return [address, 0x29, 0, unsigned(offset)];
}

/** Writes 32 bits at an address plus an offset. */
export function i32Store(address: WasmCode, value: WasmCode, offset = 0): WasmCode {
  return [address, value, 0x36, 0, unsigned(offset)];
}

/** Writes 64 bits at an address plus an offset. */
export function i64Store(address: WasmCode, value: WasmCode, offset = 0): WasmCode {
  return [address, value, 0x37, 0, unsigned(offset)];
}

/** Runs a body if the local of 32 bits is at least `minimum`, unsigned. */
export function ifAtLeast(local: number, minimum: number, body: WasmCode): WasmCode {
  const condition = [localGet(local), i32(minimum), Wasm.i32GreaterEqualUnsigned];
  return [condition, 0x04, 0x40, body, Wasm.end];
}

/** Runs a body as long as the local of 32 bits is at least `minimum`, unsigned. */
export function whileAtLeast(local: number, minimum: number, body: WasmCode): WasmCode {
  const condition = [localGet(local), i32(minimum), Wasm.i32GreaterEqualUnsigned];
  return [0x03, 0x40, condition, 0x04, 0x40, body, 0x0c, 1, Wasm.end, Wasm.end];
}

/** Adds to a local of 32 bits. */
export function advance(local: number, by: number): WasmCode {
  return localSet(local, [localGet(local), i32(by), Wasm.i32Add]);
}

/**
 * A module of functions that share one memory, exported as `memory`.
 *
 * @param pages Size of the memory, in pages of 64 KiB
 */
export function wasmModule(
  functions: readonly WasmFunction[],
  pages: number,
): Uint8Array<ArrayBuffer> {
  const types = functions.map(({ parameters, result }) => [
    ...[0x60, unsigned(parameters.length), [...parameters]],
    ...[1, result],
  ]);
  const exports = functions.map(({ name }, i) => [text(name), 0, unsigned(i)]);
  const bodies = functions.map(({ locals, code }) =>
    sized([unsigned(locals.length), locals.map((type) => [1, type]), code, Wasm.end])
  );
  return new Uint8Array(flatten([
    [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    section(1, types),
    section(3, functions.map((_, i) => unsigned(i))),
    section(5, [[0, unsigned(pages)]]),
    section(7, [...exports, [text("memory"), 2, 0]]),
    section(10, bodies),
  ]));
}

function section(id: number, items: readonly WasmCode[]): WasmCode {
  return [id, sized([unsigned(items.length), items])];
}

function sized(code: WasmCode): WasmCode {
  const bytes = flatten(code);
  return [unsigned(bytes.length), bytes];
}

function text(value: string): WasmCode {
  return sized([...new TextEncoder().encode(value)]);
}

function flatten(code: WasmCode): number[] {
  return (code as unknown[]).flat(Infinity) as number[];
}

/** LEB128 (section 5.2.2). */
function unsigned(value: number): WasmCode {
  const bytes: number[] = [];
  for (; value > 0x7f; value >>>= 7) bytes.push(value & 0x7f | 0x80);
  return [...bytes, value];
}

function signed(value: bigint): WasmCode {
  const bytes: number[] = [];
  for (; value < -64n || value > 63n; value >>= 7n) bytes.push(Number(value & 0x7fn) | 0x80);
  return [...bytes, Number(value & 0x7fn)];
}
