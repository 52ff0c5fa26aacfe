// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/** CPUs that an affinity mask has room for, as the C library's `cpu_set_t`. */
export const CPUS_MAX = 1024;

// Data: system calls that no C library exports everywhere, by architecture (asm/unistd.h).
// deno-fmt-ignore
const NUMBERS = {
  x86_64:  { gettid: 186n, tgkill: 234n },
  aarch64: { gettid: 178n, tgkill: 131n },
} as const;

/** The kernel's number of the calling thread (gettid(2)). */
export function threadId(): number {
  return libc().syscall(NUMBERS[Deno.build.arch].gettid, 0n, 0n, 0n, 0n, 0n, 0n);
}

/** Whether a thread of this process still runs; signal 0 only asks (tgkill(2)). */
export function isThreadAlive(id: number): boolean {
  const { syscall, getpid } = libc();
  const { tgkill } = NUMBERS[Deno.build.arch];
  return Number(syscall(tgkill, BigInt(getpid()), BigInt(id), 0n, 0n, 0n, 0n)) === 0;
}

/**
 * The CPUs that the calling thread may run on (sched_getaffinity(2)).
 *
 * @throws {Error} when the machine has more than {@linkcode CPUS_MAX}
 */
export function threadCpus(): number[] {
  const mask = new Uint8Array(CPUS_MAX / 8);
  if (libc().sched_getaffinity(0, BigInt(mask.length), mask) < 0) throw osError(lastErrno());
  const cpus: number[] = [];
  for (let cpu = 0; cpu < CPUS_MAX; cpu++) if (mask[cpu >> 3] & 1 << (cpu & 7)) cpus.push(cpu);
  return cpus;
}

/**
 * Keeps the calling thread on the given CPUs (sched_setaffinity(2)).
 *
 * @throws {Error} with code `"EINVAL"` when this thread may use none of them
 */
export function setThreadCpus(cpus: readonly number[]): void {
  const mask = new Uint8Array(CPUS_MAX / 8);
  for (const cpu of cpus) {
    if (!(Number.isInteger(cpu) && cpu >= 0 && cpu < CPUS_MAX)) throw osError(Errno.EINVAL);
    mask[cpu >> 3] |= 1 << (cpu & 7);
  }
  if (libc().sched_setaffinity(0, BigInt(mask.length), mask) < 0) throw osError(lastErrno());
}
