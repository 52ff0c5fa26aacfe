// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { WorkPool } from "../io/work_pool.ts";
import type { WorkService } from "../io/work_service.ts";
import type { TcpListenOptions } from "../net/addr.ts";
import { type ShareCounts, type SharedListeners, shareListen } from "../net/share_listen.ts";
// Only so that `deno compile` takes the main of the workers along.
import "./serve_worker.ts";

/** Options of {@linkcode serveWorkers}. */
export interface ServeWorkersOptions extends TcpListenOptions {
  /**
   * Threads that serve.
   *
   * @default {navigator.hardwareConcurrency}
   */
  workers?: number;
  /**
   * Whether each thread is the engine's own while it is busy, see `Engine.runExclusive`.
   *
   * @default {true}
   */
  exclusive?: boolean;
}

/**
 * Serves services from several threads on one port: each connection is served by one of them, and
 * all have about as many. Needs the ring engine.
 *
 * The module runs once in each thread. It exports `implementations`, the services with their
 * handlers, and may export `options`, a `ServeOptions` for each thread's server: its limits count
 * what that thread serves.
 *
 * ```ts ignore
 * // store.ts
 * import { implement, type Implementation } from "@photon/std/rpc";
 * import { store } from "./store_service.ts";
 *
 * export const implementations: Implementation[] = [implement(store, { get: ... })];
 * ```
 *
 * @param module The module's absolute URL
 * @returns The servers, once all of them listen
 * @throws {RangeError} When `workers` is out of range
 * @throws {TypeError} When the module has no implementations
 * @throws {Deno.errors.NotSupported} Without the ring engine
 * @throws {Deno.errors.AddrInUse} When something listens there without `reusePort`
 *
 * @example Two threads
 * ```ts
 * import { engineInfo } from "@photon/std/io";
 * import { connect } from "@photon/std/net";
 * import { Health, healthService, RpcChannel, serveWorkers } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const module = new URL("../tests/rpc_worker_services.ts", import.meta.url);
 *   await using server = await serveWorkers(module, {
 *     ...{ workers: 2, hostname: "127.0.0.1", port: 0 },
 *   });
 *   using channel = new RpcChannel(await connect({ port: server.addr.port }));
 *   const { status } = await channel.client(healthService).check({ service: "" });
 *   assertEquals(status, "SERVING");
 * }
 * ```
 */
export async function serveWorkers(
  module: string | URL,
  options: ServeWorkersOptions,
): Promise<RpcWorkers> {
  const { workers = navigator.hardwareConcurrency, exclusive = true, ...place } = options;
  const shared = shareListen(place, workers);
  let server: RpcWorkers;
  try {
    const pool = new WorkPool({ workers, engine: exclusive ? "exclusive" : "cooperative" });
    const main = new URL("serve_worker.ts", import.meta.url);
    const service = pool.run(main, { args: [shared.share, String(module)] });
    server = new RpcWorkers(shared, pool, service);
  } catch (error) {
    shared[Symbol.dispose]();
    throw error;
  }
  await server.listening;
  return server;
}

/**
 * The servers of all threads, as one; {@linkcode serveWorkers} gives it.
 *
 * @example How the threads share the work
 * ```ts
 * import { engineInfo } from "@photon/std/io";
 * import { type RpcWorkers, serveWorkers } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const module = new URL("../tests/rpc_worker_services.ts", import.meta.url);
 *   const options = { workers: 2, hostname: "127.0.0.1", port: 0 };
 *   const server: RpcWorkers = await serveWorkers(module, options);
 *   assertEquals(server.counts.map(({ open }) => open), [0, 0]);
 *   await server.shutdown();
 * }
 * ```
 */
export class RpcWorkers implements AsyncDisposable {
  /** The address that all listen on. */
  readonly addr: Deno.NetAddr;
  /** Resolves when all threads have ended; rejects when one failed. */
  readonly finished: Promise<void>;
  /** For {@linkcode serveWorkers}: resolves when all listen. */
  readonly listening: Promise<void>;
  readonly #shared: SharedListeners;
  readonly #service: WorkService;

  /** Use {@linkcode serveWorkers}. */
  constructor(shared: SharedListeners, pool: WorkPool, service: WorkService) {
    this.#shared = shared;
    this.#service = service;
    this.addr = shared.addr;
    this.finished = service.finished.finally(async () => {
      shared[Symbol.dispose]();
      await pool.close();
    });
    // Who does not wait for the end need not catch it.
    this.finished.catch(() => {});
    this.listening = service.ready.then(() => {}, async (error) => {
      await this.finished.catch(() => {});
      throw error;
    });
  }

  /** Connections of each thread. */
  get counts(): ShareCounts[] {
    return this.#shared.counts;
  }

  /** As that of `RpcServer`, in every thread. */
  async shutdown(): Promise<void> {
    await this.#service.stop();
    await this.finished;
  }

  /** As {@linkcode shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
