// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { SingleFlight } from "./single_flight.ts";
import type { Task, TaskFunction } from "./task.ts";
import type { WaitOptions } from "./waiter.ts";

/** Options of {@linkcode ExpiringCache}. */
export interface ExpiringCacheOptions {
  /** Milliseconds that a value is kept after it was set. */
  ttlMs: number;
  /** Values that are kept at most; one more drops the one that was not used for longest. */
  entriesMax: number;
}

/**
 * Values that are good for some time, made once for all who ask at the same time. There is no
 * timer: what has expired is dropped when it is asked for, or when room is needed.
 *
 * @example Remember an answer for a minute
 * ```ts
 * import { ExpiringCache } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const cache = new ExpiringCache<string, string>({ ttlMs: 60_000, entriesMax: 100 });
 * let made = 0;
 * const greet = () => `Hello ${++made}`;
 * assertEquals(await cache.getOrCreate("a", greet), "Hello 1");
 * assertEquals(await cache.getOrCreate("a", greet), "Hello 1");
 * assertEquals(cache.get("b"), undefined);
 * ```
 */
export class ExpiringCache<K, V> {
  readonly #ttlMs: number;
  readonly #entriesMax: number;
  /** In the order of use, the one that was not used for longest first. */
  readonly #entries = new Map<K, { readonly value: V; readonly expiresMs: number }>();
  readonly #flights = new SingleFlight<K, V>();
  /** What is being made and was not deleted since; as many as there are callers at most. */
  readonly #making = new Map<K, object>();

  /**
   * An empty cache.
   *
   * @throws {RangeError} When the time is not above 0, or the bound not a whole number above 0
   */
  constructor(options: ExpiringCacheOptions) {
    checkCacheBounds(options);
    this.#ttlMs = options.ttlMs;
    this.#entriesMax = options.entriesMax;
  }

  /** Values that are held, with those that have expired and were not asked for. */
  get size(): number {
    return this.#entries.size;
  }

  /** The value of a key, if there is one that has not expired. */
  get(key: K): V | undefined {
    return this.#find(key)?.value;
  }

  /** Whether there is a value that has not expired. */
  has(key: K): boolean {
    return this.#find(key) !== undefined;
  }

  /** Keeps a value; its time begins now. */
  set(key: K, value: V): void {
    this.#entries.delete(key);
    if (this.#entries.size >= this.#entriesMax) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { value, expiresMs: performance.now() + this.#ttlMs });
  }

  /** Drops a value, also one that is being made; says whether there was one. */
  delete(key: K): boolean {
    this.#flights.forget(key);
    this.#making.delete(key);
    return this.#entries.delete(key);
  }

  /** Drops all values, also those that are being made. */
  clear(): void {
    for (const key of [...this.#making.keys()]) this.delete(key);
    this.#entries.clear();
  }

  /**
   * The value of a key, made if there is none. An error is given to all who wait and is not kept.
   *
   * @param create Makes it, in a task of its own
   * @throws {Deno.errors.TimedOut} When the time is up
   */
  async getOrCreate(key: K, create: TaskFunction<V>, options?: WaitOptions): Promise<V> {
    const entry = this.#find(key);
    if (entry !== undefined) return entry.value;
    return await this.#flights.run(key, (task) => this.#make(key, create, task), options);
  }

  async #make(key: K, create: TaskFunction<V>, task: Task<unknown>): Promise<V> {
    const making = {};
    this.#making.set(key, making);
    try {
      const value = await create(task);
      if (this.#making.get(key) === making) this.set(key, value);
      return value;
    } finally {
      if (this.#making.get(key) === making) this.#making.delete(key);
    }
  }

  #find(key: K): { readonly value: V } | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.expiresMs <= performance.now()) return undefined;
    this.#entries.set(key, entry);
    return entry;
  }
}

/**
 * Refuses bounds that are none.
 *
 * @throws {RangeError} When the time is not above 0, or the bound not a whole number above 0
 */
export function checkCacheBounds({ ttlMs, entriesMax }: ExpiringCacheOptions): void {
  if (!(ttlMs > 0)) {
    throw new RangeError(`Cannot open a cache: ttlMs must be above 0, received ${ttlMs}`);
  }
  if (!Number.isInteger(entriesMax) || entriesMax < 1) {
    throw new RangeError(`Cannot open a cache: entriesMax must be from 1, received ${entriesMax}`);
  }
}
