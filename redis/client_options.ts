// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Credentials, Endpoint, TlsOptions } from "./endpoint.ts";
import type { Connection } from "./connection.ts";
import { parseUrl } from "./endpoint.ts";
import type { ReplyLimits } from "./reply_decoder.ts";

/** When and how often a lost connection is made again. */
export interface ReconnectOptions {
  /** Wait before the first attempt in milliseconds; doubles with each: 20 by default. */
  delayMs?: number;
  /** Longest wait between attempts: 2 000 by default. */
  delayMsMax?: number;
  /** Attempts until the client gives up and closes: unlimited by default. */
  attemptsMax?: number;
}

/** What a client is told. */
export interface ClientOptions extends Credentials {
  /** Host name or address: `127.0.0.1` by default. */
  hostname?: string;
  /** TCP port: 6379 by default. */
  port?: number;
  /** Path of a Unix socket, instead of a host. */
  path?: string;
  /** Encrypts, with these settings. */
  tls?: TlsOptions | boolean;
  /** Asks where to connect before each attempt, instead of a fixed place. */
  resolve?: (signal: AbortSignal) => Promise<Endpoint>;
  /** Looks at each new connection before it is used; one that it throws at is closed. */
  verify?: (connection: Connection) => Promise<void>;
  /** Protocol version; a server that refuses 3 is spoken to in 2. */
  protocol?: 2 | 3;
  /** Name of the connections, for `CLIENT LIST`. */
  name?: string;
  /** Longest time for connecting and introducing oneself: 5 000 ms by default. */
  connectTimeoutMs?: number;
  /** Longest wait for a reply: 0, for ever, by default. */
  timeoutMs?: number;
  /** What to do when a connection is lost; false closes the client. */
  reconnect?: ReconnectOptions | false;
  /** Keep commands while there is no connection: true by default. */
  offlineQueue?: boolean;
  /** Commands that wait on this side at most: 65 536 by default. */
  queueMax?: number;
  /** Commands on the wire at most: 16 384 by default. */
  inFlightMax?: number;
  /** Connections for blocking commands and transactions: 64 at most by default. */
  poolMax?: number;
  /** Bounds of replies. */
  limits?: ReplyLimits;
  /** Commands to send on every new connection before any other. */
  onConnect?: readonly (readonly [name: string, ...args: (string | number)[]])[];
}

/** Options with every default filled in. */
export interface Settings {
  /** Asks where to connect. */
  readonly resolve: (signal: AbortSignal) => Promise<Endpoint>;
  /** Looks at each new connection. */
  readonly verify: ((connection: Connection) => Promise<void>) | undefined;
  /** Who, and which database. */
  readonly credentials: Credentials;
  /** Protocol to ask for. */
  readonly protocol: 2 | 3;
  /** Name of the connections, or "". */
  readonly name: string;
  /** Limit of connecting. */
  readonly connectTimeoutMs: number;
  /** Limit of a command, 0 for none. */
  readonly timeoutMs: number;
  /** Null: not at all. */
  readonly reconnect: Required<ReconnectOptions> | null;
  /** Keeps commands while there is no connection. */
  readonly offlineQueue: boolean;
  /** Bound of the commands that wait. */
  readonly queueMax: number;
  /** Bound of those on the wire. */
  readonly inFlightMax: number | undefined;
  /** Bound of the pool. */
  readonly poolMax: number;
  /** Bounds of replies. */
  readonly limits: ReplyLimits | undefined;
  /** First commands of a connection. */
  readonly onConnect: NonNullable<ClientOptions["onConnect"]>;
}

/**
 * Fills in what was not said.
 *
 * @throws {TypeError} when a URL cannot be read or options contradict each other
 * @throws {RangeError} when a bound is not a whole number above 0
 */
export function settle(target: string | ClientOptions, more: ClientOptions = {}): Settings {
  const parsed = typeof target === "string" ? parseUrl(target) : undefined;
  const options: ClientOptions = typeof target === "string" ? more : target;
  const endpoint = parsed?.endpoint ?? endpointOf(options);
  const reconnect = options.reconnect === false ? null : { ...RECONNECT, ...options.reconnect };
  return {
    resolve: options.resolve ?? (() => Promise.resolve(withTls(endpoint, options.tls))),
    verify: options.verify,
    credentials: { ...credentialsOf(options), ...parsed?.credentials },
    protocol: options.protocol ?? 3,
    name: options.name ?? "",
    connectTimeoutMs: options.connectTimeoutMs ?? 5000,
    timeoutMs: options.timeoutMs ?? 0,
    reconnect,
    offlineQueue: options.offlineQueue ?? true,
    queueMax: bound("queueMax", options.queueMax ?? 65_536),
    inFlightMax: options.inFlightMax && bound("inFlightMax", options.inFlightMax),
    poolMax: bound("poolMax", options.poolMax ?? 64),
    limits: options.limits,
    onConnect: options.onConnect ?? [],
  };
}

const RECONNECT: Required<ReconnectOptions> = {
  delayMs: 20,
  delayMsMax: 2000,
  attemptsMax: Infinity,
};

function endpointOf({ hostname, port, path }: ClientOptions): Endpoint {
  if (path === undefined) return { hostname: hostname ?? "127.0.0.1", port: port ?? 6379 };
  if (hostname === undefined && port === undefined) return { path };
  throw new TypeError("Cannot connect: give either a path or a host, not both");
}

function withTls(endpoint: Endpoint, tls: TlsOptions | boolean | undefined): Endpoint {
  if (tls === undefined || tls === false || "path" in endpoint) return endpoint;
  return { ...endpoint, tls: tls === true ? {} : tls };
}

function credentialsOf({ username, password, database }: ClientOptions): Credentials {
  const credentials: Credentials = {};
  if (username !== undefined) credentials.username = username;
  if (password !== undefined) credentials.password = password;
  if (database !== undefined) credentials.database = database;
  return credentials;
}

function bound(name: string, value: number): number {
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new RangeError(`Cannot connect: ${name} must be a whole number above 0, received ${value}`);
}
