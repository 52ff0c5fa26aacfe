// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkNet } from "../ffi/permission.ts";
import { resolveHostNow } from "../ffi/resolve.ts";
import { addressFamily, type SocketAddress } from "../ffi/sockaddr.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import { bindSocket, closeDescriptor, openSocket, socketName, SocketType } from "../ffi/socket.ts";
import { engineInfo } from "../io/engine_info.ts";
import { WorkPool } from "../io/work_pool.ts";
import type { WorkService } from "../io/work_service.ts";
import { checkLimits } from "./limits.ts";
import { listeningLine, say } from "./serve_log.ts";
import type { AnyServeOptions } from "./start_server.ts";
// Only so that `deno compile` takes the main of the workers along.
import "./serve_worker.ts";

/** What {@linkcode startWorkers} begins. */
export interface StartedWorkers {
  /** The servers of all threads, as one. */
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  /** Resolves when all listen; rejects when one fails before. */
  readonly ready: Promise<void>;
}

/**
 * Begins to serve from several threads.
 *
 * @param module The module of the handler, absolute
 * @throws {TypeError} when it is not named
 * @throws {RangeError} when `workers` is out of range
 * @throws {Deno.errors.NotSupported} without the ring engine
 * @throws {Deno.errors.AddrInUse} when something listens there without `reusePort`
 */
export function startWorkers(
  options: AnyServeOptions & { workers?: number },
  module: unknown,
): StartedWorkers {
  const { workers = navigator.hardwareConcurrency, port = 8000, hostname = "0.0.0.0" } = options;
  if (!(module instanceof URL) && typeof module !== "string") {
    throw new TypeError(
      "Cannot serve from workers: handler must be the URL of its module, for functions do not " +
        "cross threads",
    );
  }
  const limits = checkLimits(options.limits);
  if (engineInfo().engine !== "uring") {
    throw new Deno.errors.NotSupported("Cannot serve from workers: the ring engine is needed");
  }
  const engine = options.exclusive === false ? "cooperative" : "exclusive";
  const pool = new WorkPool({ workers, engine });
  const seat = new PortSeat(hostname, port);
  const { addr } = seat;
  const place = { hostname: addr.hostname, port: addr.port, module: String(module), limits };
  const service = pool.run(new URL("serve_worker.ts", import.meta.url), { args: [place] });
  const server = new WorkerServer(seat, pool, service, options.signal);
  const ready = service.ready.then(() => {
    if (options.onListen) options.onListen(addr);
    else say(`${listeningLine(addr, "http")} with ${workers} threads`);
  });
  // Who does not wait for it hears by `finished`.
  ready.catch(() => {});
  return { server, ready };
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
  #stopped = false;

  constructor(
    seat: PortSeat,
    pool: WorkPool,
    service: WorkService,
    signal: AbortSignal | undefined,
  ) {
    this.addr = seat.addr;
    this.#service = service;
    const abort = () => {
      this.#stopped = true;
      pool.terminate().catch(() => {});
    };
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    this.finished = service.finished.catch((error) => {
      if (!this.#stopped) throw error;
    }).finally(async () => {
      signal?.removeEventListener("abort", abort);
      seat.close();
      await pool.close();
    });
    // Who does not wait for the end need not catch it.
    this.finished.catch(() => {});
  }

  async shutdown(): Promise<void> {
    this.#stopped = true;
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
}
