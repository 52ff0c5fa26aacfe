// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Errno } from "../ffi/errno.ts";

/**
 * Adds what was being done to the message of the kernel's refusal, as Deno does: a read knows no
 * path.
 *
 * @param action For the message: `readfile '/tmp/a'`
 * @returns The error, to be thrown by the caller
 */
export function withAction(error: unknown, action: string): unknown {
  // A `DOMException`, as signals have one for a reason, has a code as well, which is a number.
  const isRefusal = error instanceof Error && "code" in error && typeof error.code === "string";
  if (isRefusal && !error.message.includes(action)) error.message += `: ${action}`;
  return error;
}

/** What Deno refuses before the kernel would. */
export function invalidInput(message: string): TypeError & { code: string } {
  return Object.assign(new TypeError(message), { code: INVALID });
}

const INVALID: keyof typeof Errno = "EINVAL";
