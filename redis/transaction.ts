// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ReadReply, Request } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { findCommand } from "./command_lookup.ts";
import { readText } from "./command_replies.ts";
import { Commands } from "./commands.ts";
import { ReplyError, WatchError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";

/** The values of the promises of a transaction. */
export type Settled<T extends readonly unknown[]> = { -readonly [K in keyof T]: Awaited<T[K]> };

/** Sends requests with nothing in between. */
export type SendBatch = (requests: readonly Request[], asBytes: boolean) => Promise<Reply[]>;

/**
 * Collects the commands of a transaction; each promise is settled after `EXEC`.
 *
 * @example What a body is given
 * ```ts
 * import { connect, startServer, type Transaction } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const push = (t: Transaction) => [t.rpush("list", "a"), t.llen("list")] as const;
 * assertEquals(await client.transaction(push), [1, 1]);
 * ```
 */
export class Transaction extends Commands<string> {
  readonly #entries: Entry[] = [];
  #isSent = false;

  /**
   * Adds a command.
   *
   * @throws {TypeError} for one that has no place in a transaction; nothing is sent then
   */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes = false,
  ): Promise<T> {
    if (this.#isSent) {
      return Promise.reject(
        new TypeError(`Cannot add ${definition.name}: the transaction was sent`),
      );
    }
    if (definition.isExclusive) {
      throw new TypeError(`Cannot send ${definition.name} in a transaction`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    // Who waits for all of them learns the reason; one that nobody waits for is no accident.
    promise.catch(() => {});
    const settle = (reply: Reply) => resolve(read === undefined ? reply as T : read(reply));
    this.#entries.push({ definition, args, asBytes, settle, reject });
    return promise;
  }

  /** Takes what was added; nothing can be added any more. */
  take(): readonly Entry[] {
    this.#isSent = true;
    return this.#entries;
  }
}

/** A command of a transaction. */
export interface Entry extends Request {
  /** Strings of its reply as bytes. */
  readonly asBytes: boolean;
  /** Told of its reply. */
  readonly settle: (reply: Reply) => void;
  /** Told why there is none. */
  readonly reject: (reason: unknown) => void;
}

/** Runs the body of a transaction, sends what it added, and settles its promises. */
export async function runTransaction<T extends readonly unknown[]>(
  batch: SendBatch,
  body: (transaction: Transaction) => readonly [...T],
): Promise<Settled<T>> {
  const transaction = new Transaction();
  const promises = body(transaction);
  const entries = transaction.take();
  if (entries.length > 0) {
    const asBytes = entries.some((entry) => entry.asBytes);
    try {
      const requests = [{ definition: MULTI, args: [] }, ...entries, {
        definition: EXEC,
        args: [],
      }];
      settleAll(entries, await batch(requests, asBytes), asBytes);
    } catch (error) {
      for (const entry of entries) entry.reject(error);
      throw error;
    }
  }
  return await Promise.all(promises) as Settled<T>;
}

const MULTI = findCommand("MULTI");
const EXEC = findCommand("EXEC");

/** @throws what kept the transaction from being executed */
function settleAll(entries: readonly Entry[], replies: readonly Reply[], asBytes: boolean): void {
  const outcome = replies.at(-1)!;
  if (outcome instanceof ReplyError) {
    // A command that the server refused to queue is the cause.
    const cause = replies.slice(0, -1).find((reply) => reply instanceof ReplyError);
    if (cause !== undefined) outcome.cause = cause;
    throw outcome;
  }
  if (outcome === null) {
    throw new WatchError("Cannot commit: a watched key was changed by another");
  }
  for (const [index, entry] of entries.entries()) {
    const reply = (outcome as Reply[])[index]!;
    if (reply instanceof ReplyError) {
      reply.command = entry.definition.name;
      entry.reject(reply);
      continue;
    }
    try {
      entry.settle(asBytes && !entry.asBytes ? toText(reply) : reply);
    } catch (error) {
      entry.reject(error);
    }
  }
}

/** Bytes as text, wherever they are: the whole batch was decoded as bytes for one of them. */
function toText(reply: Reply): Reply {
  if (reply instanceof Uint8Array) return readText(reply);
  if (Array.isArray(reply)) return reply.map(toText);
  if (reply instanceof Map) {
    return new Map([...reply].map(([name, value]) => [toText(name), toText(value)]));
  }
  return reply instanceof Set ? new Set([...reply].map(toText)) : reply;
}
