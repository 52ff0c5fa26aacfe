// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * A Redis client: every command typed, everything of one turn in one write, RESP2 and RESP3.
 *
 * ```ts
 * import { connect, startServer } from "@photon/std/redis";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await startServer(); // a private one; connect("redis://host") for yours
 * await using client = await connect(server.url);
 * await client.hset("user:1", { name: "Ann", visits: 1 });
 * const [name, visits] = await Promise.all([
 *   client.hget("user:1", "name"),
 *   client.hincrby("user:1", "visits", 1),
 * ]);
 * assertEquals([name, visits], ["Ann", 2]);
 * ```
 *
 * | for                                    | use                                                |
 * | -------------------------------------- | -------------------------------------------------- |
 * | one server                             | {@linkcode connect}                                |
 * | a cluster                              | {@linkcode connectCluster}                         |
 * | sentinels                              | {@linkcode connectSentinel}                        |
 * | a command that has no method           | `client.command("NAME", ...args)`                  |
 * | a time limit, a signal, bytes          | `client.with({ timeoutMs, signal, asBytes })`      |
 * | transactions                           | `client.transaction`, `client.watching`            |
 * | scripts                                | {@linkcode Script}                                 |
 * | messages                               | {@linkcode subscribe}                              |
 * | streams with groups                    | {@linkcode consume}                                |
 * | all keys, fields, members              | {@linkcode scanKeys} and its siblings              |
 * | replies kept on this side              | {@linkcode cacheReads}                             |
 * | locks, limits                          | {@linkcode acquireLock}, {@linkcode RateLimiter}   |
 * | values that are made once              | {@linkcode cached}                                 |
 *
 * @module
 */
export { cached, type CachedOptions } from "./cached.ts";
export { connect, RedisClient } from "./client.ts";
export type { ClientOptions, ReconnectOptions, Settings } from "./client_options.ts";
export { ClusterClient, type ClusterOptions, connectCluster } from "./cluster.ts";
export type { Shard, Topology } from "./cluster_topology.ts";
export type { Command, ReadReply, Request } from "./command.ts";
export type { Key, Many, OptionValue, Pairs, Score, Tuples } from "./command_arguments.ts";
export type { CommandDefinition, KeyPositions } from "./command_definition.ts";
export type { ReplyRecord, StreamEntry } from "./command_replies.ts";
export type { CommandOptions, CommandSender } from "./command_sender.ts";
export { COMMAND_ROWS, type CommandRow } from "./command_table.ts";
export { CommandView } from "./command_view.ts";
export { Commands } from "./commands.ts";
export type * from "./commands_bitmap.ts";
export type * from "./commands_bloom.ts";
export type * from "./commands_cluster.ts";
export type * from "./commands_connection.ts";
export type * from "./commands_generic.ts";
export type * from "./commands_geo.ts";
export type * from "./commands_hash.ts";
export type * from "./commands_hyperloglog.ts";
export type * from "./commands_json.ts";
export type * from "./commands_list.ts";
export type * from "./commands_pubsub.ts";
export type * from "./commands_redis8.ts";
export type * from "./commands_scripting.ts";
export type * from "./commands_search.ts";
export type * from "./commands_server.ts";
export type * from "./commands_set.ts";
export type * from "./commands_sorted_set.ts";
export type * from "./commands_stream.ts";
export type * from "./commands_string.ts";
export type * from "./commands_timeseries.ts";
export type * from "./commands_transactions.ts";
export type * from "./commands_vector_set.ts";
export type { Connection, ConnectionOptions, Remains } from "./connection.ts";
export type { ConnectionPool } from "./connection_pool.ts";
export type { Conn } from "./dial.ts";
export { EmbeddedServer, type ServerOptions, startServer } from "./embedded.ts";
export type { Credentials, Endpoint, TlsOptions } from "./endpoint.ts";
export { acquireLock, type LockOptions, RedisLock } from "./lock.ts";
export { monitor, type MonitoredCommand } from "./monitor.ts";
export { type RateDecision, type RateLimit, RateLimiter } from "./rate_limiter.ts";
export { cacheReads, ReadCache, type ReadCacheOptions } from "./read_cache.ts";
export {
  ClientClosedError,
  ConnectionLostError,
  type Outcome,
  ProtocolError,
  QueueFullError,
  ReplyError,
  WatchError,
} from "./redis_error.ts";
export { PushMessage, type Reply, VerbatimString } from "./reply.ts";
export { INCOMPLETE, ReplyDecoder, type ReplyLimits } from "./reply_decoder.ts";
export { type Argument, encodeHead, RequestEncoder } from "./request_encoder.ts";
export { scanHash, scanKeys, scanSet, scanSortedSet, type StepOptions } from "./scan.ts";
export { Script } from "./script.ts";
export { connectSentinel, type SentinelOptions } from "./sentinel.ts";
export { Session } from "./session.ts";
export { slotOf } from "./slot.ts";
export { consume, type ConsumeOptions } from "./stream_consumer.ts";
export {
  type Connector,
  type Message,
  subscribe,
  type SubscribeOptions,
  Subscription,
} from "./subscriber.ts";
export { type Entry, type Settled, Transaction } from "./transaction.ts";
