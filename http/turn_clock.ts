// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";
import type { Flushable } from "../io/flush_list.ts";

const encoder = new TextEncoder();

/**
 * The time, read once a turn of the engine however many requests the turn answers, and the `date`
 * header that goes with it (RFC 9110 section 6.6.1).
 */
export class TurnClock implements Flushable {
  readonly #engine: Engine | null;
  #fresh = false;
  #nowMs = 0;
  #second = 0;
  #dateField: Uint8Array = new Uint8Array();
  #dateEnd: Uint8Array = new Uint8Array();

  /** Follows an engine's turns; without one the time is read whenever it is asked for. */
  constructor(engine: Engine | null) {
    this.#engine = engine;
  }

  /** Milliseconds since the isolate began. */
  get nowMs(): number {
    if (!this.#fresh) this.#read();
    return this.#nowMs;
  }

  /** `date: ...` with the end of its line, in ASCII. */
  get dateField(): Uint8Array {
    if (!this.#fresh) this.#read();
    return this.#dateField;
  }

  /** {@linkcode dateField} and the empty line that ends a head. */
  get dateEnd(): Uint8Array {
    if (!this.#fresh) this.#read();
    return this.#dateEnd;
  }

  /** The turn is over. */
  flush(): void {
    this.#fresh = false;
  }

  #read(): void {
    this.#nowMs = performance.now();
    const time = Date.now();
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#dateEnd = encoder.encode(`date: ${new Date(time).toUTCString()}\r\n\r\n`);
      this.#dateField = this.#dateEnd.subarray(0, -2);
    }
    if (this.#engine === null) return;
    this.#fresh = true;
    this.#engine.flushLater(this);
  }
}
