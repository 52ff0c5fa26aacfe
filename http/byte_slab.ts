// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// Bytes that outlive their receive block share larger pieces of memory: an array of their own would
// take five times as long to make as the copy.
const SLAB_BYTES = 16_384;
let slab: Uint8Array<ArrayBuffer> = new Uint8Array();
let slabUsed = 0;

/** Bytes that were copied, and where in the array they begin. */
export interface KeptBytes {
  /** The array; others have bytes in it as well. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Where it begins. */
  readonly at: number;
}

/** Copies bytes to memory that is kept for as long as somebody has the result. */
export function keepBytes(bytes: Uint8Array, start: number, end: number): KeptBytes {
  const byteLength = end - start;
  const source = new Uint8Array(bytes.buffer, bytes.byteOffset + start, byteLength);
  if (byteLength > SLAB_BYTES / 4) return { bytes: new Uint8Array(source), at: 0 };
  if (slabUsed + byteLength > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  const at = slabUsed;
  slabUsed += byteLength;
  slab.set(source, at);
  return { bytes: slab, at };
}
