// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Runs something that gives up when a signal does, or after some time.
 *
 * @throws {DOMException} `TimeoutError` when it took longer
 */
export async function withTimeout<T>(
  milliseconds: number,
  signal: AbortSignal,
  run: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const abort = () => controller.abort(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  const timer = milliseconds === 0 ? undefined : setTimeout(() => {
    controller.abort(new DOMException("Signal timed out", "TimeoutError"));
  }, milliseconds);
  try {
    return await run(controller.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", abort);
  }
}
