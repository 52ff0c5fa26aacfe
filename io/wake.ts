// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Socket } from "node:net";
import process from "node:process";
import { Op, Setup, SqeFlag } from "../ffi/abi.ts";
import { Ring, SQE_WORDS } from "../ffi/ring.ts";
import { noteClosed } from "../ffi/descriptor_table.ts";
import { closeDescriptor, openEventfd, openSocketPair, writeByte } from "../ffi/socket.ts";
import type { BufferPool } from "./buffer_pool.ts";

// What the byte that arrives says.
const YIELDED = 0;
const COMPLETED = 1;

const EVENTFD_COUNTER_BYTES = 8;
/** One byte from a yield and one from a completion can wait at most. */
const WAKE_BYTES_MAX = 8;

/**
 * Wakes Deno's loop when the ring has completions, with no thread of its own:
 *
 * ```
 *   ring --signals--> eventfd --READ--linked to--> SEND --> socket pair --epoll--> Deno's loop
 *                               (a small second ring)       (adopted by node:net)
 * ```
 *
 * The second ring runs its work by interrupting the sleeping thread, so it must not be one that
 * defers it. `node:net` adopts the socket because that needs no permission beside FFI, can be
 * unreferenced, and wakes in 6 us (measured; a `Deno.UnixConn` needs net permission).
 */
export class WakeChannel {
  /** To be registered with the main ring. */
  readonly eventfd: number;

  readonly #ring: Ring;
  readonly #socket: Socket;
  readonly #ourEnd: number;
  readonly #denoEnd: number;
  readonly #counterAddress: number;
  readonly #byteAddress: number;
  readonly #addressHigh: number;
  readonly #onWake: () => void;
  #armed = false;
  #referenced = false;

  /** Opens the channel; `onWake` runs as a macrotask whenever a byte has come through. */
  constructor(pool: BufferPool, onWake: () => void) {
    this.#onWake = onWake;
    // Blocking on purpose: the ring answers a read of a non-blocking descriptor with EAGAIN.
    this.eventfd = openEventfd();
    const deferring = Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN;
    this.#ring = Ring.open({ submissions: 8, completions: 16, withoutFlags: deferring });
    const offset = pool.reserve(EVENTFD_COUNTER_BYTES + 1);
    this.#counterAddress = pool.addressLow + offset;
    this.#byteAddress = this.#counterAddress + EVENTFD_COUNTER_BYTES;
    this.#addressHigh = pool.addressHigh;
    pool.bytes[offset + EVENTFD_COUNTER_BYTES] = COMPLETED;
    const [denoEnd, ourEnd] = openSocketPair("nonblocking");
    this.#ourEnd = ourEnd;
    // Loaded at the first sleep: the module costs 16 ms, and nothing before needs it.
    const { Socket } = process.getBuiltinModule("node:net");
    // Reading into one buffer of ours passes by node's streams, which cost 60 us a wake when cold.
    const onread = {
      buffer: new Uint8Array(WAKE_BYTES_MAX),
      callback: (count: number, bytes: Uint8Array) => this.#arrived(bytes.subarray(0, count)),
    };
    this.#socket = new Socket({ fd: denoEnd, readable: true, writable: false, onread });
    this.#denoEnd = denoEnd;
    this.#socket.unref();
    this.#socket.resume();
  }

  /** Lets the next completion wake Deno's loop; does nothing while that is so already. */
  arm(): void {
    if (this.#armed) return;
    this.#armed = true;
    // Successes leave no completion; of a failure nothing could be done but to try again.
    this.#ring.reap(() => {});
    const linked = SqeFlag.IO_LINK | SqeFlag.CQE_SKIP_SUCCESS;
    this.#entry(Op.READ | linked << 8, this.eventfd, this.#counterAddress, EVENTFD_COUNTER_BYTES);
    this.#entry(Op.SEND | SqeFlag.CQE_SKIP_SUCCESS << 8, this.#ourEnd, this.#byteAddress, 1);
    this.#ring.submit(0);
  }

  /** Wakes by way of Deno's loop: it polls everything it has to before the byte is seen. */
  yieldToDeno(): void {
    writeByte(this.#ourEnd, YIELDED);
  }

  /** A wake that is awaited keeps the process alive. */
  ref(): void {
    if (!this.#referenced) this.#socket.ref();
    this.#referenced = true;
  }

  /** A wake that is awaited does not keep the process alive. */
  unref(): void {
    if (this.#referenced) this.#socket.unref();
    this.#referenced = false;
  }

  /** Closes everything; no wake comes after. */
  close(): void {
    this.#ring[Symbol.dispose]();
    // Deno closes it, but not when it terminates a worker.
    noteClosed(this.#denoEnd);
    this.#socket.destroy();
    closeDescriptor(this.#ourEnd);
    closeDescriptor(this.eventfd);
  }

  #entry(head: number, fd: number, addressLow: number, byteLength: number): void {
    const at = this.#ring.sqe();
    const sqes = this.#ring.sqes;
    sqes.fill(0, at, at + SQE_WORDS);
    sqes[at] = head;
    sqes[at + 1] = fd;
    // A read's offset: minus one, as the descriptor has no position.
    if ((head & 0xff) === Op.READ) sqes[at + 2] = sqes[at + 3] = 0xffff_ffff;
    sqes[at + 4] = addressLow;
    sqes[at + 5] = this.#addressHigh;
    sqes[at + 6] = byteLength;
  }

  /** Takes the bytes that came, and asks for more. */
  #arrived(bytes: Uint8Array): true {
    if (bytes.includes(COMPLETED)) this.#armed = false;
    this.#onWake();
    return true;
  }
}
