// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { sleep } from "../thread/sleep.ts";
import { timeout } from "../thread/timeout.ts";
import { backoffMs, type BackoffOptions } from "./backoff.ts";
import { type Balance, makePicker, type Picker } from "./balancer.ts";
import { type CallOptions, callTimeMs } from "./call_options.ts";
import type { RpcChannelOptions } from "./channel_options.ts";
import type { CircuitBreakerOptions } from "./circuit_breaker.ts";
import { type Caller, type Client, type ClientCall, clientOf } from "./client.ts";
import { dialAddress, greeted } from "./dial.ts";
import { callError } from "./client_errors.ts";
import { type ClientSession, unsentError } from "./client_session.ts";
import { Endpoint, type EndpointOptions } from "./endpoint.ts";
import { type RpcResolver, staticResolver } from "./resolver.ts";
import { RetryBudget } from "../thread/retry_budget.ts";
import type { RetryOptions } from "./retry_options.ts";
import { RpcError } from "./rpc_error.ts";
import type { Method, Methods, Service } from "./service.ts";

/** Options of {@linkcode RpcPool}. */
export interface RpcPoolOptions {
  /** The servers: addresses as of {@linkcode RpcResolver}, or who knows them. */
  servers: readonly string[] | RpcResolver;
  /** Opens a connection to an address; TCP and Unix sockets by default. */
  dial?: (address: string, signal: AbortSignal) => Promise<Duplex>;
  /**
   * Milliseconds in which a server must be connected to and greet.
   *
   * @default {10000}
   */
  connectTimeoutMs?: number;
  /**
   * How to choose among servers.
   *
   * @default {"round-robin"}
   */
  balance?: Balance;
  /** How each connection is used. */
  channel?: Omit<RpcChannelOptions, "onEnd">;
  /** When to call again what may be called again. */
  retry?: RetryOptions;
  /**
   * Milliseconds after which an idempotent call goes to a second server as well; the first answer
   * counts. Undefined for never.
   */
  hedgeAfterMs?: number;
  /** Waits between failed connects, and between tries of a call. */
  backoff?: BackoffOptions;
  /** When to leave a server alone. */
  breaker?: CircuitBreakerOptions;
}

/** Options of a call through a pool. */
export interface PoolCallOptions extends CallOptions {
  /** What `consistent-hash` chooses by. */
  key?: string;
}

/** A call through a pool. */
export interface PoolCall extends ClientCall {
  /** Options of the call. */
  readonly options?: PoolCallOptions | undefined;
}

/** Calls one server, until the signal aborts. */
type CallOne = (endpoint: Endpoint, signal: AbortSignal | undefined) => Promise<unknown>;

const RESOLVE_TTL_MS = 30_000;

/**
 * Calls to any of several servers: one connection to each, opened when it is wanted and again when
 * it is gone.
 *
 * A call that no handler has seen is tried again elsewhere; one that may have been served only when
 * its method is idempotent. Both within the {@linkcode RetryOptions} and the call's own time.
 *
 * @example A pool of one server
 * ```ts
 * import { listen } from "@photon/std/net";
 * import { defineService, implement, method, RpcPool, serve } from "@photon/std/rpc";
 * import { string, struct } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const text = struct({ text: string });
 * const echo = defineService({
 *   id: 1,
 *   methods: { say: method({ id: 1, request: text, response: text, idempotent: true }) },
 * });
 * await using server = serve(listen({ hostname: "127.0.0.1", port: 0 }), [
 *   implement(echo, { say: (request) => request }),
 * ]);
 * using pool = new RpcPool({ servers: [`127.0.0.1:${server.addr.port}`] });
 * assertEquals(await pool.client(echo).say({ text: "hi" }), { text: "hi" });
 * ```
 *
 * @example Several servers: found in Redis, chosen by a key, connected to ahead, watched, hedged
 * ```ts
 * import { listen } from "@photon/std/net";
 * import { Health, healthService, redisResolver, RpcPool, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * await using one = serve(listen({ hostname: "127.0.0.1", port: 0 }), [
 *   new Health().implementation,
 * ]);
 * await using other = serve(listen({ hostname: "127.0.0.1", port: 0 }), [
 *   new Health().implementation,
 * ]);
 * const addresses = [one, other].map(({ addr }) => `127.0.0.1:${addr.port}`);
 * // In an application: `await connect("redis://...")` of @photon/std/redis.
 * const redis = { command: () => Promise.resolve(addresses) };
 * using pool = new RpcPool({
 *   servers: redisResolver(redis, "servers:store"),
 *   balance: "consistent-hash",
 *   hedgeAfterMs: 50,
 *   channel: { keepAlive: { idleMs: 5_000, answerMs: 2_000 } },
 * });
 * assertEquals(await pool.warmUp(), 2);
 * const health = pool.client(healthService);
 * assertEquals((await health.check({ service: "" }, { key: "user:1" })).status, "SERVING");
 * ```
 *
 * @example Over TLS
 * ```ts
 * import { connectTls } from "@photon/std/net";
 * import { RpcPool } from "@photon/std/rpc";
 *
 * using _pool = new RpcPool({
 *   servers: ["store.example:9000"],
 *   dial(address, signal) {
 *     const { hostname, port } = new URL(`tls://${address}`);
 *     return connectTls({ hostname, port: Number(port), signal });
 *   },
 * });
 * ```
 */
export class RpcPool implements Caller, Disposable {
  readonly #options: RpcPoolOptions;
  readonly #resolver: RpcResolver;
  readonly #pick: Picker;
  readonly #budget: RetryBudget;
  #endpoints: Endpoint[] = [];
  #resolvedMs = -Infinity;
  #resolving: Promise<void> | undefined;
  #closed = false;

  /** Opens nothing yet; see {@linkcode warmUp}. */
  constructor(options: RpcPoolOptions) {
    this.#options = options;
    const { servers } = options;
    this.#resolver = "resolve" in servers ? servers : staticResolver(servers);
    this.#pick = makePicker(options.balance ?? "round-robin");
    this.#budget = new RetryBudget(options.retry?.budgetShare);
  }

  /** Connects to all servers; resolves with how many that worked. */
  async warmUp(): Promise<number> {
    await this.#resolve();
    const opened = await Promise.allSettled(this.#endpoints.map((endpoint) => endpoint.session()));
    return opened.filter(({ status }) => status === "fulfilled").length;
  }

  /** The methods of a service, as functions. */
  client<M extends Methods>(service: Service<M>): Client<M, PoolCallOptions> {
    return clientOf(service, this);
  }

  /** Calls one of the servers, and others when need be. */
  async unary(call: PoolCall): Promise<unknown> {
    this.#budget.earn();
    const { method, options } = call;
    const timeMs = callTimeMs(options);
    const endMs = timeMs === Infinity ? Infinity : performance.now() + timeMs;
    const triesMax = this.#options.retry?.triesMax ?? 3;
    const failed = new Set<Endpoint>();
    for (let tries = 1;; tries++) {
      try {
        return await this.#try(call, endMs, failed);
      } catch (error) {
        if (tries >= triesMax || !this.#mayRetry(error, method)) throw error;
        const waitMs = failed.size < this.#endpoints.length
          ? 0
          : backoffMs(tries, this.#options.backoff);
        if (performance.now() + waitMs >= endMs) throw error;
        if (waitMs > 0) await sleep(waitMs, { signal: options?.signal });
      }
    }
  }

  /** A stream of replies from one of the servers; it is not tried again. */
  async *stream(call: PoolCall): AsyncGenerator<unknown> {
    const endpoint = await this.#choose(call.options, NONE);
    let failure: unknown = undefined;
    try {
      const session = endpoint.current ?? await sessionOf(endpoint, call.options);
      yield* session.stream(call);
      endpoint.breaker.succeeded();
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      judge(endpoint, failure);
    }
  }

  /** A stream of requests to one of the servers; it is not tried again. */
  async collect(call: PoolCall): Promise<unknown> {
    const endpoint = await this.#choose(call.options, NONE);
    try {
      const session = endpoint.current ?? await sessionOf(endpoint, call.options);
      const reply = await session.collect(call);
      endpoint.breaker.succeeded();
      return reply;
    } catch (error) {
      judge(endpoint, error);
      throw error;
    }
  }

  /** Closes all connections; calls in flight fail with `UNAVAILABLE`. */
  close(): void {
    this.#closed = true;
    for (const endpoint of this.#endpoints) endpoint.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #try(call: PoolCall, endMs: number, failed: Set<Endpoint>): Promise<unknown> {
    const { hedgeAfterMs } = this.#options;
    const { method, options } = call;
    const first = await this.#choose({ ...options, ...within(endMs) }, failed);
    const callOne: CallOne = (endpoint, signal) => {
      const limited = { ...options, ...within(endMs), ...only(signal) };
      return this.#call(endpoint, { ...call, options: limited }, failed);
    };
    if (hedgeAfterMs === undefined || method.idempotent !== true || this.#endpoints.length < 2) {
      return await callOne(first, options?.signal);
    }
    return await this.#hedge(first, hedgeAfterMs, callOne, options, failed);
  }

  /** Asks a second server when the first takes long; the first answer counts. */
  async #hedge(
    first: Endpoint,
    afterMs: number,
    call: CallOne,
    options: PoolCallOptions | undefined,
    failed: Set<Endpoint>,
  ): Promise<unknown> {
    const over = new AbortController();
    const signal = options?.signal ? AbortSignal.any([over.signal, options.signal]) : over.signal;
    const calls = [call(first, signal)];
    try {
      const wait = new AbortController();
      const quick = calls[0].finally(() => wait.abort());
      const late = await Promise.race([
        quick.then(() => false, () => false),
        sleep(afterMs, { signal: wait.signal }).then(() => true, () => false),
      ]);
      if (late && this.#budget.spend()) {
        const second = this.#choose({ signal }, new Set([...failed, first]));
        calls.push(second.then((second) => call(second, signal)));
      }
      return await Promise.any(calls);
    } catch (error) {
      throw error instanceof AggregateError ? error.errors[0] : error;
    } finally {
      over.abort();
      await Promise.allSettled(calls);
    }
  }

  async #call(endpoint: Endpoint, call: ClientCall, failed: Set<Endpoint>): Promise<unknown> {
    try {
      const session = endpoint.current ?? await sessionOf(endpoint, call.options);
      const reply = await session.unary(call);
      endpoint.breaker.succeeded();
      return reply;
    } catch (error) {
      if (judge(endpoint, error)) failed.add(endpoint);
      throw error;
    }
  }

  /** One that did not fail for this call, can be had, and is not left alone. */
  async #choose(
    options: PoolCallOptions | undefined,
    failed: ReadonlySet<Endpoint>,
  ): Promise<Endpoint> {
    const { key } = options ?? {};
    if (this.#stale) {
      await timeout(this.#resolve(), callTimeMs(options), options).catch((error) => {
        throw callError(error, options);
      });
    }
    if (this.#closed) throw unsentError();
    const able = this.#endpoints.filter((endpoint) => endpoint.available && endpoint.breaker.ready);
    const fresh = able.filter((endpoint) => !failed.has(endpoint));
    const candidates = fresh.length > 0 ? fresh : able;
    if (candidates.length > 0) {
      const endpoint = this.#pick(candidates, key);
      endpoint.breaker.allows();
      return endpoint;
    }
    throw new RpcError("UNAVAILABLE", "Cannot call: no server can be reached", { unserved: true });
  }

  get #stale(): boolean {
    const { ttlMs = RESOLVE_TTL_MS } = this.#resolver;
    return this.#endpoints.length === 0 || performance.now() - this.#resolvedMs >= ttlMs;
  }

  async #resolve(): Promise<void> {
    if (!this.#stale) return;
    const resolving = this.#resolving ??= this.#resolveNow().finally(() =>
      this.#resolving = undefined
    );
    // What is known serves on while it is asked for anew.
    if (this.#endpoints.length === 0) await resolving;
    else resolving.catch(() => {});
  }

  async #resolveNow(): Promise<void> {
    const names = new Set(await this.#ask());
    this.#resolvedMs = performance.now();
    if (this.#closed) return;
    for (const endpoint of this.#endpoints) if (!names.has(endpoint.name)) endpoint.retire();
    const known = new Map(this.#endpoints.map((endpoint) => [endpoint.name, endpoint]));
    this.#endpoints = [...names].map((name) => known.get(name) ?? this.#endpoint(name));
  }

  async #ask(): Promise<readonly string[]> {
    try {
      return await this.#resolver.resolve();
    } catch (error) {
      if (this.#endpoints.length === 0) throw unsentError(error);
      return this.#endpoints.map(({ name }) => name);
    }
  }

  /** What nobody has seen costs no server anything, and the budget nothing. */
  #mayRetry(error: unknown, method: Method): boolean {
    if (!(error instanceof RpcError) || error.code !== "UNAVAILABLE" || this.#closed) return false;
    return error.unserved || method.idempotent === true && this.#budget.spend();
  }

  #endpoint(name: string): Endpoint {
    const { dial = dialAddress, channel, backoff, breaker, connectTimeoutMs } = this.#options;
    const open: EndpointOptions["open"] = async (events, signal) =>
      await greeted(await dial(name, signal), channel ?? {}, events, signal);
    return new Endpoint(name, { backoff, breaker, connectTimeoutMs, open });
  }
}

const NONE: ReadonlySet<Endpoint> = new Set();

/** The endpoint's connection, within the time of the call. */
function sessionOf(endpoint: Endpoint, options: CallOptions | undefined): Promise<ClientSession> {
  return timeout(endpoint.session(), callTimeMs(options), options).catch((error) => {
    throw callError(error, options);
  });
}

/** Tells the breaker what a failed call says of its server; whether it speaks against it. */
function judge(endpoint: Endpoint, error: unknown): boolean {
  const code = error instanceof RpcError ? error.code : "CANCELLED";
  const unwell = code === "UNAVAILABLE" || code === "INTERNAL" || code === "DEADLINE_EXCEEDED";
  if (unwell) endpoint.breaker.failed();
  // What was given up here says nothing; what the application answers, that the server is well.
  else if (code === "CANCELLED") endpoint.breaker.abandoned();
  else endpoint.breaker.succeeded();
  return unwell;
}

function within(endMs: number): CallOptions {
  return endMs === Infinity ? {} : { timeoutMs: endMs - performance.now() };
}

function only(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal };
}
