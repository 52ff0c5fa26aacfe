// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { DIRECT_BYTES_MIN } from "../io/direct_budget.ts";

/** What the system call of a read takes, in microseconds. */
const CALL_US = 1;
/** Bytes in a microsecond, until it was measured. */
const PACE_FIRST = 8192;
/** No memory copies faster: a clock that stood still does not count. */
const PACE_MAX = 65_536;
/** Reads of which one is measured: asking for the time twice costs a fiftieth of 256 KiB. */
const READS_PER_MEASURE = 32;

/**
 * How fast large reads out of memory are, by which a round of the engine allows so many of them:
 * machines, and hours of a machine that is shared, differ by a factor of ten.
 */
export class ReadPace {
  #bytesPerUs = PACE_FIRST;
  #untilMeasure = 0;

  /** What a read of so many bytes is going to take, in microseconds. */
  expectedUs(byteLength: number): number {
    return CALL_US + byteLength / this.#bytesPerUs;
  }

  /** Reads, and now and then takes the time of it. */
  read(call: () => number): number {
    if (this.#untilMeasure-- > 0) return call();
    this.#untilMeasure = READS_PER_MEASURE;
    const start = performance.now();
    const count = call();
    const us = (performance.now() - start) * 1000;
    // The few bytes at an end tell nothing.
    if (count >= DIRECT_BYTES_MIN) this.#bytesPerUs = Math.min(count / us, PACE_MAX);
    return count;
  }
}
