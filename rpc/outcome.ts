// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Makes a call, and tells once when it is over and how: at once, when its promise is settled, or at
 * the end of its stream.
 *
 * @param over Gets the error of a call that failed
 * @param run Runs each step of a stream, as in a context of its own
 */
export function whenOver(
  call: () => unknown,
  over: (error?: unknown) => void,
  run: Run = (step) => step(),
): unknown {
  const failed = (error: unknown) => over(error ?? new Error("Thrown without a value"));
  let result: unknown;
  try {
    result = run(call);
  } catch (error) {
    failed(error);
    throw error;
  }
  if (isAsyncIterable(result)) return followed(result, over, failed, run);
  if (!(result instanceof Promise)) {
    over();
    return result;
  }
  // An interceptor may give a promise of a stream.
  return result.then((value) => {
    if (isAsyncIterable(value)) return followed(value, over, failed, run);
    over();
    return value;
  }, (error) => {
    failed(error);
    throw error;
  });
}

/** Runs a step, as in a context. */
export type Run = <T>(step: () => T) => T;

function followed(
  stream: AsyncIterable<unknown>,
  over: () => void,
  failed: (error: unknown) => void,
  run: Run,
): AsyncIterableIterator<unknown> {
  const iterator = run(() => stream[Symbol.asyncIterator]());
  let told = false;
  const tell = (how: () => void) => {
    if (!told) how();
    told = true;
  };
  return {
    async next() {
      try {
        const result = await run(() => iterator.next());
        if (result.done) tell(over);
        return result;
      } catch (error) {
        tell(() => failed(error));
        throw error;
      }
    },
    async return() {
      tell(over);
      await run(() => iterator.return?.());
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
