// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { quantizeRows } from "./group_quantize.ts";
import { TENSOR_TYPES } from "./tensor.ts";

// The blocks of GGUF (see TENSOR_TYPES) hold the same numbers as a GroupMatrix in groups of 32:
// decoding loses nothing.

/** Levels and scales of blocks, as a GroupMatrix has them. */
export interface DecodedBlocks {
  readonly levels: Int8Array;
  readonly scales: Float32Array;
}

/** Numbers of a block. */
const BLOCK = 32;
/** Bytes of a block's scale. */
const SCALE_BYTES = 2;

/** Levels and scales of whole Q8_0 blocks. */
export function decodeQ8(bytes: Uint8Array): DecodedBlocks {
  const { levels, scales, source, view, blockBytes } = begin(bytes, "Q8_0");
  for (let block = 0; block < scales.length; block++) {
    const at = block * blockBytes;
    scales[block] = view.getFloat16(at, true);
    levels.set(source.subarray(at + SCALE_BYTES, at + blockBytes), block * BLOCK);
  }
  return { levels, scales };
}

/** Levels and scales of whole Q4_0 blocks: low halves of the bytes first, then high halves. */
export function decodeQ4(bytes: Uint8Array): DecodedBlocks {
  const { levels, scales, view, blockBytes } = begin(bytes, "Q4_0");
  for (let block = 0; block < scales.length; block++) {
    const at = block * blockBytes;
    scales[block] = view.getFloat16(at, true);
    for (let i = 0; i < BLOCK / 2; i++) {
      const pair = view.getUint8(at + SCALE_BYTES + i);
      levels[block * BLOCK + i] = (pair & 15) - 8;
      levels[block * BLOCK + BLOCK / 2 + i] = (pair >> 4) - 8;
    }
  }
  return { levels, scales };
}

function begin(bytes: Uint8Array, type: "Q8_0" | "Q4_0") {
  const { blockBytes } = TENSOR_TYPES[type];
  const blocks = bytes.length / blockBytes;
  return {
    blockBytes,
    levels: new Int8Array(blocks * BLOCK),
    scales: new Float32Array(blocks),
    source: new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length),
    view: new DataView(bytes.buffer, bytes.byteOffset, bytes.length),
  };
}

/**
 * Rows as Q8_0 blocks.
 *
 * @throws {RangeError} when a number is not finite, or too large for a scale in float16
 */
export function encodeQ8(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { levels, scales } = quantizeRows(values, BLOCK, BLOCK);
  return packQ8(levels, scales);
}

/** Levels and scales in groups of 32 as Q8_0 blocks. */
export function packQ8(levels: Int8Array, scales: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const { blockBytes } = TENSOR_TYPES.Q8_0;
  const out = new Uint8Array(scales.length * blockBytes);
  const view = new DataView(out.buffer);
  const source = new Uint8Array(levels.buffer, levels.byteOffset, levels.length);
  for (let block = 0; block < scales.length; block++) {
    const at = block * blockBytes;
    view.setFloat16(at, scales[block]!, true);
    out.set(source.subarray(block * BLOCK, (block + 1) * BLOCK), at + SCALE_BYTES);
  }
  return out;
}

/**
 * Rows as Q4_0 blocks: the number of largest size becomes level 0 (-8), so its sign is the scale's.
 *
 * @throws {RangeError} when a number is not finite, or too large for a scale in float16
 */
export function encodeQ4(values: Float32Array): Uint8Array<ArrayBuffer> {
  const { blockBytes } = TENSOR_TYPES.Q4_0;
  const blocks = values.length / BLOCK;
  const out = new Uint8Array(blocks * blockBytes);
  const view = new DataView(out.buffer);
  for (let block = 0; block < blocks; block++) {
    const part = values.subarray(block * BLOCK, (block + 1) * BLOCK);
    const extreme = part.reduce((a, b) => Math.abs(b) <= Math.abs(a) ? a : b, 0);
    const scale = Math.f16round(extreme / -8);
    if (!Number.isFinite(scale)) throw new RangeError(`Holds ${extreme}, too large for a scale`);
    const at = block * blockBytes;
    view.setFloat16(at, scale, true);
    const level = (i: number) =>
      scale === 0 ? 8 : Math.max(0, Math.min(15, Math.floor(part[i]! / scale + 8.5)));
    for (let i = 0; i < BLOCK / 2; i++) {
      view.setUint8(at + SCALE_BYTES + i, level(i) | (level(i + BLOCK / 2) << 4));
    }
  }
  return out;
}
