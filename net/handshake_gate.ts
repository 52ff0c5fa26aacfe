// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { openEngine } from "../io/engine_info.ts";
import type { Completion } from "../io/slot_table.ts";

/** Steps of handshakes in one round of the engine, about a millisecond's worth. */
export const HANDSHAKES_PER_ROUND = 4;

/**
 * Lets so many handshakes go on in each round of the engine, in order, so that a flood of them
 * cannot starve the connections that are established: a signature costs as much as hundreds of
 * messages.
 *
 * A round begins with the completion of an entry that does nothing: behind completions the engine
 * runs the code that waited for them, so that the steps of one round are made before the next one.
 */
export class HandshakeGate implements Completion {
  readonly #waiting: (() => void)[] = [];
  #left = HANDSHAKES_PER_ROUND;
  #armed = false;

  /** Undefined when a step may be made now; else a promise for when it may. */
  enter(): Promise<void> | undefined {
    if (!this.#armed) this.#arm();
    if (this.#left > 0 && this.#waiting.length === 0) {
      this.#left--;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** A round begins. */
  complete(): void {
    this.#armed = false;
    this.#left = HANDSHAKES_PER_ROUND;
    const waiting = this.#waiting.splice(0, this.#left);
    if (waiting.length === 0) return;
    this.#left -= waiting.length;
    this.#arm();
    for (const resolve of waiting) resolve();
  }

  #arm(): void {
    openEngine().submit(this, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
    this.#armed = true;
  }
}

/** The gate of this isolate. */
export const handshakeGate: HandshakeGate = new HandshakeGate();
