// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** For so many bytes that pass by {@linkcode SAMPLE} is copied once. */
const SPENT_EVERY_BYTES = 262_144;
/** 64 KiB, as numbers the fastest to copy; twice as many would be one of V8's large objects. */
const SAMPLE: readonly number[] = new Array(8192).fill(0.5);
/** glibc keeps twice as much for the next buffers (mallopt(3), M_MMAP_THRESHOLD). */
const KEPT_BYTES = 16_777_216;

/**
 * Notes that a buffer was made which the user gets and will soon drop, as the chunks of a long
 * body. Without it such a stream may cost twice its CPU time, for two reasons.
 *
 * V8 (15.0) frees such buffers with its young generation, but is in no hurry: the full collection,
 * which they do not need, comes first. So it gets something to clear up, a quarter of their size.
 *
 * ```
 *   young heap full (4 MiB), or 64 MiB of buffers on it           young collection  0.3 ms of CPU
 *   heap of 10 MiB, and its buffers, has grown by 36 MiB          full collection    30 ms of CPU
 * ```
 *
 * And glibc would hand freed memory back to the kernel at once and fetch it again page by page,
 * 2.4 us each on a virtual machine, unless a large block was freed before.
 */
export function notePassing(byteLength: number): void {
  passedBytes += byteLength;
  if (passedBytes < SPENT_EVERY_BYTES) return;
  if (spent === null) new ArrayBuffer(KEPT_BYTES).transfer(0);
  for (; passedBytes >= SPENT_EVERY_BYTES; passedBytes -= SPENT_EVERY_BYTES) {
    // Let go of first: V8 has a larger young heap for what survives, and so rarer collections.
    spent = null;
    spent = SAMPLE.slice();
  }
}

let passedBytes = 0;
/** Held until the next, so that it is made at all. */
let spent: number[] | null = null;
