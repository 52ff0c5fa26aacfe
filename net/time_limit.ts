// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";

/** The calls that a time limit can end. */
type LimitedCall = "read" | "peek" | "write";

/**
 * Gives a call a time limit, next to the signal that it may have.
 *
 * @param timeoutMs The limit; 0 for none
 * @param what The call, for the message of `Deno.errors.TimedOut`
 * @param start Starts the call, which is to be given up when its signal says so
 */
export async function within<T>(
  timeoutMs: number,
  what: LimitedCall,
  options: { signal?: AbortSignal | undefined } | undefined,
  start: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (timeoutMs === 0) return await start(options?.signal);
  const deadline = new AbortController();
  const stop = startTimer(timeoutMs, () => deadline.abort(timedOut(what, timeoutMs)));
  const signal = options?.signal
    ? AbortSignal.any([options.signal, deadline.signal])
    : deadline.signal;
  try {
    return await start(signal);
  } finally {
    stop();
  }
}

/** A time limit for a call of many steps, which begins anew with each of them. */
export class IdleLimit implements Disposable {
  /** Aborts when a step took too long, or with the signal of the caller. */
  readonly signal: AbortSignal;

  readonly #timeoutMs: number;
  readonly #what: LimitedCall;
  readonly #deadline = new AbortController();
  #stop: () => void = () => {};

  /** Begins with {@linkcode restart}; a limit of 0 is none. */
  constructor(timeoutMs: number, what: LimitedCall, signal: AbortSignal | undefined) {
    this.#timeoutMs = timeoutMs;
    this.#what = what;
    const { signal: deadline } = this.#deadline;
    this.signal = signal ? AbortSignal.any([signal, deadline]) : deadline;
  }

  /** A step begins. */
  restart(): void {
    this.#stop();
    if (this.#timeoutMs === 0) return;
    this.#stop = startTimer(
      this.#timeoutMs,
      () => this.#deadline.abort(timedOut(this.#what, this.#timeoutMs)),
    );
  }

  /** Stops the clock. */
  [Symbol.dispose](): void {
    this.#stop();
  }
}

function timedOut(what: LimitedCall, timeoutMs: number): Deno.errors.TimedOut {
  return new Deno.errors.TimedOut(`Cannot ${what}: nothing moved for ${timeoutMs} ms`);
}
