// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { StoredResponse } from "./cache_policy.ts";

/** Where responses are kept: the variants of one URL belong together. */
export interface ResponseStore {
  /** What is kept for a key; a use that keeps it from being the next to go. */
  get(key: string): Promise<readonly StoredResponse[]>;
  /** Replaces what is kept for a key; others go where there is no room. */
  set(key: string, responses: readonly StoredResponse[]): Promise<void>;
  /** Forgets a key. */
  delete(key: string): Promise<void>;
  /** Forgets all. */
  clear(): Promise<void>;
}

/** Bytes that an entry takes beside its content, about. */
const ENTRY_BYTES = 512;

/**
 * Keeps responses in memory, as many as a number of bytes allows; beyond, those go that were not
 * used for longest.
 *
 * @example A small one
 * ```ts
 * import { MemoryResponseStore } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 *
 * const store = new MemoryResponseStore({ bytesMax: 1_000_000 });
 * assertEquals(await store.get("http://localhost/"), []);
 * ```
 */
export class MemoryResponseStore implements ResponseStore {
  /** In the order of their last use. */
  readonly #entries = new Map<string, { responses: readonly StoredResponse[]; bytes: number }>();
  readonly #bytesMax: number;
  #bytes = 0;

  /** Keeps 64 MiB at most, unless told otherwise. */
  constructor({ bytesMax = 67_108_864 }: { bytesMax?: number } = {}) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What is kept for a key. */
  get(key: string): Promise<readonly StoredResponse[]> {
    const entry = this.#entries.get(key);
    if (entry === undefined) return Promise.resolve([]);
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return Promise.resolve(entry.responses);
  }

  /** Replaces what is kept for a key. */
  set(key: string, responses: readonly StoredResponse[]): Promise<void> {
    this.#remove(key);
    const bytes = responses.reduce((sum, response) => sum + sizeOf(response), 0);
    if (responses.length === 0 || bytes > this.#bytesMax) return Promise.resolve();
    this.#entries.set(key, { responses, bytes });
    this.#bytes += bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break;
      this.#remove(oldest);
    }
    return Promise.resolve();
  }

  /** Forgets a key. */
  delete(key: string): Promise<void> {
    this.#remove(key);
    return Promise.resolve();
  }

  /** Forgets all. */
  clear(): Promise<void> {
    this.#entries.clear();
    this.#bytes = 0;
    return Promise.resolve();
  }

  #remove(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }
}

function sizeOf({ url, headers, body }: StoredResponse): number {
  const fields = headers.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
  return ENTRY_BYTES + url.length + fields + body.length;
}
