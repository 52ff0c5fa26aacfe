// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { osError } from "../ffi/errno.ts";
import type { Engine } from "./engine.ts";
import { openEngine } from "./engine_info.ts";
import type { Completion } from "./slot_table.ts";

/** What a descriptor can become ready for. */
export interface ReadyEvents {
  /** Bytes, a connection or the end of the stream can be read. */
  readable?: boolean;
  /** There is room to write. */
  writable?: boolean;
  /** The peer is gone. */
  hungUp?: boolean;
  /** An error is pending. */
  failed?: boolean;
}

/** Options of {@linkcode waitFor}. */
export interface WaitForOptions {
  /** Gives up waiting. */
  signal?: AbortSignal;
}

/**
 * Waits until any descriptor that can be polled is ready: an eventfd, a timerfd, a library's own
 * socket. Ring engine only.
 *
 * @param events What to wait for; hang-up and errors are always told
 * @returns What it is ready for now
 * @throws {Deno.errors.NotSupported} on the portable engine
 * @throws {TypeError} when nothing is waited for
 * @throws {Error} when the descriptor is not open (`.code` is `"EBADF"`)
 *
 * @example Wait for a byte in a pipe
 * ```ts
 * import { engineInfo, waitFor } from "@photon/std/io";
 * import { openPipe, writeByte, closeDescriptor } from "@photon/std/ffi";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const [reader, writer] = openPipe();
 *   const ready = waitFor(reader, { readable: true });
 *   writeByte(writer, 1);
 *   assertEquals((await ready).readable, true);
 *   closeDescriptor(reader);
 *   closeDescriptor(writer);
 * }
 * ```
 */
export async function waitFor(
  fd: number,
  events: Pick<ReadyEvents, "readable" | "writable">,
  options: WaitForOptions = {},
): Promise<Required<ReadyEvents>> {
  const { signal } = options;
  signal?.throwIfAborted();
  const mask = (events.readable ? POLLIN : 0) | (events.writable ? POLLOUT : 0);
  if (mask === 0) throw new TypeError("Cannot wait: events must name readable, writable or both");
  const result = await new Polling(openEngine(), fd, mask, signal).result;
  signal?.throwIfAborted();
  if (result < 0) throw osError(-result, "poll");
  return {
    readable: (result & POLLIN) !== 0,
    writable: (result & POLLOUT) !== 0,
    hungUp: (result & POLLHUP) !== 0,
    failed: (result & POLLERR) !== 0,
  };
}

// poll(2)
const POLLIN = 1;
const POLLOUT = 4;
const POLLERR = 8;
const POLLHUP = 16;

/** One poll in flight. */
class Polling implements Completion {
  readonly result: Promise<number>;
  readonly #engine: Engine;
  readonly #signal: AbortSignal | undefined;
  readonly #slot: number;
  readonly #abort = () => void this.#engine.cancel(this.#slot, this);
  #resolve: (result: number) => void = () => {};

  constructor(engine: Engine, fd: number, mask: number, signal: AbortSignal | undefined) {
    this.#engine = engine;
    this.#signal = signal;
    this.#slot = engine.submit(this, true, Op.POLL_ADD, fd, 0, 0, 0, 0, 0, mask);
    this.result = new Promise((resolve) => this.#resolve = resolve);
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  complete(result: number): void {
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#resolve(result);
  }
}
