// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import { notSupported } from "../io/portable.ts";
import { workChannel, type WorkChannelEnd } from "../io/work_channel.ts";
import type { TcpListenOptions } from "./addr.ts";
import { listen, type TcpListener } from "./listen.ts";
import { Listener } from "./listener.ts";

/** Workers that one port can be shared between. */
export const SHARERS_MAX = 64;
/** Bytes of connections on their way from one worker to another: a few hundred of them. */
const CHANNEL_BYTES = 4096;
/** Counters of a worker in shared memory. */
const COUNTERS = 3;

/** What the workers need to listen on one port; an argument for `WorkPool.run`. */
export interface ListenShare {
  /** The descriptor that each worker listens on. */
  readonly fds: readonly number[];
  /** The counters, see {@linkcode ShareCounters}. */
  readonly counters: SharedArrayBuffer;
  /** What worker `[from]` opens to talk to worker `[to]`. */
  readonly ends: readonly (readonly (WorkChannelEnd | null)[])[];
}

/** What one worker has done. */
export interface ShareCounts {
  /** Connections that it serves now. */
  readonly open: number;
  /** Connections that it has served, with those. */
  readonly served: number;
  /** Connections that it accepted and gave to another worker. */
  readonly handedOn: number;
}

/**
 * The sockets of one port that several workers listen on (`SO_REUSEPORT`): the kernel deals new
 * connections out by their addresses, and {@linkcode listenShared} in each worker evens out what
 * is not even. They belong to the thread that opened them, so that nothing is lost when a worker
 * dies, and can be handed over for a restart.
 *
 * @example Two workers, one port
 * ```ts
 * import { connect, shareListen } from "@photon/std/net";
 * import { engineInfo, WorkPool } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   await using pool = new WorkPool({ workers: 2 });
 *   using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 2);
 *   const url = new URL("../tests/net_shared_main.ts", import.meta.url);
 *   const service = pool.run(url, { args: [shared.share] });
 *   await service.ready;
 *   using conn = await connect({ port: shared.addr.port });
 *   await conn.write(new Uint8Array([7]));
 *   assertEquals(await conn.read(new Uint8Array(8)), 1);
 *   await service.stop();
 * }
 * ```
 */
export class SharedListeners implements Disposable {
  /** The address that is listened on, with the port that was assigned. */
  readonly addr: Deno.NetAddr;
  /** What the workers need; to be given to each. */
  readonly share: ListenShare;
  /** The listeners themselves, by the number of their worker, for `handOver`. */
  readonly listeners: Readonly<Record<string, TcpListener>>;

  /** Takes over one listener a worker; {@linkcode shareListen} makes them. */
  constructor(listeners: readonly TcpListener[]) {
    this.addr = listeners[0]!.addr;
    this.listeners = Object.fromEntries(listeners.map((each, index) => [`${index}`, each]));
    this.share = {
      fds: listeners.map((listener) => Listener.socketOf(listener).fd),
      counters: new SharedArrayBuffer(listeners.length * COUNTERS * 4),
      ends: channelsBetween(listeners.length),
    };
  }

  /** What each worker has done. */
  get counts(): ShareCounts[] {
    return new ShareCounters(this.share).all;
  }

  /** Stops listening; workers that still do are not affected. */
  [Symbol.dispose](): void {
    for (const listener of Object.values(this.listeners)) listener[Symbol.dispose]();
  }
}

/**
 * Opens the sockets for {@linkcode SharedListeners}. Ring engine only.
 *
 * @param workers How many workers will listen, up to {@linkcode SHARERS_MAX}
 * @throws {RangeError} when there are too few or too many
 * @throws {Deno.errors.NotSupported} on the portable engine
 * @throws {Error} what {@linkcode listen} throws
 *
 * @example Sockets without workers
 * ```ts
 * import { shareListen } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 4);
 *   assertEquals(shared.share.fds.length, 4);
 * }
 * ```
 */
export function shareListen(options: TcpListenOptions, workers: number): SharedListeners {
  if (!Number.isInteger(workers) || workers < 1 || workers > SHARERS_MAX) {
    throw new RangeError(
      `Cannot share a listener: workers must be from 1 to ${SHARERS_MAX}, received ${workers}`,
    );
  }
  if (engineInfo().engine !== "uring") throw notSupported("listenShared");
  const listeners: TcpListener[] = [];
  try {
    while (listeners.length < workers) {
      const port = listeners[0]?.addr.port ?? options.port ?? 0;
      listeners.push(listen({ ...options, port, reusePort: true }));
    }
  } catch (error) {
    for (const listener of listeners) listener.close();
    throw error;
  }
  return new SharedListeners(listeners);
}

/** The counters of all workers in shared memory. */
export class ShareCounters {
  readonly #words: Int32Array<SharedArrayBuffer>;

  /** Sees the memory of a share. */
  constructor(share: ListenShare) {
    this.#words = new Int32Array(share.counters);
  }

  /** What each worker has done. */
  get all(): ShareCounts[] {
    return Array.from({ length: this.#words.length / COUNTERS }, (_, index) => ({
      open: Atomics.load(this.#words, index * COUNTERS),
      served: Atomics.load(this.#words, index * COUNTERS + 1),
      handedOn: Atomics.load(this.#words, index * COUNTERS + 2),
    }));
  }

  /**
   * Who should serve the next connection: this worker, unless another has so many fewer that it
   * pays to hand it on.
   */
  place(own: number): number {
    let least = own;
    let total = 0;
    for (let index = 0; index * COUNTERS < this.#words.length; index++) {
      const open = this.#open(index);
      total += open;
      if (open < this.#open(least)) least = index;
    }
    const slack = SLACK_MIN + total * COUNTERS / this.#words.length / SLACK_SHARE;
    return this.#open(own) - this.#open(least) > slack ? least : own;
  }

  /** A worker gets a connection. */
  opened(index: number): void {
    Atomics.add(this.#words, index * COUNTERS, 1);
    Atomics.add(this.#words, index * COUNTERS + 1, 1);
  }

  /** A worker begins, with no connection. */
  reset(index: number): void {
    Atomics.store(this.#words, index * COUNTERS, 0);
  }

  /** A worker has one less. */
  closed(index: number): void {
    Atomics.sub(this.#words, index * COUNTERS, 1);
  }

  /** A worker has handed one on. */
  handedOn(index: number): void {
    Atomics.add(this.#words, index * COUNTERS + 2, 1);
  }

  #open(index: number): number {
    return Atomics.load(this.#words, index * COUNTERS);
  }
}

/** A difference in connections that is let be: so many, and a share of the mean. */
const SLACK_MIN = 2;
const SLACK_SHARE = 16;

/** A channel between each two workers. */
function channelsBetween(workers: number): (WorkChannelEnd | null)[][] {
  const ends = Array.from({ length: workers }, () => new Array(workers).fill(null));
  for (let left = 0; left < workers; left++) {
    for (let right = left + 1; right < workers; right++) {
      [ends[left]![right], ends[right]![left]] = workChannel({ capacityBytes: CHANNEL_BYTES });
    }
  }
  return ends;
}
