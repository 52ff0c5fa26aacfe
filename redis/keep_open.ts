// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sleep } from "../thread/sleep.ts";
import type { Connection } from "./connection.ts";
import { ClientClosedError } from "./redis_error.ts";

const DELAY_MS = 20;
const DELAY_MS_MAX = 2000;

/** Opens a connection, again and again until it is there or the client is closed. */
export async function keepOpen(
  client: { openConnection(): Promise<Connection> },
  signal: AbortSignal,
): Promise<Connection> {
  for (let delayMs = DELAY_MS;; delayMs = Math.min(2 * delayMs, DELAY_MS_MAX)) {
    try {
      return await client.openConnection();
    } catch (error) {
      if (error instanceof ClientClosedError) throw error;
      await sleep(delayMs * (0.5 + Math.random() / 2), { signal });
    }
  }
}
