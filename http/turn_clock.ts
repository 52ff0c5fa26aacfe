// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";

const encoder = new TextEncoder();

/**
 * The time, read once a round of the engine however many requests it answers, and the `date` header
 * that goes with it (RFC 9110 section 6.6.1).
 */
export class TurnClock {
  readonly #engine: Engine | null;
  #round = -1;
  #nowMs = 0;
  #second = 0;
  #dateField: Uint8Array = new Uint8Array();
  #dateEnd: Uint8Array = new Uint8Array();

  /** Follows an engine's rounds; without one the time is read whenever it is asked for. */
  constructor(engine: Engine | null) {
    this.#engine = engine;
  }

  /** Milliseconds since the isolate began. */
  get nowMs(): number {
    this.#refresh();
    return this.#nowMs;
  }

  /** `date: ...` with the end of its line, in ASCII. */
  get dateField(): Uint8Array {
    this.#refresh();
    return this.#dateField;
  }

  /** {@linkcode dateField} and the empty line that ends a head. */
  get dateEnd(): Uint8Array {
    this.#refresh();
    return this.#dateEnd;
  }

  #refresh(): void {
    const engine = this.#engine;
    if (engine !== null) {
      const { round } = engine.direct;
      if (round === this.#round) return;
      this.#round = round;
    }
    this.#nowMs = performance.now();
    const time = performance.timeOrigin + this.#nowMs;
    const second = Math.floor(time / 1000);
    if (second !== this.#second) this.#setDate(second);
  }

  #setDate(second: number): void {
    this.#second = second;
    // The machine's clock may have been set since the isolate began.
    const date = new Date().toUTCString();
    this.#dateEnd = encoder.encode(`date: ${date}\r\n\r\n`);
    this.#dateField = this.#dateEnd.subarray(0, -2);
  }
}
