// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sleep } from "../thread/sleep.ts";
import type { Connection } from "./connection.ts";
import { ClientClosedError, ReplyError } from "./redis_error.ts";

const DELAY_MS = 20;
const DELAY_MS_MAX = 2000;

/**
 * Opens a connection, again and again until it is there or the client is closed.
 *
 * @throws {ReplyError} when the server refuses user or password: it would do so again
 */
export async function keepOpen(
  client: { openConnection(): Promise<Connection> },
  signal: AbortSignal,
): Promise<Connection> {
  for (let delayMs = DELAY_MS;; delayMs = Math.min(2 * delayMs, DELAY_MS_MAX)) {
    try {
      return await client.openConnection();
    } catch (error) {
      if (error instanceof ClientClosedError || isLoginRefused(error)) throw error;
      await sleep(delayMs * (0.5 + Math.random() / 2), { signal });
    }
  }
}

// Data: what a server says to a wrong user or password, to none, and to a user that may do nothing.
const REFUSALS = new Set(["WRONGPASS", "NOAUTH", "NOPERM"]);

/** Whether a server refused user or password. */
export function isLoginRefused(error: unknown): boolean {
  return error instanceof ReplyError &&
    // The text is that of servers before 6.0, which have no word for it.
    (REFUSALS.has(error.code) || error.message === "ERR invalid password");
}
