// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertThrows } from "@std/assert";
import { checkStatus } from "../infer/backend/native_library.ts";
import type { NativeDevice } from "../infer/backend/native_device.ts";
import { NATIVE_TYPES } from "../infer/backend/native_weights.ts";
import {
  multiply,
  multiplyInt8,
  quantizeActivations,
  rmsNorm,
  rotate,
  swiglu,
} from "../infer/backend/reference_operators.ts";
import { decodeFloats, encodeFloats } from "../infer/model/float_format.ts";
import { quantizeRows } from "../infer/model/group_quantize.ts";
import { groupsOf, type Matrix } from "../infer/model/matrix.ts";
import { relativeError } from "./infer_model.ts";
import { nativeTest, openDevice, PATHS } from "./infer_native.ts";

// Each operator of the native library on each instruction path, beside the plain one.

/** Rounding of F32 sums. */
const ERROR_MAX = 2e-6;

/** Widths that fill vectors, and that leave some over. */
const WIDTHS = [1, 3, 15, 16, 64, 96, 130, 257];

for (const path of PATHS) {
  nativeTest(`${path}: infer_op_rms_norm() of rows of any width`, () => {
    using device = openDevice(path);
    for (const width of WIDTHS) {
      const [input, weight] = [randomFloats(3 * width, 1), randomFloats(width, 2)];
      const [expected, actual] = [new Float32Array(3 * width), new Float32Array(3 * width)];
      rmsNorm(input, weight, 1e-5, expected);
      const { calls, handle } = device;
      checkStatus(calls, calls.opRmsNorm(handle, input, weight, 3, width, 1e-5, actual));
      assertClose(actual, expected, width);
    }
  });

  nativeTest(`${path}: infer_op_rope() turns each row by its position`, () => {
    using device = openDevice(path);
    for (const headSize of [2, 6, 64, 80, 128]) {
      const positions = Int32Array.of(0, 1, 70, 100_000);
      const frequencies = Float32Array.from({ length: headSize / 2 }, (_, i) => 0.9 ** i);
      const expected = randomFloats(4 * 3 * headSize, 3);
      const actual = expected.slice();
      rotate(expected, positions, headSize, { frequencies, scale: 1.25 });
      const { calls, handle } = device;
      const status = calls.opRope(handle, actual, positions, 4, 3, headSize, frequencies, 1.25);
      checkStatus(calls, status);
      assertClose(actual, expected, headSize);
    }
  });

  nativeTest(`${path}: infer_op_swiglu() of large and small numbers`, () => {
    using device = openDevice(path);
    const gate = Float32Array.from({ length: 401 }, (_, i) => (i - 200) / 2);
    const up = randomFloats(401, 4);
    const [expected, actual] = [new Float32Array(401), new Float32Array(401)];
    swiglu(gate, up, expected);
    const { calls, handle } = device;
    checkStatus(calls, calls.opSwiglu(handle, gate, up, 401n, actual));
    for (let i = 0; i < 401; i++) {
      const bound = 2e-6 * Math.abs(expected[i]!) + 1e-30;
      assert(Math.abs(actual[i]! - expected[i]!) <= bound, `at ${gate[i]}: ${actual[i]}`);
    }
  });

  nativeTest(`${path}: infer_op_quantize() rounds bit by bit, ties, zeros and tails too`, () => {
    using device = openDevice(path);
    for (const groupSize of [32, 64, 128]) {
      for (const width of WIDTHS) {
        const input = randomFloats(4 * width, 5);
        // A row of ties: 127 levels of 0.5, and a row of zeros.
        for (let i = 0; i < width; i++) input[i] = i === 0 ? 63.5 : (i % 64) / 4;
        input.fill(0, width, 2 * width);
        assertEqualLevels(device, input, width, groupSize);
      }
    }
  });

  nativeTest(`${path}: infer_op_multiply() of F32, BF16 and INT8 in any shape`, () => {
    using device = openDevice(path);
    const shapes = [[1, 1, 1], [1, 33, 64], [2, 31, 96], [5, 64, 130], [17, 40, 257], [
      100,
      70,
      64,
    ]];
    for (const [tokens, rows, columns] of shapes as [number, number, number][]) {
      const input = randomFloats(tokens * columns, 6);
      const values = randomFloats(rows * columns, 7);
      assertProduct(device, input, { kind: "float32", rows, columns, values }, "F32");
      const halves = decodeFloats("BF16", encodeFloats("BF16", values));
      assertProduct(device, input, { kind: "float32", rows, columns, values: halves }, "BF16");
      for (const groupSize of [32, 64, 128]) {
        const { levels, scales } = quantizeRows(values, columns, groupSize);
        const int8 = { kind: "int8", rows, columns, groupSize, levels } as const;
        assertProduct(device, input, { ...int8, scales: new Float32Array(scales) }, "INT8");
      }
    }
  });

  nativeTest(`${path}: infer_op_multiply() quantises weights to the very same levels`, () => {
    using device = openDevice(path);
    const [rows, columns] = [37, 130];
    for (const groupSize of [32, 64, 128]) {
      // An input that picks one column after the other gives the weights themselves.
      const values = randomFloats(rows * columns, 8);
      values.fill(0, 0, columns);
      values.fill(1e-9, columns, 2 * columns);
      for (const type of ["F32", "F16", "BF16"] as const) {
        const source = decodeFloats(type, encodeFloats(type, values));
        const { levels, scales } = quantizeRows(source, columns, groupSize);
        const int8 = { kind: "int8", rows, columns, groupSize, levels } as const;
        const matrix = { ...int8, scales: new Float32Array(scales) };
        const input = new Float32Array(columns * columns);
        for (let i = 0; i < columns; i++) input[i * (columns + 1)] = 127;
        const expected = new Float32Array(columns * rows);
        multiplyInt8(input, matrix, expected);
        const actual = nativeProduct(device, input, matrix, encodeFloats(type, source), null, type);
        assertEquals(actual, expected, `${type} in groups of ${groupSize}`);
      }
    }
  });

  nativeTest(`${path}: weights that cannot be quantised are refused`, () => {
    using device = openDevice(path);
    for (const strange of [NaN, Infinity, -Infinity, 9e6]) {
      const values = randomFloats(4 * 64, 9);
      values[77] = strange;
      const int8 = { kind: "int8", rows: 4, columns: 64, groupSize: 32 } as const;
      const matrix = { ...int8, levels: new Int8Array(0), scales: new Float32Array(0) };
      const bytes = new Uint8Array(values.buffer);
      const product = () => nativeProduct(device, new Float32Array(64), matrix, bytes, null, "F32");
      assertThrows(product, RangeError, "not finite or too large");
    }
  });
}

function assertEqualLevels(
  { calls, handle }: NativeDevice,
  input: Float32Array<ArrayBuffer>,
  width: number,
  groupSize: number,
): void {
  const rows = input.length / width;
  const groups = groupsOf(width, groupSize);
  const levels = new Int8Array(rows * groups * groupSize);
  const scales = new Float32Array(rows * groups);
  checkStatus(calls, calls.opQuantize(handle, input, rows, width, groupSize, levels, scales));
  const expected = quantizeActivations(input, width, groupSize);
  assertEquals(scales, expected.scales);
  for (let row = 0; row < rows; row++) {
    const begin = row * groups * groupSize;
    const own = levels.subarray(begin, begin + width);
    assertEquals(own, expected.levels.subarray(row * width, (row + 1) * width));
  }
}

function assertProduct(
  device: NativeDevice,
  input: Float32Array<ArrayBuffer>,
  matrix: Matrix,
  type: "F32" | "BF16" | "INT8",
): void {
  const tokens = input.length / matrix.columns;
  const expected = new Float32Array(tokens * matrix.rows);
  const isInt8 = matrix.kind === "int8";
  if (isInt8) multiplyInt8(input, matrix, expected);
  else multiply(input, matrix, expected);
  const bytes = isInt8
    ? new Uint8Array(matrix.levels.buffer as ArrayBuffer)
    : encodeFloats(type as "F32", matrix.values);
  const scales = isInt8 ? matrix.scales : null;
  const actual = nativeProduct(device, input, matrix, bytes, scales, type);
  assertClose(actual, expected, expected.length);
}

// Data: numbers of infer_type by the names of files.
const TYPES = {
  F32: NATIVE_TYPES.float32,
  F16: NATIVE_TYPES.float16,
  BF16: NATIVE_TYPES.bfloat16,
  INT8: NATIVE_TYPES.int8,
};

function nativeProduct(
  { calls, handle }: NativeDevice,
  input: Float32Array<ArrayBuffer>,
  matrix: Matrix,
  values: Uint8Array,
  scales: Float32Array | null,
  sourceType: keyof typeof TYPES,
): Float32Array {
  const { rows, columns } = matrix;
  const tokens = input.length / columns;
  const output = new Float32Array(tokens * rows);
  const isInt8 = matrix.kind === "int8";
  const status = calls.opMultiply(
    ...[handle, input, tokens] as const,
    isInt8 ? NATIVE_TYPES.int8 : TYPES[sourceType],
    isInt8 ? matrix.groupSize : 0,
    ...[rows, columns, TYPES[sourceType], values as Uint8Array<ArrayBuffer>] as const,
    scales as Float32Array<ArrayBuffer> | null,
    output,
  );
  checkStatus(calls, status);
  return output;
}

function assertClose(actual: Float32Array, expected: Float32Array, width: number): void {
  const error = relativeError(actual, expected, width);
  assert(error <= ERROR_MAX, `rows of ${width}: the relative error is ${error}`);
}

/** Numbers from -1 to 1, the same for the same seed. */
function randomFloats(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed * 2_654_435_761 >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}
