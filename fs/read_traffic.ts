// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { DirectBudget } from "../io/direct_budget.ts";

/** Reads that come together from which on a batch costs less than calls one by one. */
const READS_OF_BATCH = 4;

/**
 * How many reads go through the ring together: what decides whether the next one goes there too, or
 * is made in place. A read alone is answered sooner in place (1.1 us, and no turn of the engine);
 * of many, each costs less through the ring, as the system call is shared.
 */
export class ReadTraffic {
  readonly #rounds: DirectBudget;
  #round = 0;
  #count = 0;
  #last = 0;

  /** Counts in the rounds of an engine. */
  constructor(rounds: DirectBudget) {
    this.#rounds = rounds;
  }

  /** Whether reads came in batches of late. */
  get isDense(): boolean {
    return this.#last >= READS_OF_BATCH || this.#count >= READS_OF_BATCH;
  }

  /** A read through the ring is over. */
  note(): void {
    const { round } = this.#rounds;
    if (round !== this.#round) {
      this.#last = this.#count;
      this.#count = 0;
      this.#round = round;
    }
    this.#count++;
  }
}
