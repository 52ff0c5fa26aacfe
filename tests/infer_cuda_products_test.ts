// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import { encodeFloats } from "../infer/model/float_format.ts";
import { cudaTest, openCuda } from "./infer_cuda.ts";
import { relativeError } from "./infer_model.ts";
import { openDevice } from "./infer_native.ts";

// Products so large that every warp has chunks of columns, the ring of stages goes round, and few
// rows are split among blocks. The emulated GPU has 4 multiprocessors.

/** Tokens, rows, columns. */
type Shape = readonly [tokens: number, rows: number, columns: number];

// Data: the kernels that they take: dp4a, tensor cores of 8 and 16 tokens, wide in all shapes.
const INT8_SHAPES: readonly Shape[] = [
  ...[[1, 40, 4096], [2, 48, 2000], [7, 33, 2048], [16, 17, 3000]] as const,
  ...[[20, 40, 2048], [40, 64, 1100], [64, 100, 1024], [130, 130, 640]] as const,
];
const BF16_SHAPES: readonly Shape[] = [[1, 20, 3000], [4, 33, 1024], [18, 40, 700], [70, 65, 520]];

cudaTest("CUDA emulation: products of INT8 with many columns", () => {
  for (const shape of INT8_SHAPES) assertProducts(shape, "INT8", 64, 2e-6);
  assertProducts([20, 40, 2048], "INT8", 32, 2e-6);
  assertProducts([3, 40, 2048], "INT8", 128, 2e-6);
});

cudaTest("CUDA emulation: products of BF16 with many columns", () => {
  // Inputs are two BF16 numbers: 16 bits.
  for (const shape of BF16_SHAPES) assertProducts(shape, "BF16", 0, 2e-5);
});

cudaTest(
  "CUDA emulation: the deterministic path gives a token alone what it gives it in a batch",
  () => {
    using device = openCuda("deterministic");
    const [tokens, rows, columns] = [70, 40, 1100];
    const input = floats(tokens * columns, 3);
    for (const type of ["INT8", "BF16", "F32"] as const) {
      const values = weights(rows * columns, type);
      const together = multiply(device, input, [tokens, rows, columns], type, 64, values);
      for (const token of [0, 13, 69]) {
        const own = input.slice(token * columns, (token + 1) * columns);
        const alone = multiply(device, own, [1, rows, columns], type, 64, values);
        assertEquals(alone, together.slice(token * rows, (token + 1) * rows), `${type} ${token}`);
      }
    }
  },
);

function assertProducts(
  shape: Shape,
  type: "INT8" | "BF16",
  groupSize: number,
  errorMax: number,
): void {
  const [tokens, rows, columns] = shape;
  const input = floats(tokens * columns, 1);
  const values = weights(rows * columns, type);
  using cpu = openDevice("portable");
  using cuda = openCuda();
  const expected = multiply(cpu, input, shape, type, groupSize, values);
  const actual = multiply(cuda, input, shape, type, groupSize, values);
  const error = relativeError(actual, expected, tokens * rows);
  assert(error <= errorMax, `${shape} in groups of ${groupSize}: the relative error is ${error}`);
}

function multiply(
  { calls, handle }: NativeDevice,
  input: Float32Array<ArrayBuffer>,
  [tokens, rows, columns]: Shape,
  type: "INT8" | "BF16" | "F32",
  groupSize: number,
  values: Uint8Array<ArrayBuffer>,
): Float32Array {
  const output = new Float32Array(tokens * rows);
  const source = type === "BF16" ? NATIVE_TYPES.bfloat16 : NATIVE_TYPES.float32;
  const kept = type === "INT8" ? NATIVE_TYPES.int8 : source;
  const group = type === "INT8" ? groupSize : 0;
  const sizes = [tokens, kept, group, rows, columns, source] as const;
  checkStatus(calls, calls.opMultiply(handle, input, ...sizes, values, null, output));
  return output;
}

function weights(count: number, type: "INT8" | "BF16" | "F32"): Uint8Array<ArrayBuffer> {
  const source = type === "BF16" ? "BF16" : "F32";
  return encodeFloats(source, floats(count, 2)) as Uint8Array<ArrayBuffer>;
}

function floats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2654435761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
