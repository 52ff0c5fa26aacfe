// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { setLinger } from "../ffi/socket_option.ts";
import type { Engine } from "./engine.ts";
import { type FdKind, Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";
import type { Timer } from "./timers.ts";

/** How long a closed stream goes on sending what was written before it is given up. */
export const CLOSE_FLUSH_MS = 5000;

/**
 * A byte stream over one descriptor, on the ring: the owner of the descriptor.
 *
 * It closes the descriptor once nothing is in flight on it, so that its number cannot be taken by
 * another file while the kernel still works on it.
 */
export class FdStream {
  /** The descriptor; it must not be closed by others. */
  readonly fd: number;
  /** The reading half. */
  readonly receiver: Receiver;
  /** The writing half. */
  readonly sender: Sender;

  /** Bulk sends of so many bytes and more go without a copy; Infinity for none. */
  zeroCopyBytesMin = Infinity;

  readonly #engine: Engine;
  readonly #kind: FdKind;
  #closed = false;
  #released = false;
  #giveUp: Timer | null = null;

  /** Takes over a descriptor. */
  constructor(engine: Engine, fd: number, kind: FdKind) {
    this.#engine = engine;
    this.fd = fd;
    this.#kind = kind;
    const quiet = () => this.#release();
    this.receiver = new Receiver(engine, fd, kind, quiet);
    this.sender = new Sender(engine, fd, kind, quiet);
  }

  /** Whether {@linkcode close} was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Closes: waiting reads and writes reject with `Interrupted`, bytes written before still leave
   * (for {@linkcode CLOSE_FLUSH_MS} at most), then the descriptor is closed. A peer that is given
   * up on reads a reset and not the end of the stream, as it lacks bytes.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // Most often nobody waits, and an error with its stack costs as much as a message.
    const awaited = this.receiver.awaited || this.sender.awaited;
    const reason = awaited ? new Deno.errors.Interrupted("operation canceled") : null;
    this.receiver.close(reason);
    this.sender.close(reason);
    if (this.sender.busy) {
      this.#giveUp = this.#engine.startTimer(CLOSE_FLUSH_MS, () => this.#abort());
    }
    this.#release();
  }

  #abort(): void {
    if (this.#kind === "socket") setLinger(this.fd, 0);
    this.sender.discard();
  }

  #release(): void {
    if (!this.#closed || this.#released || this.receiver.busy || this.sender.busy) return;
    this.#released = true;
    if (this.#giveUp) this.#engine.stopTimer(this.#giveUp);
    this.#engine.closeDescriptor(this.fd);
  }
}
