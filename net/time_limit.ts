// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";

/**
 * Gives a call a time limit, next to the signal that it may have.
 *
 * @param timeoutMs The limit; 0 for none
 * @param what The call, for the message of `Deno.errors.TimedOut`
 * @param start Starts the call, which is to be given up when its signal says so
 */
export async function within<T>(
  timeoutMs: number,
  what: "read" | "peek" | "write",
  options: { signal?: AbortSignal | undefined } | undefined,
  start: (signal: AbortSignal | undefined) => Promise<T>,
): Promise<T> {
  if (timeoutMs === 0) return await start(options?.signal);
  const deadline = new AbortController();
  const stop = startTimer(timeoutMs, () => {
    deadline.abort(new Deno.errors.TimedOut(`Cannot ${what}: nothing moved for ${timeoutMs} ms`));
  });
  const signal = options?.signal
    ? AbortSignal.any([options.signal, deadline.signal])
    : deadline.signal;
  try {
    return await start(signal);
  } finally {
    stop();
  }
}
