// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Command, type ReadReply } from "./command.ts";
import type { Key, Many } from "./command_arguments.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { Commands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { WatchError } from "./redis_error.ts";
import type { Argument } from "./request_encoder.ts";
import { runTransaction, type Settled, type Transaction } from "./transaction.ts";

/**
 * Commands on a connection that nobody else uses.
 *
 * @example Another database for a while
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.session(async (session) => {
 *   await session.select(3);
 *   await session.set("key", "value");
 * });
 * assertEquals(await client.exists("key"), 0);
 * ```
 */
export class Session extends Commands<string> {
  readonly #connection: Connection;
  #hasChanged = false;

  /** Sends on a connection. */
  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  /** Whether the connection may not be what it was: on another database, of another user. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** Sends a command. */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes = false,
  ): Promise<T> {
    const { name, isWithoutReply } = definition;
    if (isWithoutReply) {
      const reason = `Cannot send ${name} in a session: use subscribe() or monitor()`;
      return Promise.reject(new TypeError(reason));
    }
    if (changesConnection(definition)) this.#hasChanged = true;
    return new Promise((resolve, reject) => {
      this.#connection.send(new Command(definition, args, asBytes, read, resolve, reject));
    });
  }

  /** Sends commands as one transaction, which does nothing when a watched key was changed. */
  transaction<T extends readonly unknown[]>(
    body: (transaction: Transaction) => readonly [...T],
  ): Promise<Settled<T>> {
    return runTransaction((requests, asBytes) => this.#connection.batch(requests, asBytes), body);
  }
}

/** Runs `body` while keys are watched, again as long as another changes them. */
export async function watchKeys<T>(
  pool: ConnectionPool,
  keys: Many<Key>,
  body: (session: Session) => Promise<T>,
  attemptsMax: number,
): Promise<T> {
  for (let attempt = 1;; attempt++) {
    try {
      return await pool.use(async (connection) => {
        const session = new Session(connection);
        await session.watch(keys);
        const value = await body(session);
        // The body may have decided to change nothing.
        await session.unwatch();
        // Whoever is lent it next would be on another database.
        if (session.hasChanged) connection.close();
        return value;
      });
    } catch (error) {
      if (!(error instanceof WatchError) || attempt >= attemptsMax) throw error;
    }
  }
}

function changesConnection({ name, isExclusive }: CommandDefinition): boolean {
  const isUndone = name === "WATCH" || name === "UNWATCH";
  return isExclusive && !isUndone || name.startsWith("CLIENT ");
}
