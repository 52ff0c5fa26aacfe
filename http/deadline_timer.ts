// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Engine } from "../io/engine.ts";
import type { Timer } from "../io/timers.ts";

/** Shortest time between two sweeps: deadlines that lie closer together are met late by so much. */
const SWEEP_MS_MIN = 5;
/** `setTimeout` takes no more. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

/**
 * One timer for the deadlines of many: it sweeps when the nearest that it knows of has passed. A
 * deadline that is put off costs nothing: the sweep finds it later and looks again then.
 */
export class DeadlineTimer {
  readonly #engine: Engine | null;
  readonly #sweep: () => number;
  readonly #run = () => this.#swept();
  #atMs = Infinity;
  #timer: Timer | null = null;
  /** Deno's own, where there is no engine. */
  #timeout: ReturnType<typeof setTimeout> | null = null;

  /** `sweep` ends what is due and gives the nearest deadline that is left. */
  constructor(engine: Engine | null, sweep: () => number) {
    this.#engine = engine;
    this.#sweep = sweep;
  }

  /** Sees to it that a sweep comes at a deadline. */
  note(deadlineMs: number, nowMs: number): void {
    if (deadlineMs >= this.#atMs) return;
    this.stop();
    this.#atMs = deadlineMs;
    const delayMs = Math.min(Math.max(SWEEP_MS_MIN, deadlineMs - nowMs), TIMEOUT_MS_MAX);
    if (this.#engine !== null) {
      this.#timer = this.#engine.startTimer(delayMs, this.#run);
    } else {
      this.#timeout = setTimeout(this.#run, delayMs);
      Deno.unrefTimer(this.#timeout);
    }
  }

  /** Sweeps no more, until the next deadline is noted. */
  stop(): void {
    this.#atMs = Infinity;
    if (this.#timeout !== null) clearTimeout(this.#timeout);
    if (this.#timer !== null) this.#engine!.stopTimer(this.#timer);
    this.#timer = null;
    this.#timeout = null;
  }

  #swept(): void {
    this.#timer = null;
    this.#timeout = null;
    this.#atMs = Infinity;
    this.note(this.#sweep(), performance.now());
  }
}
