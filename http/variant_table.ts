// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StoredResponse } from "./cache_policy.ts";
import type { ResponseStore } from "./response_store.ts";

/** Variants of one URL that are kept; the newest are. */
const VARIANTS_MAX = 8;
/** Invalidations that are remembered, for responses that were on their way then. */
const INVALIDATIONS_MAX = 1024;

/**
 * The variants of each URL in a store. Changes of one URL are made one after the other, and none
 * brings back what has been invalidated.
 */
export class VariantTable {
  /** Responses that were kept. */
  stored = 0;
  /** Changes that the store did not take. */
  storeErrors = 0;

  readonly #store: ResponseStore;
  readonly #changes = new Map<string, Promise<void>>();
  readonly #invalidatedMs = new Map<string, number>();

  /** Keeps them there. */
  constructor(store: ResponseStore) {
    this.#store = store;
  }

  /** The variants of a URL, newest first; none where the store fails. */
  async get(key: string): Promise<readonly StoredResponse[]> {
    try {
      return await this.#store.get(key);
    } catch {
      this.storeErrors++;
      return [];
    }
  }

  /** Adds a response, in place of the one that answers the same requests. */
  put(key: string, response: StoredResponse): Promise<void> {
    return this.#change(key, async () => {
      if (response.requestMs <= (this.#invalidatedMs.get(key) ?? -Infinity)) return;
      const same = JSON.stringify(response.vary);
      const others = (await this.#store.get(key)).filter(({ vary }) =>
        JSON.stringify(vary) !== same
      );
      await this.#store.set(key, [response, ...others].slice(0, VARIANTS_MAX));
      this.stored++;
    });
  }

  /** Forgets the variants of a URL, and those that were asked for until now. */
  invalidate(key: string, nowMs: number): Promise<void> {
    this.#invalidatedMs.delete(key);
    this.#invalidatedMs.set(key, nowMs);
    for (const oldest of this.#invalidatedMs.keys()) {
      if (this.#invalidatedMs.size <= INVALIDATIONS_MAX) break;
      this.#invalidatedMs.delete(oldest);
    }
    return this.#change(key, () => this.#store.delete(key));
  }

  /** Forgets all. */
  clear(): Promise<void> {
    return this.#store.clear();
  }

  #change(key: string, change: () => Promise<void>): Promise<void> {
    const changed = (this.#changes.get(key) ?? Promise.resolve()).then(change).catch(() => {
      this.storeErrors++;
    });
    this.#changes.set(key, changed);
    return changed.finally(() => {
      if (this.#changes.get(key) === changed) this.#changes.delete(key);
    });
  }
}
