// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Whether a handler takes its time. */
export function isPromise(value: unknown): value is Promise<Response> {
  return value instanceof Promise || !(value instanceof Response) &&
      typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** A response that nobody gets: its stream is told. */
export function discard(response: unknown): void {
  if (!(response instanceof Response)) return;
  const { body } = response;
  if (body !== null && !body.locked) body.cancel().catch(() => {});
}

/** For an answer in place of a failed one that failed as well. */
export function unrecoverable(): Response {
  return new Response("Internal Server Error", { status: 500 });
}
