// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** How the numbers of a tensor are stored. */
export type TensorType = "F32" | "F16" | "BF16" | "I32" | "I8" | "Q8_0" | "Q4_0";

/** How many bytes so many numbers take. */
export interface TensorLayout {
  /** Numbers of a block; 1 where each stands alone. Rows are whole blocks. */
  readonly blockSize: number;
  /** Bytes of a block. */
  readonly blockBytes: number;
}

/**
 * The types that are read and written.
 *
 *     Q8_0   | f16 scale | 32 x int8 |                    value = scale * level
 *     Q4_0   | f16 scale | 16 bytes of two levels |       value = scale * (level - 8)
 */
// deno-fmt-ignore
export const TENSOR_TYPES: Record<TensorType, TensorLayout> = {
  F32:  { blockSize: 1,  blockBytes: 4 },
  F16:  { blockSize: 1,  blockBytes: 2 },
  BF16: { blockSize: 1,  blockBytes: 2 },
  I32:  { blockSize: 1,  blockBytes: 4 },
  I8:   { blockSize: 1,  blockBytes: 1 },
  Q8_0: { blockSize: 32, blockBytes: 34 },
  Q4_0: { blockSize: 32, blockBytes: 18 },
};

/** A tensor in a file. */
export interface TensorInfo {
  /** Its name in the file. */
  readonly name: string;
  /** How its numbers are stored. */
  readonly type: TensorType;
  /** Sizes, the outermost first; a matrix is `[rows, columns]`. */
  readonly shape: readonly number[];
  /** Path of the file. */
  readonly file: string;
  /** Bytes from the file's beginning to the tensor's. */
  readonly offset: number;
  /** Bytes of the tensor. */
  readonly byteLength: number;
}

/** Most dimensions of a tensor. */
export const DIMENSIONS_MAX = 8;

/** Numbers in a tensor of this shape; not a safe integer where the shape is absurd. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Bytes of a tensor, or undefined where the type cannot have that shape (a row that is not whole
 * blocks, more bytes than a number can count).
 */
export function tensorBytes(type: TensorType, shape: readonly number[]): number | undefined {
  const { blockSize, blockBytes } = TENSOR_TYPES[type];
  if ((shape.at(-1) ?? 1) % blockSize !== 0) return undefined;
  const bytes = (elementCount(shape) / blockSize) * blockBytes;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Whether a text names a type that is read and written. */
export function isTensorType(text: string): text is TensorType {
  return Object.hasOwn(TENSOR_TYPES, text);
}
