// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RedisClient } from "./client.ts";
import type { StreamEntry } from "./command_replies.ts";
import { ReplyError } from "./redis_error.ts";

/** Who reads which stream, and how. */
export interface ConsumeOptions {
  /** The stream. */
  readonly stream: string;
  /** The group, which is created when it is missing. */
  readonly group: string;
  /** Name of this consumer, different for each. */
  readonly consumer: string;
  /** Where a new group begins: `"0"` with what is there (the default), `"$"` with what is new. */
  readonly from?: string;
  /** Entries that one read gets: 64 by default. */
  readonly count?: number;
  /** Longest wait of one read in milliseconds: 5 000 by default. */
  readonly blockMs?: number;
  /** Entries that a consumer left undone for so long are taken over: 60 000 ms by default. */
  readonly claimIdleMs?: number;
  /** Ends the iteration. */
  readonly signal?: AbortSignal;
}

/**
 * The entries of a stream as one consumer of a group, for ever. An entry is acknowledged when the
 * loop asks for the next one; one whose turn ended with an error, or with leaving the loop, is not,
 * and is delivered again: first what this consumer left undone earlier, later what others did.
 *
 * @example Work on what comes
 * ```ts
 * import { connect, consume, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.xadd("jobs", "*", { job: "a" });
 * await client.xadd("jobs", "*", { job: "b" });
 * const options = { stream: "jobs", group: "workers", consumer: "w1" };
 * const seen: string[] = [];
 * for await (const { fields: [[, job]] } of consume(client, options)) {
 *   if (seen.push(job) === 2) break;
 * }
 * assertEquals(seen, ["a", "b"]);
 * ```
 */
export async function* consume(
  client: RedisClient,
  options: ConsumeOptions,
): AsyncGenerator<StreamEntry, undefined, undefined> {
  const { stream, group, signal } = options;
  await createGroup(client, options);
  const reader = new GroupReader(client, options);
  try {
    while (!signal?.aborted) {
      for (const entry of await reader.read()) {
        if (signal?.aborted) return;
        yield entry;
        await client.xack(stream, group, entry.id);
      }
    }
  } catch (error) {
    if (!signal?.aborted) throw error;
  }
}

async function createGroup(client: RedisClient, options: ConsumeOptions): Promise<void> {
  try {
    const { stream, group, from } = options;
    await client.xgroupCreate(stream, group, from ?? "0", { MKSTREAM: true });
  } catch (error) {
    if (!(error instanceof ReplyError) || error.code !== "BUSYGROUP") throw error;
  }
}

/** Reads in turns: what was left undone by this consumer, by others, and what is new. */
class GroupReader {
  readonly #client: RedisClient;
  readonly #options: ConsumeOptions;
  /** Id behind which this consumer's own undone entries are read; null when there are no more. */
  #own: string | null = "0";
  #claimCursor = "0-0";
  #claimedMs = -Infinity;

  constructor(client: RedisClient, options: ConsumeOptions) {
    this.#client = client;
    this.#options = options;
  }

  async read(): Promise<StreamEntry[]> {
    return await this.#readOwn() ?? await this.#claim() ?? await this.#readNew();
  }

  async #readOwn(): Promise<StreamEntry[] | undefined> {
    if (this.#own === null) return undefined;
    const { stream, group, consumer, count = 64 } = this.#options;
    const ids = this.#own;
    const reply = await this.#client.xreadgroup(group, consumer, stream, ids, { COUNT: count });
    const entries = reply?.[0]?.[1] ?? [];
    this.#own = entries.at(-1)?.id ?? null;
    return entries.length > 0 ? entries : undefined;
  }

  async #claim(): Promise<StreamEntry[] | undefined> {
    const { stream, group, consumer, count = 64, claimIdleMs = 60_000 } = this.#options;
    const nowMs = performance.now();
    if (this.#claimCursor === "0-0" && nowMs - this.#claimedMs < claimIdleMs / 2) return undefined;
    const { cursor, entries } = await this.#client.xautoclaim(
      ...[stream, group, consumer, claimIdleMs, this.#claimCursor] as const,
      { COUNT: count },
    );
    this.#claimCursor = cursor;
    this.#claimedMs = nowMs;
    return entries.length > 0 ? entries : undefined;
  }

  async #readNew(): Promise<StreamEntry[]> {
    const { stream, group, consumer, count = 64, blockMs = 5000, signal } = this.#options;
    const { claimIdleMs = 60_000 } = this.#options;
    const waitMs = Math.max(1, Math.min(blockMs, claimIdleMs));
    const reply = await this.#client.with({ signal })
      .xreadgroup(group, consumer, stream, ">", { COUNT: count, BLOCK: waitMs });
    return reply?.[0]?.[1] ?? [];
  }
}
