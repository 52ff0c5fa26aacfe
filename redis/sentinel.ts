// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connect, type RedisClient } from "./client.ts";
import { type ClientOptions, settle } from "./client_options.ts";
import { defineCommand } from "./command_definition.ts";
import { readList, readText } from "./command_replies.ts";
import type { Connection } from "./connection.ts";
import type { Endpoint } from "./endpoint.ts";
import { openConnection } from "./handshake.ts";
import { isLoginRefused, keepOpen } from "./keep_open.ts";
import { Subscription } from "./subscriber.ts";

/** Where the sentinels are, and what they watch. */
export interface SentinelOptions
  extends Omit<ClientOptions, "hostname" | "port" | "path" | "resolve"> {
  /** The sentinels. */
  sentinels: readonly { hostname: string; port: number }[];
  /** The name by which they know the master. */
  master: string;
  /** How to log in at the sentinels. */
  sentinelCredentials?: { username?: string; password?: string };
  /** Longest time to ask one sentinel: 1 000 ms by default. */
  sentinelTimeoutMs?: number;
}

/**
 * Connects to the master that sentinels watch over, and follows it when another takes its place.
 *
 * @throws {Deno.errors.NotFound} when no sentinel knows the master
 *
 * @example Ask three of them
 * ```ts ignore
 * import { connectSentinel } from "@photon/std/redis";
 *
 * const sentinels = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]
 *   .map((hostname) => ({ hostname, port: 26379 }));
 * await using client = await connectSentinel({ sentinels, master: "main" });
 * await client.set("key", "value");
 * ```
 */
export async function connectSentinel(options: SentinelOptions): Promise<RedisClient> {
  const group = new SentinelGroup(options);
  const client = await connect({
    ...options,
    resolve: () => group.findMaster(),
    verify: checkMaster,
  });
  group.follow(client);
  return client;
}

const ROLE = defineCommand("ROLE", 1, "", []);
const GET_MASTER = defineCommand("SENTINEL GET-MASTER-ADDR-BY-NAME", 3, "", []);

/** A master that was replaced, and does not know it yet, is not taken for one for long. */
async function checkMaster(connection: Connection): Promise<void> {
  const [role] = readList(await connection.request({ definition: ROLE, args: [] }));
  if (readText(role!) === "master") return;
  throw new Deno.errors.ConnectionRefused("Cannot connect: the server is not the master any more");
}

/** The sentinels of one master. */
class SentinelGroup {
  readonly #options: SentinelOptions;
  /** The one that answered last is asked first. */
  #order: { hostname: string; port: number }[];
  /** Where the master was found last. */
  #found = "";

  constructor(options: SentinelOptions) {
    this.#options = options;
    this.#order = [...options.sentinels];
  }

  /** Where the master is, as the first sentinel says that answers. */
  async findMaster(): Promise<Endpoint> {
    const { master, tls } = this.#options;
    const causes: unknown[] = [];
    for (const sentinel of [...this.#order]) {
      try {
        const connection = await this.#open(sentinel);
        const reply = await connection.request({ definition: GET_MASTER, args: [master] })
          .finally(() => connection.close());
        if (reply === null) continue;
        this.#order = [sentinel, ...this.#order.filter((other) => other !== sentinel)];
        const [hostname, port] = readList(reply).map(readText);
        this.#found = `${hostname}:${port}`;
        const secure = tls === true ? {} : tls || undefined;
        return { hostname: hostname!, port: Number(port), tls: secure };
      } catch (error) {
        causes.push(error);
      }
    }
    throw new Deno.errors.NotFound(
      `Cannot find the master "${master}": none of ${this.#order.length} sentinels knows it`,
      { cause: causes },
    );
  }

  /** Makes the client connect again as soon as a sentinel tells of a new master. */
  follow(client: RedisClient): void {
    const closing = new AbortController();
    client.onClose(() => closing.abort());
    const connector = { openConnection: () => this.#openAny() };
    this.#listen(client, connector, closing.signal).catch(() => {});
  }

  async #listen(
    client: RedisClient,
    connector: { openConnection(): Promise<Connection> },
    signal: AbortSignal,
  ): Promise<void> {
    const subscription = new Subscription<string>({
      openConnection: () => keepOpen(connector, signal),
    }, {});
    signal.addEventListener("abort", () => subscription.close(), { once: true });
    await subscription.open();
    await subscription.add("+switch-master");
    for await (const { message } of subscription) {
      const [name, , , hostname, port] = message.split(" ");
      // The client may be there already.
      const isNews = `${hostname}:${port}` !== this.#found;
      if (name === this.#options.master && isNews) {
        client.reconnect(new Error("The master was replaced"));
      }
    }
  }

  async #openAny(): Promise<Connection> {
    let last: unknown;
    for (const sentinel of [...this.#order]) {
      try {
        return await this.#open(sentinel);
      } catch (error) {
        // That one of them refuses us says nothing of another, which may only be away.
        if (last === undefined || isLoginRefused(last)) last = error;
      }
    }
    throw last;
  }

  async #open(place: { hostname: string; port: number }): Promise<Connection> {
    const { sentinelCredentials, sentinelTimeoutMs = 1000 } = this.#options;
    const options = { ...place, ...sentinelCredentials, connectTimeoutMs: sentinelTimeoutMs };
    return await openConnection(settle({ ...options, protocol: 2 }));
  }
}
