// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { CoroutineLocal } from "../thread/coroutine_local.ts";
import type { Deadline } from "../thread/deadline.ts";
import type { WaitOptions } from "../thread/waiter.ts";
import type { Metadata } from "./native_frame.ts";

/** Options of one call. */
export interface CallOptions extends WaitOptions {
  /**
   * Travels beside the request; 64 KiB at most. The photon framing has no place for it.
   *
   * @default {{}}
   */
  metadata?: Metadata;
  /** Gets what travels beside the reply. */
  onReplyMetadata?: (metadata: Metadata) => void;
}

/**
 * The deadline of the call that the running coroutine serves; calls that it makes have no more time
 * than that.
 */
const servedDeadline = new CoroutineLocal<Deadline | undefined>(() => undefined);
let served = 0;

/** Runs a handler whose own calls inherit a deadline. */
export function runWithDeadline<T>(deadline: Deadline, handler: () => T): T {
  served++;
  return servedDeadline.run(deadline, handler);
}

/** Milliseconds that a call may take, by its options and the call it is made for. */
export function callTimeMs(options: CallOptions | undefined): number {
  const ownMs = Math.min(
    options?.timeoutMs ?? Infinity,
    options?.deadline?.remainingMs ?? Infinity,
  );
  // To ask for the coroutine's value costs 0.1 us, which most programs need not pay.
  if (served === 0) return ownMs;
  return Math.min(ownMs, servedDeadline.get()?.remainingMs ?? Infinity);
}
