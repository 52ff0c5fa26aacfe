// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Mutex } from "../thread/mutex.ts";
import type { Key, Many } from "./command_arguments.ts";
import { findCommand } from "./command_lookup.ts";
import { readText } from "./command_replies.ts";
import type { Connection } from "./connection.ts";
import { MessageQueue } from "./message_queue.ts";
import { keepOpen } from "./keep_open.ts";
import { ClientClosedError, ConnectionLostError, ReplyError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";

/** One message. */
export interface Message<S extends string | Uint8Array = string> {
  /** Where it was sent to. */
  readonly channel: string;
  /** What was sent. */
  readonly message: S;
  /** The pattern that matched, where patterns were subscribed to. */
  readonly pattern: string | undefined;
}

/** How to subscribe. */
export interface SubscribeOptions {
  /** Channels by name (the default), by patterns such as `news.*`, or of a cluster's shard. */
  kind?: "channel" | "pattern" | "shard";
  /** Messages that wait to be taken at most: 65 536 by default. */
  queueMax?: number;
  /** Called when a lost connection is there again: messages may be missing. */
  onGap?: () => void;
}

/** Whoever can open a connection: a client. */
export interface Connector {
  /** Opens one more connection. */
  openConnection(): Promise<Connection>;
}

/**
 * Subscribes to channels, on a connection of its own. Resolves when the server confirmed all.
 *
 * A lost connection is made again with its subscriptions. More than `queueMax` messages that nobody
 * takes end the iteration with {@linkcode QueueFullError}.
 *
 * @example Take the first message
 * ```ts
 * import { connect, startServer, subscribe } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await using news = await subscribe(client, "news");
 * await client.publish("news", "hello");
 * for await (const { message } of news) {
 *   assertEquals(message, "hello");
 *   break;
 * }
 * ```
 */
export function subscribe(
  client: Connector,
  channels: Many<Key>,
  options: SubscribeOptions & { asBytes: true },
): Promise<Subscription<Uint8Array>>;
/** Subscribes to channels whose messages are text. */
export function subscribe(
  client: Connector,
  channels: Many<Key>,
  options?: SubscribeOptions,
): Promise<Subscription<string>>;
export async function subscribe(
  client: Connector,
  channels: Many<Key>,
  options: SubscribeOptions & { asBytes?: boolean } = {},
): Promise<Subscription<string> | Subscription<Uint8Array>> {
  const subscription = new Subscription<string>(client, options);
  try {
    await subscription.open();
    await subscription.add(channels);
  } catch (error) {
    await subscription.close();
    throw error;
  }
  return subscription as Subscription<string> | Subscription<Uint8Array>;
}

// Data: the commands of each kind.
const COMMANDS = {
  channel: [findCommand("SUBSCRIBE"), findCommand("UNSUBSCRIBE")],
  pattern: [findCommand("PSUBSCRIBE"), findCommand("PUNSUBSCRIBE")],
  shard: [findCommand("SSUBSCRIBE"), findCommand("SUNSUBSCRIBE")],
} as const;

/**
 * The messages of channels, in order, for one `for await` loop. {@linkcode subscribe} makes it.
 *
 * @example More channels later
 * ```ts
 * import { connect, startServer, subscribe } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer();
 * await using client = await connect(server.url);
 * await using subscription = await subscribe(client, "a");
 * await subscription.add("b");
 * assertEquals(await client.publish("b", "hi"), 1);
 * ```
 */
export class Subscription<S extends string | Uint8Array = string>
  implements AsyncIterable<Message<S>>, AsyncDisposable {
  readonly #client: Connector;
  readonly #options: SubscribeOptions & { asBytes?: boolean };
  readonly #queue: MessageQueue<Message<S>>;
  readonly #channels = new Set<string>();
  /** One command at a time: a refusal names no channel, and takes with it all that wait. */
  readonly #sending = new Mutex();
  /** What its command waits for, by `subscribe news` and so on. */
  readonly #confirmations = new Map<string, PromiseWithResolvers<void>>();
  readonly #closing = new AbortController();
  #connection: Connection | null = null;
  /** Whether the next reply is to what was asked for again after a loss. */
  #isAnew = false;

  /** See {@linkcode subscribe}. */
  constructor(client: Connector, options: SubscribeOptions & { asBytes?: boolean }) {
    this.#client = client;
    this.#options = options;
    this.#queue = new MessageQueue("messages", options.queueMax);
  }

  /** Connects, for {@linkcode subscribe}. */
  async open(): Promise<void> {
    this.#adopt(await this.#client.openConnection());
  }

  /**
   * Subscribes to more channels.
   *
   * @throws {ReplyError} when the server refuses
   * @throws {ClientClosedError} when the subscription has ended
   */
  async add(channels: Many<Key>): Promise<void> {
    const names = namesOf(channels);
    const added = names.filter((name) => !this.#channels.has(name));
    for (const name of added) this.#channels.add(name);
    try {
      await this.#send(0, names);
    } catch (error) {
      if (error instanceof ReplyError) { for (const name of added) this.#channels.delete(name); }
      throw error;
    }
  }

  /** Ends the subscription to some channels. */
  async remove(channels: Many<Key>): Promise<void> {
    const names = namesOf(channels).filter((name) => this.#channels.delete(name));
    await this.#send(1, names);
  }

  /** Ends the iteration behind what has come. */
  close(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }

  /** Ends it. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The messages; leaving the loop does not end the subscription. */
  [Symbol.asyncIterator](): AsyncIterator<Message<S>, undefined> {
    return { next: () => this.#queue.next() };
  }

  /** Sends a command and waits until the server confirmed it for each name. */
  async #send(which: 0 | 1, names: readonly string[]): Promise<void> {
    if (names.length === 0) return;
    using _turn = await this.#sending.lock();
    if (this.#closing.signal.aborted) return which === 0 ? Promise.reject(endedError()) : undefined;
    const definition = COMMANDS[this.#options.kind ?? "channel"][which];
    const kind = definition.name.toLowerCase();
    const confirmed = Promise.all(names.map((name) => {
      const confirmation = Promise.withResolvers<void>();
      this.#confirmations.set(`${kind} ${name}`, confirmation);
      return confirmation.promise;
    }));
    // It may end while the command is still being written.
    confirmed.catch(() => {});
    // A connection that is lost now is made again, and confirms what is wanted then.
    await this.#connection?.post({ definition, args: names }).catch(() => {});
    await confirmed;
  }

  #adopt(connection: Connection): void {
    if (this.#closing.signal.aborted) return connection.close();
    this.#connection = connection;
    connection.strayAsBytes = this.#options.asBytes ?? false;
    connection.onPush = ({ items }) => this.#take(items);
    connection.onStray = (reply) => this.#take(reply);
    connection.onLost = () => this.#lost();
    if (connection.isClosed) this.#lost();
  }

  async #lost(): Promise<void> {
    this.#connection = null;
    if (this.#closing.signal.aborted) return;
    try {
      const connection = await keepOpen(this.#client, this.#closing.signal);
      this.#adopt(connection);
      const definition = COMMANDS[this.#options.kind ?? "channel"][0];
      this.#expectAnew(definition.name.toLowerCase());
      this.#isAnew = this.#channels.size > 0;
      if (this.#isAnew) await connection.post({ definition, args: [...this.#channels] });
      this.#tellGap();
    } catch (error) {
      // One that is lost at once is made again as well.
      if (!(error instanceof ConnectionLostError)) this.#end(error);
    }
  }

  #tellGap(): void {
    try {
      this.#options.onGap?.();
    } catch (error) {
      // It is not the subscription that failed.
      reportError(error);
    }
  }

  /** What was asked for on a lost connection: each channel that is still wanted confirms once. */
  #expectAnew(kind: string): void {
    for (const [key, { resolve }] of this.#confirmations) {
      if (key.startsWith(`${kind} `) && this.#channels.has(key.slice(kind.length + 1))) continue;
      this.#confirmations.delete(key);
      resolve();
    }
  }

  /** Ends the iteration, and tells who waits. */
  #end(error?: unknown): void {
    this.#closing.abort();
    this.#connection?.close();
    this.#queue.end(error);
    for (const [key, { resolve, reject }] of this.#confirmations) {
      UNSUBSCRIBES.test(key) ? resolve() : reject(error ?? endedError());
    }
    this.#confirmations.clear();
  }

  #take(reply: Reply): void {
    const isAnew = this.#isAnew;
    this.#isAnew = false;
    if (reply instanceof ReplyError) {
      if (isAnew) return this.#end(reply);
      for (const { reject } of this.#confirmations.values()) reject(reply);
      return this.#confirmations.clear();
    }
    if (!Array.isArray(reply)) return;
    const [kind, ...rest] = reply;
    const name = readText(kind!);
    if (name === "pmessage") {
      const [pattern, channel, message] = rest;
      this.#push(readText(channel!), message as S, readText(pattern!));
    } else if (name === "message" || name === "smessage") {
      this.#push(readText(rest[0]!), rest[1] as S, undefined);
    } else if (rest[0] !== null && rest[0] !== undefined) {
      this.#confirm(name, readText(rest[0]));
    }
  }

  #confirm(kind: string, channel: string): void {
    const key = `${kind} ${channel}`;
    const confirmation = this.#confirmations.get(key);
    this.#confirmations.delete(key);
    confirmation?.resolve();
    // Nobody asked for it: the slot of the channel has moved to another node.
    const isMoved = kind === "sunsubscribe" && !confirmation && this.#channels.has(channel);
    if (isMoved) this.#connection?.close();
  }

  #push(channel: string, message: S, pattern: string | undefined): void {
    if (!this.#queue.push({ channel, message, pattern })) this.close();
  }
}

function namesOf(channels: Many<Key>): string[] {
  // As the server gets and confirms them.
  const textOf = (name: Key) => readText(name).toWellFormed();
  return [...new Set((Array.isArray(channels) ? channels : [channels]).map(textOf))];
}

const UNSUBSCRIBES = /^.?unsubscribe /;

function endedError(): ClientClosedError {
  return new ClientClosedError("Cannot subscribe: the subscription has ended");
}
