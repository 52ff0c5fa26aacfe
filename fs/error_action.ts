// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Adds what was being done to the message of the kernel's refusal, as Deno does: a read knows no
 * path.
 *
 * @param action For the message: `readfile '/tmp/a'`
 * @returns The error, to be thrown by the caller
 */
export function withAction(error: unknown, action: string): unknown {
  if (error instanceof Error && "code" in error && !error.message.includes(action)) {
    error.message += `: ${action}`;
  }
  return error;
}
