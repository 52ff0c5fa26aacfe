// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { TensorType } from "./tensor.ts";

/** Types whose numbers each stand alone as a floating point number. */
export type FloatType = Extract<TensorType, "F32" | "F16" | "BF16">;

/** Whether the numbers of a type each stand alone as a floating point number. */
export function isFloatType(type: TensorType): type is FloatType {
  return type === "F32" || type === "F16" || type === "BF16";
}

/** Numbers of little-endian bytes, exactly; F32 without a copy where the bytes are aligned. */
export function decodeFloats(type: FloatType, bytes: Uint8Array): Float32Array {
  if (type === "BF16") return decodeBfloat16(bytes);
  const { buffer, byteOffset, byteLength } = aligned(bytes, type === "F32" ? 4 : 2);
  return type === "F32"
    ? new Float32Array(buffer, byteOffset, byteLength / 4)
    : new Float32Array(new Float16Array(buffer, byteOffset, byteLength / 2));
}

/** Little-endian bytes of numbers, rounded to the nearest that the type has, halves to even. */
export function encodeFloats(type: FloatType, values: Float32Array): Uint8Array {
  if (type === "BF16") return encodeBfloat16(values);
  const array = type === "F32" ? values : new Float16Array(values);
  return new Uint8Array(array.buffer as ArrayBuffer, array.byteOffset, array.byteLength);
}

/** A view whose offset is a multiple, copied where it is not. */
export function aligned(bytes: Uint8Array, multiple: number): Uint8Array {
  return bytes.byteOffset % multiple === 0 ? bytes : bytes.slice();
}

// A bfloat16 is the upper half of an F32.
function decodeBfloat16(bytes: Uint8Array): Float32Array {
  const { buffer, byteOffset, byteLength } = aligned(bytes, 2);
  const halves = new Uint16Array(buffer, byteOffset, byteLength / 2);
  const words = new Uint32Array(halves.length);
  for (let i = 0; i < words.length; i++) words[i] = halves[i]! << 16;
  return new Float32Array(words.buffer);
}

function encodeBfloat16(values: Float32Array): Uint8Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(values.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const isNaN = (word & 0x7fff_ffff) > 0x7f80_0000;
    // A NaN keeps its sign and stays one: rounding could carry it into infinity.
    halves[i] = isNaN ? (word >>> 16) | 0x40 : (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
  }
  return new Uint8Array(halves.buffer);
}
