// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type Alarm, clearAlarm, setAlarm } from "../thread/alarm.ts";

/** When to ask a silent peer for a sign of life. */
export interface KeepAliveOptions {
  /**
   * Milliseconds without a byte after which it is asked; Infinity for never.
   *
   * @default {30000}
   */
  idleMs?: number;
  /**
   * Milliseconds that it has to answer.
   *
   * @default {10000}
   */
  answerMs?: number;
}

/** A connection that is watched. */
export interface Watched {
  /** Whether it is over. */
  readonly ended: boolean;
  /** When bytes last came in, on the clock of `performance.now()`. */
  readonly lastReadMs: number;
}

/** What is done about a silent peer. */
export interface SilenceHandler {
  /** Asks for a sign of life. */
  ask(): void;
  /** It gave none. */
  dead(): void;
}

/**
 * Finds connections whose other end is gone without a word, as after a power cut: one alarm for
 * each, set anew when it rings, so that traffic costs nothing.
 */
export class KeepAlive {
  readonly #watched: Watched;
  readonly #handler: SilenceHandler;
  readonly #idleMs: number;
  readonly #answerMs: number;
  #alarm: Alarm | undefined;
  #askedMs = -1;

  /** Begins to watch. */
  constructor(watched: Watched, handler: SilenceHandler, options: KeepAliveOptions = {}) {
    this.#watched = watched;
    this.#handler = handler;
    this.#idleMs = options.idleMs ?? 30_000;
    this.#answerMs = options.answerMs ?? 10_000;
    if (this.#idleMs < Infinity) this.#sleep(this.#idleMs);
  }

  /** Watches no more. */
  stop(): void {
    if (this.#alarm !== undefined) clearAlarm(this.#alarm);
    this.#alarm = undefined;
  }

  #sleep(delayMs: number): void {
    this.#alarm = setAlarm(performance.now() + delayMs, () => this.#look());
  }

  #look(): void {
    const { ended, lastReadMs } = this.#watched;
    if (ended) return;
    const silentMs = performance.now() - lastReadMs;
    if (silentMs < this.#idleMs) return this.#sleep(this.#idleMs - silentMs);
    if (this.#askedMs < lastReadMs) {
      this.#askedMs = performance.now();
      this.#handler.ask();
      return this.#sleep(this.#answerMs);
    }
    this.#alarm = undefined;
    this.#handler.dead();
  }
}
