// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkCacheBounds, type ExpiringCacheOptions } from "./expiring_cache.ts";
import { SingleFlight } from "./single_flight.ts";
import { resultOf, spawn, type Task, type TaskFunction } from "./task.ts";
import type { WaitOptions } from "./waiter.ts";

/** Options of {@linkcode ObjectCache}. */
export interface ObjectCacheOptions<K, V> extends ExpiringCacheOptions {
  /** Milliseconds that an object is kept after its last reference was given back. */
  ttlMs: number;
  /**
   * Objects that exist at most, with those being made; one more takes the place of the one that
   * was not used for longest.
   */
  entriesMax: number;
  /** Disposes of an object that nobody refers to any more, in a task of its own. */
  dispose?: (value: V, key: K) => void | PromiseLike<void>;
  /**
   * Milliseconds after a failure in which the same error is given again without another attempt.
   *
   * @default {0}
   */
  cooldownMs?: number;
}

/**
 * Objects that are costly to make and to keep, such as connections: made once for all who ask at
 * the same time, shared while somebody refers to them, and disposed of some time after.
 *
 * @example Share a connection
 * ```ts
 * import { ObjectCache } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * const closed: string[] = [];
 * await using cache = new ObjectCache<string, { name: string }>({
 *   ttlMs: 1_000,
 *   entriesMax: 10,
 *   dispose: ({ name }) => void closed.push(name),
 * });
 * const open = () => ({ name: "db" });
 * {
 *   using one = await cache.acquire("db", open);
 *   using two = await cache.acquire("db", open);
 *   assertEquals(one.value, two.value);
 *   one.release({ discard: true });
 *   assertEquals(closed, []);
 * }
 * await cache.settled();
 * assertEquals(closed, ["db"]);
 * ```
 */
export class ObjectCache<K, V> implements AsyncDisposable {
  readonly #options: Required<Omit<ObjectCacheOptions<K, V>, "dispose">>;
  readonly #dispose: ObjectCacheOptions<K, V>["dispose"];
  readonly #entries = new Map<K, Entry<K, V>>();
  /** Those that nobody refers to, the one that was given back first in front. */
  readonly #idle = new Set<Entry<K, V>>();
  readonly #flights = new SingleFlight<K, Entry<K, V>>();
  /** At most as many as there may be objects. */
  readonly #failures = new Map<K, { readonly error: unknown; readonly untilMs: number }>();
  readonly #disposals = new Set<Promise<void>>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /**
   * An empty cache.
   *
   * @throws {RangeError} When the time is not above 0, or the bound not a whole number above 0
   */
  constructor(options: ObjectCacheOptions<K, V>) {
    checkCacheBounds(options);
    const { ttlMs, entriesMax, dispose, cooldownMs = 0 } = options;
    this.#options = { ttlMs, entriesMax, cooldownMs };
    this.#dispose = dispose;
  }

  /** Objects that can be had without making them. */
  get size(): number {
    return this.#entries.size;
  }

  /**
   * A reference to the object of a key, which is made if there is none.
   *
   * @param create Makes it, in a task of its own
   * @throws {Deno.errors.Busy} When as many objects as may exist are in use
   * @throws {Deno.errors.TimedOut} When the time is up
   * @throws {Deno.errors.BadResource} When the cache was disposed
   */
  async acquire(
    key: K,
    create: TaskFunction<V>,
    options?: WaitOptions,
  ): Promise<ObjectReference<V>> {
    for (;;) {
      if (this.#closed) {
        throw new Deno.errors.BadResource("Cannot acquire an object: its cache was disposed");
      }
      const entry = this.#entries.get(key) ??
        await this.#flights.run(key, (task) => this.#make(key, create, task), options);
      // It may have had to go while we were on our way.
      if (entry.isKept) return this.#refer(entry);
    }
  }

  /** Waits until the objects that had to go are disposed of. */
  async settled(): Promise<void> {
    while (this.#disposals.size > 0) await Promise.allSettled([...this.#disposals]);
  }

  /** Disposes of all objects: of those in use when they are given back. Waits for the others. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    for (const entry of [...this.#entries.values()]) this.#drop(entry);
    await this.settled();
  }

  async #make(
    key: K,
    create: TaskFunction<V>,
    task: Task<unknown>,
  ): Promise<Entry<K, V>> {
    const failure = this.#failures.get(key);
    if (failure && failure.untilMs > performance.now()) throw failure.error;
    this.#failures.delete(key);
    this.#makeRoom();
    try {
      const value = await create(task);
      const entry: Entry<K, V> = { key, value, references: 0, isKept: true, idleMs: 0 };
      this.#entries.set(key, entry);
      this.#rest(entry);
      if (this.#closed) this.#drop(entry);
      return entry;
    } catch (error) {
      // That nobody waits any more is no failure.
      if (!task.signal.aborted) this.#remember(key, error);
      throw error;
    }
  }

  /** The flight that makes the object is counted already. */
  #makeRoom(): void {
    while (this.#entries.size + this.#flights.size > this.#options.entriesMax) {
      const [oldest] = this.#idle;
      if (oldest === undefined) {
        const { entriesMax } = this.#options;
        throw new Deno.errors.Busy(`Cannot make an object: all ${entriesMax} are in use`);
      }
      this.#drop(oldest);
    }
  }

  #remember(key: K, error: unknown): void {
    const { cooldownMs, entriesMax } = this.#options;
    if (cooldownMs <= 0) return;
    if (this.#failures.size >= entriesMax) {
      for (const oldest of this.#failures.keys()) {
        this.#failures.delete(oldest);
        break;
      }
    }
    this.#failures.set(key, { error, untilMs: performance.now() + cooldownMs });
  }

  #refer(entry: Entry<K, V>): ObjectReference<V> {
    entry.references++;
    this.#idle.delete(entry);
    return new ObjectReference(entry.value, (discard) => {
      entry.references--;
      if (discard) this.#drop(entry);
      else if (entry.references === 0 && entry.isKept) this.#rest(entry);
      else if (entry.references === 0) this.#disposeOf(entry);
    });
  }

  /** Nobody refers to it: its time runs. */
  #rest(entry: Entry<K, V>): void {
    entry.idleMs = performance.now();
    this.#idle.add(entry);
    this.#arm();
  }

  /** Takes it out; it is disposed of now or when the last reference is given back. */
  #drop(entry: Entry<K, V>): void {
    this.#idle.delete(entry);
    entry.isKept = false;
    if (this.#entries.get(entry.key) === entry) this.#entries.delete(entry.key);
    if (entry.references === 0) this.#disposeOf(entry);
  }

  #disposeOf(entry: Entry<K, V>): void {
    if (this.#dispose === undefined) return;
    const task = spawn(() => this.#dispose!(entry.value, entry.key), { name: "object cache" });
    const over = resultOf(task).finally(() => this.#disposals.delete(over));
    this.#disposals.add(over);
  }

  /** A timer for the one that expires first, which keeps nothing alive. */
  #arm(): void {
    if (this.#timer !== undefined || this.#options.ttlMs === Infinity) return;
    const [oldest] = this.#idle;
    if (oldest === undefined) return;
    const leftMs = oldest.idleMs + this.#options.ttlMs - performance.now();
    this.#timer = setTimeout(() => this.#expire(), Math.min(Math.ceil(leftMs), TIMEOUT_MS_MAX));
    Deno.unrefTimer(this.#timer as unknown as number);
  }

  #expire(): void {
    this.#timer = undefined;
    const bornMs = performance.now() - this.#options.ttlMs;
    for (const entry of this.#idle) {
      if (entry.idleMs > bornMs) break;
      this.#drop(entry);
    }
    this.#arm();
  }
}

/** `setTimeout` takes a signed 32-bit number of milliseconds. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1;

interface Entry<K, V> {
  readonly key: K;
  readonly value: V;
  references: number;
  /** Whether it can be acquired. */
  isKept: boolean;
  /** Since when nobody refers to it. */
  idleMs: number;
}

/**
 * A reference to an object of an {@linkcode ObjectCache}; give it back with `using`, or with
 * {@linkcode release}.
 *
 * @example Give it back
 * ```ts
 * import { ObjectCache } from "@photon/std/thread";
 * import { assertEquals } from "@std/assert";
 *
 * await using cache = new ObjectCache<string, number>({ ttlMs: 1_000, entriesMax: 1 });
 * const reference = await cache.acquire("one", () => 1);
 * assertEquals(reference.value, 1);
 * reference.release();
 * ```
 */
export class ObjectReference<V> implements Disposable {
  /** The object; not to be used after the reference was given back. */
  readonly value: V;
  #giveBack: ((discard: boolean) => void) | undefined;

  /** Made by the cache. */
  constructor(value: V, giveBack: (discard: boolean) => void) {
    this.value = value;
    this.#giveBack = giveBack;
  }

  /**
   * Gives it back; nothing happens the second time. An object to `discard`, for it is broken, is
   * given to nobody else, and disposed of when all references are back.
   */
  release(options: { discard?: boolean } = {}): void {
    const giveBack = this.#giveBack;
    this.#giveBack = undefined;
    giveBack?.(options.discard ?? false);
  }

  /** Gives it back. */
  [Symbol.dispose](): void {
    this.release();
  }
}
