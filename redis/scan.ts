// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Key } from "./command_arguments.ts";
import type { Commands } from "./commands.ts";

/** Which items, and how many the server looks at in a step. */
export interface StepOptions {
  /** A pattern such as `user:*`. */
  MATCH?: string | undefined;
  /** Items that the server looks at in one step; 10 by default. */
  COUNT?: number | undefined;
}

/**
 * All keys, step by step, without holding up the server. A key that is there all the time is given
 * at least once; one may come twice.
 *
 * @example Count the users
 * ```ts
 * import { connect, scanKeys, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.mset({ "user:1": "ann", "user:2": "bob", other: "x" });
 * const keys = await Array.fromAsync(scanKeys(client, { MATCH: "user:*" }));
 * assertEquals(keys.sort(), ["user:1", "user:2"]);
 * ```
 */
export function scanKeys<S extends string | Uint8Array>(
  commands: Commands<S>,
  options: StepOptions & { TYPE?: string | undefined } = {},
): AsyncGenerator<S, undefined, undefined> {
  return all((cursor) => commands.scan(cursor, options));
}

/**
 * All fields of a hash with their values, step by step.
 *
 * @example Read a hash
 * ```ts
 * import { connect, scanHash, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.hset("hash", { a: 1 });
 * assertEquals(await Array.fromAsync(scanHash(client, "hash")), [["a", "1"]]);
 * ```
 */
export function scanHash<S extends string | Uint8Array>(
  commands: Commands<S>,
  key: Key,
  options: StepOptions = {},
): AsyncGenerator<[field: S, value: S], undefined, undefined> {
  return all((cursor) => commands.hscan(key, cursor, options));
}

/**
 * All members of a set, step by step.
 *
 * @example Read a set
 * ```ts
 * import { connect, scanSet, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.sadd("set", "a");
 * assertEquals(await Array.fromAsync(scanSet(client, "set")), ["a"]);
 * ```
 */
export function scanSet<S extends string | Uint8Array>(
  commands: Commands<S>,
  key: Key,
  options: StepOptions = {},
): AsyncGenerator<S, undefined, undefined> {
  return all((cursor) => commands.sscan(key, cursor, options));
}

/**
 * All members of a sorted set with their scores, step by step.
 *
 * @example Read a sorted set
 * ```ts
 * import { connect, scanSortedSet, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.zadd("race", [[1.5, "ann"]]);
 * assertEquals(await Array.fromAsync(scanSortedSet(client, "race")), [["ann", 1.5]]);
 * ```
 */
export function scanSortedSet<S extends string | Uint8Array>(
  commands: Commands<S>,
  key: Key,
  options: StepOptions = {},
): AsyncGenerator<[member: S, score: number], undefined, undefined> {
  return all((cursor) => commands.zscan(key, cursor, options));
}

async function* all<T>(
  step: (cursor: string) => Promise<[cursor: string, items: T[]]>,
): AsyncGenerator<T, undefined, undefined> {
  let cursor = "0";
  do {
    const [next, items] = await step(cursor);
    yield* items;
    cursor = next;
  } while (cursor !== "0");
}
