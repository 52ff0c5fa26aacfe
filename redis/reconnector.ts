// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { backoffMs } from "../thread/backoff.ts";
import { sleep } from "../thread/sleep.ts";
import type { Settings } from "./client_options.ts";
import type { Connection } from "./connection.ts";
import { openConnection } from "./handshake.ts";

/**
 * Makes a lost connection again.
 *
 * The wait before each attempt doubles, up to a bound, and is a random part of that: clients that
 * lost the same server do not come back at the same moment.
 */
export class Reconnector {
  readonly #settings: Settings;
  readonly #adopt: (connection: Connection) => void;
  readonly #stopping = new AbortController();
  #running = false;

  /** Hands every connection that it makes to `adopt`. */
  constructor(settings: Settings, adopt: (connection: Connection) => void) {
    this.#settings = settings;
    this.#adopt = adopt;
  }

  /** Aborted by {@linkcode stop}. */
  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Tries until there is a connection; rejects when it gives up. Does nothing while it tries. */
  async start(reason: unknown): Promise<void> {
    const { reconnect } = this.#settings;
    if (reconnect === null) throw reason;
    if (this.#running) return;
    this.#running = true;
    let last = reason;
    try {
      const { delayMs: firstMs, delayMsMax: mostMs } = reconnect;
      for (let attempt = 1; attempt <= reconnect.attemptsMax; attempt++) {
        const waitMs = backoffMs(attempt, { firstMs, mostMs, fixedShare: 0.5 });
        await sleep(waitMs, { signal: this.signal });
        const connection = await openConnection(this.#settings, this.signal).catch((error) => {
          last = error;
        });
        if (!connection) continue;
        this.#running = false;
        return this.#adopt(connection);
      }
      throw last;
    } catch (error) {
      if (!this.signal.aborted) throw error;
    } finally {
      this.#running = false;
    }
  }

  /** Tries no more. */
  stop(reason: unknown): void {
    this.#stopping.abort(reason);
  }
}
