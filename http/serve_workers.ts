// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkNet } from "../ffi/permission.ts";
import { resolveHostNow } from "../ffi/resolve.ts";
import { addressFamily, type SocketAddress } from "../ffi/sockaddr.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import { bindSocket, closeDescriptor, openSocket, socketName, SocketType } from "../ffi/socket.ts";
import { engineInfo } from "../io/engine_info.ts";
import { WorkPool } from "../io/work_pool.ts";
import type { WorkService } from "../io/work_service.ts";
import { checkLimits, type ServeLimits } from "./limits.ts";
import { listeningLine, say } from "./serve_log.ts";
// Only so that `deno compile` takes the main of the workers along.
import "./serve_worker.ts";

/** Options of {@linkcode serveWorkers}. */
export interface ServeWorkersOptions {
  /**
   * Threads, each with a ring, a heap and a listener of its own.
   *
   * @default {navigator.hardwareConcurrency}
   */
  workers?: number;
  /** The module of the handler, absolute: its `default.fetch`, `handler` or `fetch`. */
  module: URL | string;
  /**
   * Where to listen; 0 for a port that is free.
   *
   * @default {8000}
   */
  port?: number;
  /**
   * The address to listen on.
   *
   * @default {"0.0.0.0"}
   */
  hostname?: string;
  /** What a peer may ask of each worker. */
  limits?: ServeLimits;
  /** Ends all of them. */
  signal?: AbortSignal;
  /** Told when all workers listen. */
  onListen?: (addr: Deno.NetAddr) => void;
  /**
   * Whether each worker's thread belongs to its ring.
   *
   * @default {true}
   */
  exclusive?: boolean;
}

/**
 * Serves HTTP from several threads on one port: the kernel spreads connections over them
 * (`SO_REUSEPORT`, socket(7)), and nothing is shared between them. Functions do not cross threads,
 * so the handler is named by its module.
 *
 * @returns The server, when all workers listen
 * @throws {Deno.errors.NotSupported} without the ring engine
 * @throws {Deno.errors.AddrInUse} when something listens there without `reusePort`
 *
 * @example Two threads
 * ```ts
 * import { serveWorkers } from "@photon/std/http";
 * import { assertEquals } from "@std/assert";
 * import { engineInfo } from "@photon/std/io";
 *
 * if (engineInfo().engine === "uring") {
 *   const module = new URL("../tests/http_worker_handler.ts", import.meta.url);
 *   const options = { workers: 2, module, hostname: "127.0.0.1", port: 0, onListen() {} };
 *   await using server = await serveWorkers(options);
 *   const response = await fetch(`http://127.0.0.1:${server.addr.port}/`);
 *   assertEquals(await response.text(), "from a worker");
 * }
 * ```
 */
export async function serveWorkers(
  options: ServeWorkersOptions,
): Promise<Deno.HttpServer<Deno.NetAddr>> {
  const { workers = navigator.hardwareConcurrency, port = 8000, hostname = "0.0.0.0" } = options;
  const limits = checkLimits(options.limits);
  if (engineInfo().engine !== "uring") {
    throw new Deno.errors.NotSupported("Cannot serve from workers: the ring engine is needed");
  }
  options.signal?.throwIfAborted();
  const seat = new PortSeat(hostname, port);
  const engine = options.exclusive === false ? "cooperative" : "exclusive";
  const pool = new WorkPool({ workers, engine });
  try {
    const main = new URL("serve_worker.ts", import.meta.url);
    const { hostname, port } = seat.addr;
    const place = { hostname, port, module: String(options.module), limits };
    const service = pool.run(main, { args: [place] });
    await service.ready;
    const server = new WorkerServer(seat, pool, service, options.signal);
    if (options.onListen) options.onListen(seat.addr);
    else say(`${listeningLine(seat.addr, "http")} with ${workers} threads`);
    return server;
  } catch (error) {
    seat.close();
    await pool.terminate();
    throw error;
  }
}

/** Holds a port by a socket that is bound and does not listen, so that it gets no connection. */
class PortSeat {
  readonly addr: Deno.NetAddr;
  #fd: number;

  constructor(hostname: string, port: number) {
    checkNet(hostname, port);
    const [address] = resolveHostNow(hostname);
    const place: SocketAddress = { transport: "tcp", hostname: address!, port };
    this.#fd = openSocket(addressFamily(place), SocketType.stream);
    try {
      setSocketOption(this.#fd, "reuseAddress", true);
      setSocketOption(this.#fd, "reusePort", true);
      bindSocket(this.#fd, place);
      this.addr = socketName(this.#fd) as Deno.NetAddr;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  close(): void {
    if (this.#fd >= 0) closeDescriptor(this.#fd);
    this.#fd = -1;
  }
}

/** The servers of all workers, as one. */
class WorkerServer implements Deno.HttpServer<Deno.NetAddr> {
  readonly addr: Deno.NetAddr;
  readonly finished: Promise<void>;
  readonly #service: WorkService;
  readonly #pool: WorkPool;

  constructor(
    seat: PortSeat,
    pool: WorkPool,
    service: WorkService,
    signal: AbortSignal | undefined,
  ) {
    this.addr = seat.addr;
    this.#service = service;
    this.#pool = pool;
    const abort = () => void pool.terminate();
    signal?.addEventListener("abort", abort, { once: true });
    const over = async () => {
      signal?.removeEventListener("abort", abort);
      seat.close();
      await pool.close();
    };
    this.finished = service.finished.then(over, over);
  }

  async shutdown(): Promise<void> {
    await this.#service.stop().catch(() => {});
    await this.finished;
  }

  /** The threads keep the process alive until they are shut down. */
  ref(): void {}

  /** Threads cannot be let go: shut them down. */
  unref(): void {
    throw new Deno.errors.NotSupported("Cannot unref server: its threads keep the process alive");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }

  /** What the pool is doing, for tests. */
  get statistics(): WorkPool["statistics"] {
    return this.#pool.statistics;
  }
}
