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

/**
 * Refuses what is no response that can be sent.
 *
 * @throws {TypeError} in the words of `Deno.serve`
 */
export function checkResponse(response: unknown): asserts response is Response {
  if (!(response instanceof Response)) {
    throw new TypeError(
      "Return value from serve handler must be a response or a promise resolving to a response",
    );
  }
  if (!isGenuine(response)) {
    throw new TypeError(
      "Return value from serve handler must be a Response constructed via the Response " +
        "constructor in this realm",
    );
  }
  if (response.type === "error") {
    throw new TypeError(
      "Return value from serve handler must not be an error response (like Response.error())",
    );
  }
  if (response.bodyUsed) {
    throw new TypeError(
      "The body of the Response returned from the serve handler has already been consumed",
    );
  }
}

/** Whether an object with the prototype of `Response` is one. */
function isGenuine(response: Response): boolean {
  try {
    return typeof response.status === "number";
  } catch {
    return false;
  }
}
