// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import type { BufferPool } from "./buffer_pool.ts";
import type { Control } from "./submissions.ts";

/** `user_data` of the alarm, by which it is moved; its completion is nobody's. */
const ALARM = -2;
/** Flag of TIMEOUT_REMOVE that moves the timeout instead (5.11, `io_uring_enter(2)`). */
const TIMEOUT_UPDATE = 1 << 1;

/**
 * One timeout inside the ring, so that a sleeping engine is woken for its next deadline. It counts
 * as no operation in flight; moving it keeps one entry alive however often deadlines change.
 *
 * ```
 *   | tv_sec u64 | tv_nsec u64 |   the time left, read by the kernel as the entry is handed over
 * ```
 */
export class DeadlineAlarm {
  readonly #control: Control;
  readonly #timespec: Uint32Array<ArrayBuffer>;
  readonly #addressLow: number;
  readonly #addressHigh: number;
  #deadlineMs = Infinity;

  /** Takes 16 bytes of the pool and a way to queue entries. */
  constructor(pool: BufferPool, control: Control) {
    this.#control = control;
    const offset = pool.reserve(16);
    this.#timespec = new Uint32Array(pool.bytes.buffer, offset, 4);
    this.#addressLow = pool.addressLow + offset;
    this.#addressHigh = pool.addressHigh;
  }

  /** Has the ring woken at a time of `performance.now()`; Infinity leaves it as it is. */
  set(deadlineMs: number): void {
    const nowMs = performance.now();
    const armed = this.#deadlineMs > nowMs && this.#deadlineMs !== Infinity;
    // A wake that comes too early does no harm; only one that comes too late is moved.
    if (deadlineMs === Infinity || (armed && this.#deadlineMs <= deadlineMs)) return;
    this.#deadlineMs = deadlineMs;
    const leftMs = Math.max(0, deadlineMs - nowMs);
    const seconds = Math.floor(leftMs / 1000);
    this.#timespec[0] = seconds;
    this.#timespec[2] = Math.ceil((leftMs - seconds * 1000) * 1e6);
    const low = this.#addressLow;
    const high = this.#addressHigh;
    if (armed) this.#control(Op.TIMEOUT_REMOVE, -1, low, high, ALARM, ALARM, 0, TIMEOUT_UPDATE);
    else this.#control(Op.TIMEOUT, -1, 0, 0, low, high, 1, 0, ALARM);
  }
}
