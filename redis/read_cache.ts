// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RedisClient } from "./client.ts";
import type { ReadReply } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { keysOf } from "./command_keys.ts";
import { readList, readText } from "./command_replies.ts";
import { Commands } from "./commands.ts";
import type { PushMessage } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";

/** Settings of {@linkcode cacheReads}. */
export interface ReadCacheOptions {
  /** Replies that are kept at most, the least recently used go first: 10 000 by default. */
  entriesMax?: number;
}

/**
 * Keeps replies on this side until the server says that a key of theirs was changed
 * (`CLIENT TRACKING`). Reading what is kept costs no round trip. Needs RESP3, and a client of its
 * own is best: everything that the client reads is tracked.
 *
 * After a change by somebody else the old reply may be given for as long as the server's message
 * takes; a lost connection empties the cache.
 *
 * @throws {TypeError} when the connection speaks RESP2
 *
 * @example Read twice, ask once
 * ```ts
 * import { cacheReads, connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.set("key", "value");
 * using cache = await cacheReads(client);
 * await cache.get("key");
 * assertEquals(await cache.get("key"), "value");
 * assertEquals([cache.hits, cache.misses], [1, 1]);
 * ```
 */
export async function cacheReads(
  client: RedisClient,
  options: ReadCacheOptions = {},
): Promise<ReadCache> {
  if (client.protocol !== 3) throw new TypeError("Cannot cache reads: the connection speaks RESP2");
  const cache = new ReadCache(client, options.entriesMax ?? 10_000);
  try {
    await cache.track();
    return cache;
  } catch (error) {
    cache[Symbol.dispose]();
    throw error;
  }
}

interface Entry {
  readonly value: Promise<unknown>;
  readonly keys: readonly string[];
}

/**
 * Commands whose replies are kept; made by {@linkcode cacheReads}.
 *
 * @example What is kept
 * ```ts
 * import { cacheReads, connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * using cache = await cacheReads(client, { entriesMax: 1 });
 * await cache.get("a");
 * await cache.get("b");
 * assertEquals(cache.size, 1);
 * ```
 */
export class ReadCache extends Commands<string> implements Disposable {
  /** Reads that were answered from the cache. */
  hits = 0;
  /** Reads that were not. */
  misses = 0;

  readonly #client: RedisClient;
  readonly #entriesMax: number;
  /** In the order of use, the least recent first. */
  readonly #entries = new Map<string, Entry>();
  /** Which entries a key is part of. */
  readonly #byKey = new Map<string, Set<string>>();
  readonly #undo: (() => void)[];
  /** Whether the server tells of changes; where it does not, nothing is kept. */
  #isTracked = false;

  /** Listens to the client, for {@linkcode cacheReads}. */
  constructor(client: RedisClient, entriesMax: number) {
    super();
    this.#client = client;
    this.#entriesMax = entriesMax;
    const others = sharing.get(client) ?? new Set();
    sharing.set(client, others.add(this));
    this.#undo = [
      client.onPush((message) => this.#invalidate(message)),
      client.onLost(() => this.#forget()),
      client.onReconnect(() => {
        this.#forget();
        this.track().catch(() => {});
      }),
    ];
  }

  /**
   * Has the server tell of changes, for {@linkcode cacheReads}. After a loss it is asked again;
   * where it refuses then, every read goes to it.
   */
  async track(): Promise<void> {
    await this.#client.clientTracking("ON");
    this.#isTracked = true;
  }

  /** Replies that are kept. */
  get size(): number {
    return this.#entries.size;
  }

  /** Forgets all. */
  clear(): void {
    this.#entries.clear();
    this.#byKey.clear();
  }

  /** Ends the tracking, unless another cache of the client needs it. */
  [Symbol.dispose](): void {
    const others = sharing.get(this.#client)!;
    if (!others.delete(this)) return;
    for (const undo of this.#undo) undo();
    this.#forget();
    if (others.size > 0 || this.#client.isClosed) return;
    this.#client.clientTracking("OFF").catch(() => {});
  }

  /** Answers reads from the cache; everything else, and what changes by itself, is asked for. */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes = false,
  ): Promise<T> {
    const isKept = definition.isReplayable && !CHANGING.has(definition.name);
    const keys = isKept ? keysOf(definition, args).map(readText) : [];
    if (keys.length === 0 || !this.#isTracked || !this.#client.isConnected) {
      return this.#client.send(definition, args, read, asBytes);
    }
    const id = idOf(definition, args, asBytes);
    const entry = this.#entries.get(id);
    if (entry !== undefined) {
      this.hits++;
      this.#entries.delete(id);
      this.#entries.set(id, entry);
      return entry.value.then(copyOf) as Promise<T>;
    }
    this.misses++;
    const value = this.#client.send(definition, args, read, asBytes);
    this.#keep(id, { value, keys });
    return value.then(copyOf);
  }

  #forget(): void {
    this.#isTracked = false;
    this.clear();
  }

  /** It is kept at once: a change that is told before the reply comes drops it again. */
  #keep(id: string, entry: Entry): void {
    this.#entries.set(id, entry);
    for (const key of entry.keys) {
      const ids = this.#byKey.get(key) ?? new Set();
      ids.add(id);
      this.#byKey.set(key, ids);
    }
    entry.value.catch(() => this.#entries.get(id) === entry && this.#drop(id));
    if (this.#entries.size > this.#entriesMax) this.#drop(this.#entries.keys().next().value!);
  }

  #drop(id: string): void {
    for (const key of this.#entries.get(id)?.keys ?? []) {
      const ids = this.#byKey.get(key);
      ids?.delete(id);
      if (ids?.size === 0) this.#byKey.delete(key);
    }
    this.#entries.delete(id);
  }

  #invalidate(message: PushMessage): void {
    if (message.kind !== "invalidate") return;
    const keys = message.items[1];
    // Null: the server forgot what it tracked, as after FLUSHALL.
    if (keys === null || keys === undefined) return this.clear();
    for (const key of readList(keys).map(readText)) {
      for (const id of [...this.#byKey.get(key) ?? []]) this.#drop(id);
    }
  }
}

/** The caches that the tracking of a client is for. */
const sharing = new WeakMap<RedisClient, Set<ReadCache>>();

// Data: reads whose replies change though their keys do not: by chance, as time passes, or with
// what they read beside them.
const CHANGING = new Set([
  ...["HRANDFIELD", "SRANDMEMBER", "VRANDMEMBER", "ZRANDMEMBER"],
  ...["TTL", "PTTL", "HTTL", "HPTTL", "OBJECT FREQ", "OBJECT IDLETIME", "TOUCH"],
  ...["EVAL_RO", "EVALSHA_RO", "FCALL_RO", "SORT_RO"],
  ...["XINFO CONSUMERS", "XINFO GROUPS", "XINFO STREAM", "XPENDING"],
]);

function idOf(definition: CommandDefinition, args: readonly Argument[], asBytes: boolean): string {
  const words = args.map((word) => word instanceof Uint8Array ? `b${word.toHex()}` : `s${word}`);
  return JSON.stringify([definition.name, asBytes, ...words]);
}

/** Whoever changes what it was given must not change what others get. */
function copyOf<T>(value: T): T {
  return typeof value === "object" && value !== null ? structuredClone(value) : value;
}
