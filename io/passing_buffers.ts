// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** For so many bytes that pass by one {@linkcode SPENT_ELEMENTS} array is made. */
const SPENT_EVERY_BYTES = 262_144;
/** 64 KiB of young heap; an array of twice as many would be one of V8's large objects. */
const SPENT_ELEMENTS = 8192;
/** glibc keeps twice as much for the next buffers (mallopt(3), M_MMAP_THRESHOLD). */
const KEPT_BYTES = 16_777_216;

/**
 * Notes that a buffer was made which the user gets and will soon drop, as the chunks of a long
 * body. Without it such a stream may cost twice its CPU time, for two reasons.
 *
 * V8 (15.0) frees such buffers with its young generation, but is in no hurry: the full collection,
 * which they do not need, comes first. So for a quarter of their size it gets something to clear up.
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
    spent = new Array(SPENT_ELEMENTS);
  }
}

let passedBytes = 0;
/** Held until the next, so that it is made at all. */
let spent: unknown[] | null = null;
