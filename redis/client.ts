// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type ClientOptions, type Settings, settle } from "./client_options.ts";
import { Batch, Command, type ReadReply, type Request } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import type { CommandOptions } from "./command_sender.ts";
import { CommandView } from "./command_view.ts";
import { Commands } from "./commands.ts";
import type { Connection, Remains } from "./connection.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { findCommand } from "./command_lookup.ts";
import { openConnection } from "./handshake.ts";
import type { Key, Many } from "./command_arguments.ts";
import { Reconnector } from "./reconnector.ts";
import {
  ClientClosedError,
  ConnectionLostError,
  type Outcome,
  QueueFullError,
} from "./redis_error.ts";
import type { PushMessage, Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";
import { Session, watchKeys } from "./session.ts";
import { runTransaction, type Settled, type Transaction } from "./transaction.ts";

/**
 * Connects to a server. Afterwards a lost connection is made again by itself.
 *
 * @param target A URL ({@linkcode ClientOptions} says the same in parts):
 * `redis://user:password@host:6379/0`, `rediss://` with TLS, `redis+unix:///path`
 * @throws {Deno.errors.ConnectionRefused} when nothing listens there
 * @throws {ReplyError} when the server refuses user, password or database
 *
 * @example Set and get
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await client.set("greeting", "hello");
 * assertEquals(await client.get("greeting"), "hello");
 * ```
 */
export async function connect(
  target: string | ClientOptions,
  options?: ClientOptions,
): Promise<RedisClient> {
  const settings = settle(target, options);
  return new RedisClient(settings, await openConnection(settings));
}

/**
 * A client: one connection that everybody shares, with commands of one turn in one write, and a
 * pool of others for those who would hold it up.
 *
 * - Commands wait while the connection is lost (`offlineQueue`, bounded by `queueMax`).
 * - A command that had left when the connection was lost is sent again when it changes nothing;
 *   any other rejects with {@linkcode ConnectionLostError} and the outcome `"unknown"`.
 * - Blocking commands go to a connection of their own, where they hold up nobody.
 *
 * @example Many at once
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * const counts = await Promise.all([client.incr("n"), client.incr("n"), client.incr("n")]);
 * assertEquals(counts, [1, 2, 3]);
 * ```
 */
export class RedisClient extends Commands<string> implements Disposable, AsyncDisposable {
  /** Connections of their own for blocking commands and transactions. */
  readonly pool: ConnectionPool;

  readonly #settings: Settings;
  readonly #reconnector: Reconnector;
  #connection: Connection | null = null;
  #offline: Command[] = [];
  #closed: ClientClosedError | null = null;
  #pushHandlers: ((message: PushMessage) => void)[] = [];
  #connectHandlers: (() => void)[] = [];
  #lostHandlers: (() => void)[] = [];
  readonly #closeHandlers: (() => void)[] = [];
  #protocol: 2 | 3 = 3;

  /** Takes over a connection; {@linkcode connect} makes both. */
  constructor(settings: Settings, connection: Connection) {
    super();
    this.#settings = settings;
    this.pool = new ConnectionPool((signal) => this.openConnection(signal), settings.poolMax);
    this.#reconnector = new Reconnector(settings, (next) => this.#adopt(next));
    this.#adopt(connection);
  }

  /** Whether there is a connection right now. */
  get isConnected(): boolean {
    return this.#connection !== null;
  }

  /** Whether it was closed, or gave up. */
  get isClosed(): boolean {
    return this.#closed !== null;
  }

  /** Version of the protocol that the connection speaks, or the last one did. */
  get protocol(): 2 | 3 {
    return this.#protocol;
  }

  /** Commands that have no answer yet. */
  get pending(): number {
    return (this.#connection?.pending ?? 0) + this.#offline.length;
  }

  /** Sends a command; see {@linkcode Commands} for all of them. */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes = false,
  ): Promise<T> {
    // A limit for all commands is not meant for those that are to wait.
    if (definition.isBlocking) {
      return this.with({ timeoutMs: 0 }).send(definition, args, read, asBytes);
    }
    if (this.#settings.timeoutMs > 0) {
      return this.with({}).send(definition, args, read, asBytes);
    }
    return new Promise((resolve, reject) => {
      this.submit(new Command(definition, args, asBytes, read, resolve, reject));
    });
  }

  /** The same commands, given up by a signal or a time limit, or with bytes for strings. */
  with(options: CommandOptions & { asBytes: true }): CommandView<Uint8Array>;
  /** The same commands, given up by a signal or a time limit, or with bytes for strings. */
  with(options: CommandOptions): CommandView<string>;
  with(options: CommandOptions): CommandView<string> | CommandView<Uint8Array> {
    const view = new CommandView(this, { timeoutMs: this.#settings.timeoutMs, ...options });
    return view as CommandView<string> | CommandView<Uint8Array>;
  }

  /** Sends requests with nothing in between; gives all replies, errors among them. */
  batch(requests: readonly Request[], asBytes = false): Promise<Reply[]> {
    return new Promise((resolve, reject) => {
      this.submit(new Batch(requests, asBytes, resolve, reject));
    });
  }

  /** Puts a command on its way, or rejects it when too many wait. */
  submit(command: Command): void {
    const connection = this.#connection;
    if (command.isExclusive) command.reject(exclusive(command));
    else if (connection !== null && connection.waiting < this.#settings.queueMax) {
      connection.send(command);
    } else this.#queue(command);
  }

  /**
   * Sends commands as one transaction (`MULTI`, `EXEC`): nothing comes between them.
   *
   * @param body Calls commands on what it is given, without waiting for them, and returns their
   * promises
   * @returns Their values; rejects with the error of the first one that failed, and then the others
   * were executed all the same
   *
   * @example Two at once
   * ```ts
   * import { connect, startServer } from "@photon/std/redis";
   * import { assertEquals } from "@std/assert";
   *
   * await using server = await startServer();
   * await using client = await connect(server.url);
   * const both = await client.transaction((t) => [t.set("a", 1), t.incr("a")]);
   * assertEquals(both, ["OK", 2]);
   * ```
   */
  transaction<T extends readonly unknown[]>(
    body: (transaction: Transaction) => readonly [...T],
  ): Promise<Settled<T>> {
    return runTransaction((requests, asBytes) => this.batch(requests, asBytes), body);
  }

  /**
   * Watches keys on a connection of its own while `body` reads them and decides. When one of them
   * is changed by another, the body's transaction does nothing, and the body runs again.
   *
   * @param attemptsMax Runs of the body at most
   * @throws {WatchError} when the keys changed each time
   */
  watching<T>(
    keys: Many<Key>,
    body: (session: Session) => Promise<T>,
    attemptsMax = WATCH_ATTEMPTS,
  ): Promise<T> {
    return watchKeys(this.pool, keys, body, attemptsMax);
  }

  /** Lends a connection of its own to `body`, for whatever a shared one refuses; then closes it. */
  async session<T>(body: (session: Session) => Promise<T>): Promise<T> {
    const connection = await this.openConnection();
    try {
      return await body(new Session(connection));
    } finally {
      connection.close();
    }
  }

  /** Itself: there is but one server. */
  clientOf(): this {
    return this;
  }

  /**
   * Opens one more connection to the same server, for one user; who opens it closes it.
   *
   * @param signal Gives up
   */
  async openConnection(signal?: AbortSignal): Promise<Connection> {
    if (this.#closed !== null) throw this.#closed;
    const { signal: closing } = this.#reconnector;
    const either = signal === undefined ? closing : AbortSignal.any([closing, signal]);
    return await openConnection(this.#settings, either);
  }

  /**
   * Calls back with what the server says by itself on the shared connection, until undone. What a
   * handler throws, here and below, is reported as an uncaught error.
   */
  onPush(handler: (message: PushMessage) => void): () => void {
    this.#pushHandlers = [...this.#pushHandlers, handler];
    return () => {
      this.#pushHandlers = this.#pushHandlers.filter((other) => other !== handler);
    };
  }

  /** Calls back when a lost connection is there again, before any command is sent on it. */
  onReconnect(handler: () => void): () => void {
    this.#connectHandlers = [...this.#connectHandlers, handler];
    return () => {
      this.#connectHandlers = this.#connectHandlers.filter((other) => other !== handler);
    };
  }

  /** Calls back when the connection is lost, until undone. */
  onLost(handler: () => void): () => void {
    this.#lostHandlers = [...this.#lostHandlers, handler];
    return () => {
      this.#lostHandlers = this.#lostHandlers.filter((other) => other !== handler);
    };
  }

  /** Calls back once, when the client is closed or gives up. */
  onClose(handler: () => void): void {
    this.#closeHandlers.push(handler);
  }

  /** Closes the connection as if it were lost: it is made again, perhaps elsewhere. */
  reconnect(reason: unknown): void {
    this.#connection?.close(reason);
  }

  /** Closes at once; whatever waits is rejected. */
  close(): void {
    this.#end(new ClientClosedError("Cannot go on: the client was closed"));
  }

  /** Closes at once. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Waits for the answers of what was sent before, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    // The last one to be answered is the last one that was sent.
    if (this.#connection !== null && this.pending > 0) {
      await this.send(PING, []).catch(() => {});
    }
    this.close();
  }

  #adopt(connection: Connection): void {
    if (this.#closed !== null) return connection.close();
    this.#connection = connection;
    this.#protocol = connection.protocol;
    connection.onPush = (message) => {
      callAll(this.#pushHandlers, message);
    };
    connection.onLost = (remains) => this.#lost(remains);
    if (connection.isClosed) return this.#lost({ reason: GONE, sent: [], unsent: [] });
    callAll(this.#connectHandlers, undefined);
    // One of them may have closed it.
    if (connection.isClosed) return;
    const waiting = this.#offline;
    this.#offline = [];
    for (const command of waiting) connection.send(command);
  }

  #lost({ reason, sent, unsent }: Remains): void {
    this.#connection = null;
    callAll(this.#lostHandlers, undefined);
    if (this.#closed !== null || this.#settings.reconnect === null) {
      const closed = this.#closed ??
        new ClientClosedError("Cannot go on: the connection was lost", { cause: reason });
      rejectLost(sent, "unknown", reason);
      for (const command of unsent) command.reject(closed);
      return this.#end(closed);
    }
    const again = sent.filter((command) => command.isReplayable);
    rejectLost(sent.filter((command) => !command.isReplayable), "unknown", reason);
    if (this.#settings.offlineQueue) this.#offline = [...this.#offline, ...again, ...unsent];
    else {
      rejectLost(again, "unknown", reason);
      rejectLost(unsent, "not sent", reason);
    }
    this.#reconnector.start(reason).catch((error) => {
      this.#end(new ClientClosedError("Cannot go on: gave up connecting again", { cause: error }));
    });
  }

  #queue(command: Command): void {
    const { name } = command.definition;
    const { offlineQueue, queueMax } = this.#settings;
    if (this.#closed !== null) command.reject(this.#closed);
    else if (this.#connection !== null || this.#offline.length >= queueMax) {
      command.reject(new QueueFullError(`Cannot send ${name}: ${queueMax} commands wait already`));
    } else if (!offlineQueue) command.reject(new ConnectionLostError(name, "not sent"));
    else this.#offline.push(command);
  }

  #end(reason: ClientClosedError): void {
    if (this.#closed !== null) return;
    this.#closed = reason;
    callAll(this.#closeHandlers.splice(0), undefined);
    this.#reconnector.stop(reason);
    this.pool.close();
    this.#connection?.close(reason);
    for (const command of this.#offline.splice(0)) command.reject(reason);
  }
}

/** Calls handlers; what one throws is reported as uncaught, and is no matter to the others. */
function callAll<T>(handlers: readonly ((value: T) => void)[], value: T): void {
  for (const handler of handlers) {
    try {
      handler(value);
    } catch (error) {
      reportError(error);
    }
  }
}

function rejectLost(commands: readonly Command[], outcome: Outcome, cause: unknown): void {
  for (const command of commands) {
    command.reject(new ConnectionLostError(command.definition.name, outcome, { cause }));
  }
}

/** Runs of the body of {@linkcode RedisClient.watching}. */
const WATCH_ATTEMPTS = 16;

function exclusive({ definition: { name } }: Command): TypeError {
  return new TypeError(
    `Cannot send ${name} on a connection that others share: use session(), or what this module ` +
      "has for it",
  );
}

/** Why a connection is given up that was lost before anybody had it. */
const GONE = new Deno.errors.ConnectionReset("Cannot go on: the connection was lost at once");

const PING = findCommand("PING");
