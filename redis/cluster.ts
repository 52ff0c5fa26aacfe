// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sleep } from "../thread/sleep.ts";
import type { RedisClient } from "./client.ts";
import type { ClientOptions } from "./client_options.ts";
import { fanOut, sendToAll } from "./cluster_fan_out.ts";
import { ClusterNodes } from "./cluster_nodes.ts";
import { Topology } from "./cluster_topology.ts";
import { Command, type ReadReply } from "./command.ts";
import type { CommandDefinition } from "./command_definition.ts";
import { keysOf } from "./command_keys.ts";
import { findCommand } from "./command_lookup.ts";
import type { CommandOptions } from "./command_sender.ts";
import { CommandView } from "./command_view.ts";
import { Commands } from "./commands.ts";
import type { Connection } from "./connection.ts";
import {
  ClientClosedError,
  ConnectionLostError,
  QueueFullError,
  ReplyError,
} from "./redis_error.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";
import { slotOf } from "./slot.ts";
import type { Connector } from "./subscriber.ts";

/** What a cluster client is told, beside what is meant for each of its connections. */
export interface ClusterOptions extends Omit<ClientOptions, "path" | "database" | "resolve"> {
  /** Who answers commands that change nothing: the master (the default), or any replica. */
  readFrom?: "master" | "replica";
  /** Longest time that a command is tried again while its slot has no master: 15 000 ms. */
  retryMs?: number;
  /** Address that a node tells of itself, and the one at which it is reached from here. */
  addressMap?: Readonly<Record<string, string>>;
}

/**
 * Connects to a cluster by any of its nodes.
 *
 * @param seeds Addresses as `host:port`
 * @throws the last error, when none of them answers
 *
 * @example Nodes that know each other
 * ```ts ignore
 * import { connectCluster } from "@photon/std/redis";
 *
 * await using cluster = await connectCluster(["10.0.0.1:6379", "10.0.0.2:6379"]);
 * await cluster.set("key", "value");
 * ```
 */
export async function connectCluster(
  seeds: readonly string[],
  options: ClusterOptions = {},
): Promise<ClusterClient> {
  const cluster = new ClusterClient(seeds, options);
  try {
    await cluster.refresh();
    return cluster;
  } catch (error) {
    cluster.close();
    throw error;
  }
}

/** A command on its way through the cluster. */
interface Task {
  /** Who waits for what. */
  readonly command: Command;
  /** Its slot, or -1 when it has no key. */
  readonly slot: number;
  /** When it is given up, once it failed. */
  untilMs: number;
}

const RETRY_DELAY_MS = 25;
const RETRY_DELAY_MS_MAX = 500;
/** Commands that wait to be tried again; one more is refused with {@linkcode QueueFullError}. */
const RETRIES_MAX = 65_536;

/**
 * A cluster: every command goes to the node that has its key, with those of the same turn in one
 * write. `MGET`, `MSET`, `DEL`, `UNLINK`, `EXISTS` and `TOUCH` may have keys of several nodes;
 * `DBSIZE`, `KEYS`, `FLUSHALL`, `SCRIPT LOAD` and their like go to all masters.
 *
 * Slots that move are followed (`MOVED`, `ASK`), and a node that dies is waited for until another
 * takes its place. A command that had left for it rejects with {@linkcode ConnectionLostError} and
 * the outcome `"unknown"` unless it changes nothing.
 *
 * @example Transactions are for one node
 * ```ts ignore
 * import { connectCluster } from "@photon/std/redis";
 *
 * await using cluster = await connectCluster(["10.0.0.1:6379"]);
 * const node = await cluster.clientOf("{user}.name");
 * await node.transaction((t) => [t.set("{user}.name", "ann"), t.incr("{user}.visits")]);
 * ```
 */
export class ClusterClient extends Commands<string> implements AsyncDisposable, Disposable {
  readonly #nodes: ClusterNodes;
  readonly #readFrom: "master" | "replica";
  readonly #retryMs: number;
  #topology = new Topology();
  #refreshing: Promise<void> | null = null;
  #retrying = 0;

  /** See {@linkcode connectCluster}. */
  constructor(seeds: readonly string[], options: ClusterOptions) {
    super();
    this.#nodes = new ClusterNodes(seeds, options);
    this.#readFrom = options.readFrom ?? "master";
    this.#retryMs = options.retryMs ?? 15_000;
  }

  /** Which node has which slots, as of the last refresh. */
  get topology(): Topology {
    return this.#topology;
  }

  /** Sends a command to the node that has its key. */
  override send<T>(
    definition: CommandDefinition,
    args: readonly Argument[],
    read?: ReadReply<T>,
    asBytes = false,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.submit(new Command(definition, args, asBytes, read, resolve, reject));
    });
  }

  /** The same commands, given up by a signal or a time limit, or with bytes for strings. */
  with(options: CommandOptions & { asBytes: true }): CommandView<Uint8Array>;
  /** The same commands, given up by a signal or a time limit, or with bytes for strings. */
  with(options: CommandOptions): CommandView<string>;
  with(options: CommandOptions): CommandView<string> | CommandView<Uint8Array> {
    return new CommandView(this, options) as CommandView<string> | CommandView<Uint8Array>;
  }

  /** Puts a command on its way to the node that has its key, or its parts to several. */
  submit(command: Command): void {
    const { definition, args, asBytes } = command;
    const keys = keysOf(definition, args);
    const slot = keys.length === 0 ? -1 : slotOf(keys[0]!);
    try {
      const whole = slot < 0
        ? sendToAll(() => this.masters(), definition, args, asBytes)
        : keys.some((key) => slotOf(key) !== slot)
        ? fanOut(this, definition, args, asBytes)
        : undefined;
      if (whole === undefined) return this.#start({ command, slot, untilMs: 0 });
      whole.then((reply) => command.take(reply), (error) => command.reject(error));
    } catch (error) {
      command.reject(error);
    }
  }

  /** The client of the node that has a key, or of some node. */
  clientOf(key?: string | Uint8Array): Promise<RedisClient> {
    const slot = key === undefined ? -1 : slotOf(key);
    return this.#nodes.open(this.#addressOf(slot, false));
  }

  /** The clients of all masters. */
  async masters(): Promise<RedisClient[]> {
    return await Promise.all(this.#topology.masters.map((address) => this.#nodes.open(address)));
  }

  /** Opens a connection to some node, for `subscribe` and the like. */
  async openConnection(): Promise<Connection> {
    const node = await this.#nodes.open(this.#addressOf(-1, false));
    return await node.openConnection();
  }

  /** Where to subscribe to a shard channel: `subscribe(cluster.shardOf("news"), "news", ...)`. */
  shardOf(channel: string): Connector {
    return {
      openConnection: async () => {
        await this.refresh();
        return await (await this.clientOf(channel)).openConnection();
      },
    };
  }

  /** Asks the nodes anew who has which slots. Asking twice at once asks once. */
  refresh(): Promise<void> {
    return this.#refreshing ??= this.#refresh().finally(() => this.#refreshing = null);
  }

  /** Closes all connections; whatever waits is rejected. */
  close(): void {
    this.#nodes.close();
  }

  /** Closes at once. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** Waits for the answers of what was sent before, and closes. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#nodes.drain();
    this.close();
  }

  async #refresh(): Promise<void> {
    const { reply, host } = await this.#nodes.askAny(CLUSTER_SLOTS);
    const topology = Topology.read(reply, host);
    if (topology.shards.length === 0) throw new ReplyError("CLUSTERDOWN No node has any slots");
    this.#topology = topology;
    this.#nodes.keep(topology.addresses);
  }

  /** Where a command goes: the master of the slot, a replica when those may answer, any master. */
  #addressOf(slot: number, mayBeReplica: boolean): string {
    const { shards } = this.#topology;
    const shard = slot < 0 ? pick(shards) : this.#topology.shardOf(slot);
    if (shard === undefined) throw new ReplyError(`CLUSTERDOWN No node has slot ${slot}`);
    if (mayBeReplica && shard.replicas.length > 0) return pick(shard.replicas)!;
    return shard.master;
  }

  #start(task: Task): void {
    try {
      const mayBeReplica = this.#readFrom === "replica" && task.command.isReplayable;
      this.#sendTo(this.#addressOf(task.slot, mayBeReplica), task);
    } catch (error) {
      this.#failed(task, error);
    }
  }

  /** At once when there is a connection, so that commands of one turn leave together. */
  #sendTo(address: string, task: Task): void {
    const node = this.#nodes.get(address);
    if (node !== undefined) return this.#submit(node, task);
    this.#nodes.open(address).then(
      (opened) => this.#submit(opened, task),
      (error) => this.#failed(task, error, true),
    );
  }

  #submit(node: RedisClient, task: Task): void {
    const { command } = task;
    if (command.isAbandoned) return;
    const { definition, args, asBytes } = command;
    const take = (reply: Reply) => void command.take(reply);
    const fail = (error: unknown) => this.#failed(task, error);
    if (definition.isBlocking) {
      node.send<Reply>(definition, args, undefined, asBytes).then(take, fail);
    } else node.submit(new Command(definition, args, asBytes, undefined, take, fail));
  }

  /** Decides what an error means: somewhere else, later, or the end. */
  #failed(task: Task, error: unknown, wasNotSent = false): void {
    if (this.#nodes.isClosed) return task.command.reject(error);
    const redirect = error instanceof ReplyError ? redirectOf(error) : undefined;
    if (redirect?.kind === "MOVED") {
      this.#topology.move(redirect.slot, redirect.address);
      this.refresh().catch(() => {});
      return this.#sendTo(redirect.address, task);
    }
    if (redirect?.kind === "ASK") return void this.#ask(redirect.address, task);
    if (wasNotSent || mayRetry(task, error)) this.#retryLater(task, error);
    else task.command.reject(error);
  }

  /** The slot is on its way: this command, and no other, is allowed at its next place. */
  async #ask(address: string, task: Task): Promise<void> {
    try {
      const node = await this.#nodes.open(address);
      const { definition, args, asBytes } = task.command;
      const requests = [{ definition: ASKING, args: [] }, { definition, args }];
      const reply = (await node.batch(requests, asBytes))[1]!;
      if (reply instanceof ReplyError) throw reply;
      task.command.take(reply);
    } catch (error) {
      this.#failed(task, error);
    }
  }

  async #retryLater(task: Task, error: unknown): Promise<void> {
    const nowMs = performance.now();
    if (task.untilMs === 0) task.untilMs = nowMs + this.#retryMs;
    if (nowMs >= task.untilMs) return task.command.reject(error);
    if (this.#retrying >= RETRIES_MAX) {
      const { name } = task.command.definition;
      const text = `Cannot send ${name}: ${RETRIES_MAX} commands wait for the cluster`;
      return task.command.reject(new QueueFullError(text, { cause: error }));
    }
    this.#retrying++;
    const waitedMs = this.#retryMs - (task.untilMs - nowMs);
    const delayMs = Math.min(Math.max(RETRY_DELAY_MS, waitedMs / 2), RETRY_DELAY_MS_MAX);
    await sleep(delayMs * (0.5 + Math.random() / 2));
    await this.refresh().catch(() => {});
    this.#retrying--;
    this.#start(task);
  }
}

const ASKING = findCommand("ASKING");
const CLUSTER_SLOTS = findCommand("CLUSTER SLOTS");

/** Errors that say that the cluster is about to change. */
const PASSING = new Set(["TRYAGAIN", "CLUSTERDOWN", "LOADING", "MASTERDOWN", "READONLY"]);

function mayRetry({ command }: Task, error: unknown): boolean {
  if (error instanceof ReplyError) return PASSING.has(error.code);
  if (error instanceof ClientClosedError) return true;
  if (error instanceof ConnectionLostError) {
    return error.outcome === "not sent" || command.isReplayable;
  }
  return false;
}

interface Redirect {
  readonly kind: "MOVED" | "ASK";
  readonly slot: number;
  readonly address: string;
}

/** `MOVED 3999 127.0.0.1:6381` */
function redirectOf(error: ReplyError): Redirect | undefined {
  const match = /^(MOVED|ASK) (\d+) (\S+:\d+)$/.exec(error.message);
  if (match === null) return undefined;
  return { kind: match[1] as "MOVED" | "ASK", slot: Number(match[2]), address: match[3]! };
}

function pick<T>(list: readonly T[]): T | undefined {
  return list[Math.floor(Math.random() * list.length)];
}
