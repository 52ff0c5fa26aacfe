// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connect, type RedisClient } from "./client.ts";
import type { ClientOptions } from "./client_options.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { ClientClosedError, ConnectionLostError } from "./redis_error.ts";
import type { Reply } from "./reply.ts";

/** What is meant for the cluster and not for its connections. */
interface NodeOptions extends ClientOptions {
  addressMap?: Readonly<Record<string, string>>;
}

/** The clients of the nodes of a cluster, one each, made when they are needed. */
export class ClusterNodes {
  readonly #seeds: readonly string[];
  readonly #options: ClientOptions;
  readonly #addressMap: Readonly<Record<string, string>>;
  readonly #clients = new Map<string, RedisClient>();
  readonly #opening = new Map<string, Promise<RedisClient>>();
  #closed = false;

  /** Opens nothing yet. */
  constructor(seeds: readonly string[], options: NodeOptions) {
    this.#seeds = seeds;
    const { addressMap = {}, ...rest } = options;
    this.#addressMap = addressMap;
    // What is lost is for the cluster to decide about; replicas answer reads when they are asked.
    const onConnect = [["READONLY"] as const, ...rest.onConnect ?? []];
    this.#options = { connectTimeoutMs: 2000, ...rest, reconnect: false, onConnect };
  }

  /** Whether {@linkcode close} was called. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** The client of a node, when there is one with a connection. */
  get(address: string): RedisClient | undefined {
    const client = this.#clients.get(address);
    return client?.isConnected ? client : undefined;
  }

  /** The client of a node, connected. */
  async open(address: string): Promise<RedisClient> {
    const client = this.get(address);
    if (client !== undefined) return client;
    const opening = this.#opening.get(address) ??
      this.#open(address).finally(() => this.#opening.delete(address));
    this.#opening.set(address, opening);
    return await opening;
  }

  /** Asks the nodes one after the other until one answers. */
  async askAny(definition: CommandDefinition): Promise<{ reply: Reply; host: string }> {
    let last: unknown = new ClientClosedError("Cannot ask: the cluster has no node");
    const known = [...this.#clients.keys()].filter((address) => this.get(address));
    for (const address of new Set([...shuffled(known), ...shuffled(this.#seeds)])) {
      try {
        const client = await this.open(address);
        const reply = await client.with({ timeoutMs: ASK_TIMEOUT_MS }).send<Reply>(definition, []);
        return { reply, host: split(address).hostname };
      } catch (error) {
        last = error;
      }
    }
    throw last;
  }

  /** Closes the clients of nodes that are gone. */
  keep(addresses: ReadonlySet<string>): void {
    for (const [address, client] of this.#clients) {
      if (addresses.has(address) || this.#seeds.includes(address)) continue;
      if (client.pending > 0) continue;
      this.#clients.delete(address);
      client.close();
    }
  }

  /** Waits for the answers of what was sent. */
  async drain(): Promise<void> {
    await Promise.all([...this.#clients.values()].map((client) => client[Symbol.asyncDispose]()));
  }

  /** Closes all. */
  close(): void {
    this.#closed = true;
    for (const client of this.#clients.values()) client.close();
    this.#clients.clear();
  }

  async #open(address: string): Promise<RedisClient> {
    if (this.#closed) throw new ClientClosedError("Cannot connect: the cluster client is closed");
    const place = split(this.#addressMap[address] ?? address);
    let client: RedisClient;
    try {
      client = await connect({ ...this.#options, ...place });
    } catch (error) {
      const what = `a command to ${address}`;
      throw new ConnectionLostError(what, "not sent", { cause: error });
    }
    if (this.#closed) {
      client.close();
      throw new ClientClosedError("Cannot connect: the cluster client is closed");
    }
    this.#clients.set(address, client);
    return client;
  }
}

const ASK_TIMEOUT_MS = 2000;

/** `host:port`; an IPv6 address has colons of its own. */
function split(address: string): { hostname: string; port: number } {
  const colon = address.lastIndexOf(":");
  const port = Number(address.slice(colon + 1));
  if (colon < 1 || !Number.isInteger(port)) {
    throw new TypeError(`Cannot connect: "${address}" is not host:port`);
  }
  return { hostname: address.slice(0, colon).replace(/^\[|\]$/g, ""), port };
}

function shuffled<T>(list: readonly T[]): T[] {
  return list.map((item) => ({ item, order: Math.random() }))
    .sort((left, right) => left.order - right.order).map(({ item }) => item);
}
