// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { libc } from "./libc.ts";

// Descriptors belong to the process, and a worker that is terminated closes none of its own. So a
// worker notes in shared memory, one bit a descriptor, what it has open, and its parent closes the
// rest once the thread is gone:
//
//   word   0                1
//   bit    0 1 2 .. 31      32 33 ..        1: opened by this thread, and not closed
//
// What is handed to others (to Deno, to the kernel with a close) is noted as closed before: a
// number that was closed already may be someone else's.

/** Descriptors that a table has room for, as many as `fs.nr_open` allows; others are not noted. */
export const DESCRIPTORS_MAX = 1 << 20;
/** Bytes of a table. */
export const DESCRIPTOR_TABLE_BYTES = DESCRIPTORS_MAX / 8;

let table: Int32Array<SharedArrayBuffer> | null = null;

/** Notes what this thread opens from now on in a table of {@linkcode DESCRIPTOR_TABLE_BYTES}. */
export function publishDescriptors(shared: Int32Array<SharedArrayBuffer>): void {
  table = shared;
}

/** Notes a descriptor that this thread has to close; gives it back. */
export function noteOpened(fd: number): number {
  if (table !== null && fd >= 0 && fd < DESCRIPTORS_MAX) {
    Atomics.or(table, fd >>> 5, 1 << (fd & 31));
  }
  return fd;
}

/** Notes that a descriptor is not this thread's to close any more. */
export function noteClosed(fd: number): void {
  if (table !== null && fd >= 0 && fd < DESCRIPTORS_MAX) {
    Atomics.and(table, fd >>> 5, ~(1 << (fd & 31)));
  }
}

/**
 * Closes what a thread that has ended left open.
 *
 * @returns How many descriptors that were
 */
export function closePublished(shared: Int32Array<SharedArrayBuffer>): number {
  let count = 0;
  for (let word = 0; word < shared.length; word++) {
    for (let bits = Atomics.exchange(shared, word, 0); bits !== 0; bits &= bits - 1) {
      libc().close(word * 32 + 31 - Math.clz32(bits & -bits));
      count++;
    }
  }
  return count;
}
