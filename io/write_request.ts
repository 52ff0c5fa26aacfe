// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Who sends on a descriptor in the sender's stead, see `Sender.borrow`. */
export interface SendBorrower {
  /** The stream was closed: ends what is in flight, then gives back. */
  withdraw(reason: unknown): void;
}

/** A write that waits for room in the queue. */
export interface WriteRequest {
  /** What is still to be queued; none is empty, unless it was detached. */
  readonly pieces: Uint8Array[];
  /** Answered when all is queued, rather than with the first bytes. */
  readonly whole: boolean;
  /** Bytes that are queued. */
  queuedBytes: number;
  /** Answers it. */
  readonly resolve: (count: number) => void;
  /** Ends it. */
  readonly reject: (reason: unknown) => void;
  /** Set when it is the sending itself that is waited for. */
  readonly borrower: SendBorrower | null;
}

/**
 * Takes a write out of those that wait when its signal aborts.
 *
 * @param promise Settled when the write is over, however it ended
 * @param nobodyWaits Called when it was the only one
 */
export function withdrawOnAbort(
  request: WriteRequest,
  waiting: WriteRequest[],
  signal: AbortSignal,
  promise: Promise<unknown>,
  nobodyWaits: () => void,
): void {
  const abort = () => {
    const index = waiting.indexOf(request);
    if (index < 0) return;
    waiting.splice(index, 1);
    request.reject(signal.reason);
    if (waiting.length === 0) nobodyWaits();
  };
  const done = () => signal.removeEventListener("abort", abort);
  signal.addEventListener("abort", abort, { once: true });
  promise.then(done, done);
}
