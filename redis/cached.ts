// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RedisClient } from "./client.ts";
import { acquireLock } from "./lock.ts";

/** How a value is kept. */
export interface CachedOptions {
  /** How long it is good, in milliseconds. */
  readonly ttlMs: number;
  /** Longest wait for another process that makes it: 10 000 ms by default. */
  readonly waitMs?: number;
}

/**
 * A value that is expensive to make, as JSON: read from the server, or made by one of all those who
 * ask at the same time while the others wait for it.
 *
 * @param make Makes the value; what JSON cannot say is lost
 *
 * @example Made once
 * ```ts
 * import { cached, connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * let made = 0;
 * const get = () => cached(client, "sum", { ttlMs: 60_000 }, () => ({ sum: ++made }));
 * assertEquals(await Promise.all([get(), get(), get()]), [{ sum: 1 }, { sum: 1 }, { sum: 1 }]);
 * ```
 */
export async function cached<T>(
  client: RedisClient,
  key: string,
  options: CachedOptions,
  make: () => T | Promise<T>,
): Promise<T> {
  const found = await client.get(key);
  if (found !== null) return JSON.parse(found);
  await using _lock = await acquireLock(client, `cached:${key}`, {
    waitMs: options.waitMs ?? 10_000,
  });
  const foundLater = await client.get(key);
  if (foundLater !== null) return JSON.parse(foundLater);
  const value = await make();
  await client.set(key, JSON.stringify(value), { PX: Math.max(1, Math.round(options.ttlMs)) });
  return value;
}
