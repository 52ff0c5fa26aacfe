// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op, Setup, SqeFlag } from "../ffi/abi.ts";
import { Ring, SQE_WORDS } from "../ffi/ring.ts";
import { closeDescriptor, writeByte } from "../ffi/socket.ts";
import type { BufferPool } from "./buffer_pool.ts";

/**
 * Writes a byte to a socket when an eventfd is signalled, for a Deno that cannot poll the eventfd:
 *
 * ```
 *   ring --signals--> eventfd --POLL, READ, SEND, linked--> socket pair --epoll--> Deno's loop
 *                               (a small second ring)
 * ```
 *
 * The second ring runs its work by interrupting the sleeping thread, so it must not be one that
 * defers it. A wake costs 60 us more than a polled eventfd (measured at 100 a second).
 */
export class WakeRelay {
  readonly #ring: Ring;
  readonly #eventfd: number;
  readonly #ourEnd: number;
  readonly #counterAddress: number;
  readonly #byteAddress: number;
  readonly #addressHigh: number;
  #armed = false;

  /** Takes a non-blocking eventfd to wait for, and the socket to write to, which it will close. */
  constructor(pool: BufferPool, eventfd: number, ourEnd: number) {
    const deferring = Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN;
    this.#ring = Ring.open({ submissions: 8, completions: 16, withoutFlags: deferring });
    this.#eventfd = eventfd;
    this.#ourEnd = ourEnd;
    const offset = pool.reserve(EVENTFD_COUNTER_BYTES + 1);
    this.#counterAddress = pool.addressLow + offset;
    this.#byteAddress = this.#counterAddress + EVENTFD_COUNTER_BYTES;
    this.#addressHigh = pool.addressHigh;
    pool.bytes[offset + EVENTFD_COUNTER_BYTES] = COMPLETED;
  }

  /** Lets the next signal write its byte; does nothing while that is so already. */
  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    // Successes leave no completion; of a failure nothing could be done but to try again.
    this.#ring.reap(() => {});
    const [linked, last] = [SqeFlag.IO_LINK | SqeFlag.CQE_SKIP_SUCCESS, SqeFlag.CQE_SKIP_SUCCESS];
    // Polled first: the ring answers a read of a non-blocking descriptor with EAGAIN.
    this.#entry(Op.POLL_ADD | linked << 8, this.#eventfd, 0, 0, POLLIN);
    this.#entry(Op.READ | linked << 8, this.#eventfd, this.#counterAddress, EVENTFD_COUNTER_BYTES);
    this.#entry(Op.SEND | last << 8, this.#ourEnd, this.#byteAddress, 1);
    this.#ring.submit(0);
  }

  /** Writes a byte now. */
  wake(): void {
    writeByte(this.#ourEnd, CALLED);
  }

  /** Takes the bytes that have come through. */
  arrived(bytes: Uint8Array): void {
    if (bytes.includes(COMPLETED)) this.#armed = false;
  }

  /** Closes the ring and the socket. */
  close(): void {
    this.#ring[Symbol.dispose]();
    closeDescriptor(this.#ourEnd);
  }

  #entry(head: number, fd: number, addressLow: number, byteLength: number, flags = 0): void {
    const at = this.#ring.sqe();
    const sqes = this.#ring.sqes;
    sqes.fill(0, at, at + SQE_WORDS);
    sqes[at] = head;
    sqes[at + 1] = fd;
    // A read's offset: minus one, as the descriptor has no position.
    if ((head & 0xff) === Op.READ) sqes[at + 2] = sqes[at + 3] = 0xffff_ffff;
    sqes[at + 4] = addressLow;
    sqes[at + 5] = addressLow === 0 ? 0 : this.#addressHigh;
    sqes[at + 6] = byteLength;
    sqes[at + 7] = flags;
  }
}

const EVENTFD_COUNTER_BYTES = 8;
const POLLIN = 1;

// What the byte that arrives says.
const CALLED = 0;
const COMPLETED = 1;
