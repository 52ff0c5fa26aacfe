// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

// Locks on open files, flock(2).

/**
 * Locks a file on Deno's blocking pool, without waiting for whoever has it.
 *
 * @returns Whether it is ours now
 */
export async function lockSoon(fd: number, exclusive: boolean): Promise<boolean> {
  return await libc().flockSoon(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0;
}

/**
 * Locks a file, without waiting for whoever has it.
 *
 * @returns Whether it is ours now
 * @throws {Error} when the file system has no locks
 */
export function lockNow(fd: number, exclusive: boolean): boolean {
  if (libc().flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) === 0) return true;
  const errno = lastErrno();
  if (errno === Errno.EAGAIN) return false;
  throw osError(errno);
}

/**
 * Locks a file and stops the thread until it can.
 *
 * @throws {Error} when the file system has no locks
 */
export function lockWaiting(fd: number, exclusive: boolean): void {
  while (libc().flock(fd, exclusive ? LOCK_EX : LOCK_SH) < 0) {
    const errno = lastErrno();
    if (errno !== Errno.EINTR) throw osError(errno);
  }
}

/**
 * Gives a lock back; does nothing without one.
 *
 * @throws {Error} when the descriptor is not open
 */
export function unlockNow(fd: number): void {
  if (libc().flock(fd, LOCK_UN) < 0) throw osError(lastErrno());
}

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;
