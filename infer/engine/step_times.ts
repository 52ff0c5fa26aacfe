// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Where the time of a step goes, in microseconds. */
export interface StepTimes {
  /** Choosing what the step works on, and packing it. */
  prepareUs: number;
  /** In the call that starts it. */
  submitUs: number;
  /** Until the device is done with the step that is read; 0 where it was done before. */
  waitUs: number;
  /** Taking what was chosen: text, ends, messages. */
  readUs: number;
  /** What the device took, where it can tell. */
  deviceUs: number;
}

/** Measures the parts of steps, one after the other. */
export class StepClock {
  /** Of all steps so far. */
  readonly total: StepTimes = noTimes();
  #step = noTimes();
  #at = 0;

  /** The step begins. */
  begin(): void {
    this.#step = noTimes();
    this.#at = performance.now();
  }

  /** What has happened since the last call was this. */
  lap(part: keyof StepTimes): void {
    const now = performance.now();
    this.add(part, 1000 * (now - this.#at));
    this.#at = now;
  }

  /** Adds what was measured elsewhere. */
  add(part: keyof StepTimes, us: number): void {
    this.#step[part] += us;
    this.total[part] += us;
  }

  /** The times of the step. */
  get step(): StepTimes {
    return this.#step;
  }
}

function noTimes(): StepTimes {
  return { prepareUs: 0, submitUs: 0, waitUs: 0, readUs: 0, deviceUs: 0 };
}
