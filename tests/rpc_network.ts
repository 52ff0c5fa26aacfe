// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
//
// Servers in memory that come and go, and pools that call them.
import { assertEquals, assertRejects } from "@std/assert";
import { type Duplex, memoryDuplex } from "../io/mod.ts";
import {
  type Client,
  type Handlers,
  implement,
  type PoolCallOptions,
  RpcError,
  RpcPool,
  type RpcPoolOptions,
} from "../rpc/mod.ts";
import { type RpcServer, serve, type ServeOptions } from "../rpc/mod.ts";
import { yieldNow } from "../thread/mod.ts";
import { everyHandler, everything } from "./rpc_services.ts";

/** Some handlers of {@linkcode everything}. */
export type EveryHandlers = Partial<Handlers<typeof everything.methods>>;

/** A listener that takes connections from {@linkcode Network.dial}. */
class MemoryListener {
  readonly #conns: Duplex[] = [];
  #wake: (() => void) | undefined;
  #closed = false;

  push(conn: Duplex): void {
    this.#conns.push(conn);
    this.#wake?.();
  }

  close(): void {
    this.#closed = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Duplex> {
    while (!this.#closed) {
      while (this.#conns.length > 0) yield this.#conns.shift()!;
      if (!this.#closed) await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }
}

/** A pool, and the methods of its servers. */
export interface Called {
  readonly pool: RpcPool;
  readonly client: Client<typeof everything.methods, PoolCallOptions>;
}

/** Servers by name, that come and go; each answers `echo` with its name. */
export class Network implements AsyncDisposable {
  readonly #listeners = new Map<string, MemoryListener>();
  readonly #servers = new Map<string, RpcServer>();
  readonly dialled: string[] = [];
  readonly pools: RpcPool[] = [];

  start(name: string, handlers: EveryHandlers = {}, options: ServeOptions = {}): RpcServer {
    const listener = new MemoryListener();
    const named = { ...everyHandler, echo: () => ({ text: name }), ...handlers };
    const server = serve(listener, [implement(everything, named)], options);
    this.#listeners.set(name, listener);
    this.#servers.set(name, server);
    return server;
  }

  /** As when its machine is switched off. */
  kill(name: string): void {
    this.#servers.get(name)?.close();
    this.#listeners.delete(name);
  }

  /** As its operator does it. */
  drain(name: string): Promise<void> {
    this.#listeners.delete(name);
    return this.#servers.get(name)!.shutdown();
  }

  pool(servers: RpcPoolOptions["servers"], options: Partial<RpcPoolOptions> = {}): Called {
    const dial = (address: string) => this.dial(address);
    const pool = new RpcPool({ servers, dial, backoff: { firstMs: 2, mostMs: 4 }, ...options });
    this.pools.push(pool);
    return { pool, client: pool.client(everything) };
  }

  async dial(address: string): Promise<Duplex> {
    this.dialled.push(address);
    await yieldNow();
    const listener = this.#listeners.get(address);
    if (listener === undefined) throw new Deno.errors.ConnectionRefused(address);
    const [near, far] = memoryDuplex();
    listener.push(far);
    return near;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pool of this.pools) pool.close();
    for (const server of this.#servers.values()) server.close();
    await Promise.all([...this.#servers.values()].map((server) => server.finished));
  }
}

/** The error of a call that must fail with this code. */
export async function rejectsWith(code: string, call: () => Promise<unknown>): Promise<RpcError> {
  const error = await assertRejects(call, RpcError);
  assertEquals(error.code, code);
  return error;
}
