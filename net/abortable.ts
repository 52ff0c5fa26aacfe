// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Stops waiting for a promise once the signal is aborted; what it stands for goes on.
 *
 * @throws {unknown} the signal's reason, or what the promise rejects with
 */
export async function abortable<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  if (!signal) return await promise;
  if (signal.aborted) {
    // It may still reject, which then is nobody's concern.
    promise.catch(() => {});
    throw signal.reason;
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
