// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { noteClosed, noteOpened } from "../ffi/descriptor_table.ts";
import { closeDescriptor, duplicateDescriptor, peerName, socketName } from "../ffi/socket.ts";
import { openEngine } from "../io/engine_info.ts";
import { openWorkChannel, type WorkChannel } from "../io/work_channel.ts";
import { TcpConn } from "./conn.ts";
import { type ListenShare, ShareCounters } from "./share_listen.ts";
import { StreamConn } from "./stream_conn.ts";
import type { AcceptedSocket } from "./stream_socket.ts";
import { ACCEPT_QUEUE_MAX, UringListenSocket } from "./uring_listener.ts";
import { UringStreamSocket } from "./uring_socket.ts";

/**
 * Listens in a worker on a port that it shares with the others of its pool. A connection that this
 * worker accepts while another serves clearly fewer is handed on to that one: all have about as
 * many, however the kernel deals them out.
 *
 * @param share What the pool's owner has opened by `shareListen`
 * @param index Which of the workers this is: the context of `WorkPool.run` says
 *
 * @example An echo service for `WorkPool.run`
 * ```ts
 * import type { WorkMainContext } from "@photon/std/io";
 * import { type ListenShare, listenShared } from "@photon/std/net";
 *
 * export async function main(context: WorkMainContext, share: ListenShare): Promise<void> {
 *   using listener = listenShared(share, context.index);
 *   context.signal.addEventListener("abort", () => listener.close());
 *   context.ready();
 *   for await (const conn of listener) conn.readable.pipeTo(conn.writable).catch(() => {});
 * }
 * ```
 */
export function listenShared(share: ListenShare, index: number): SharedListener {
  return new SharedListener(share, index);
}

/**
 * One worker's part of a shared port; {@linkcode listenShared} gives it.
 *
 * @example Connections as they come
 * ```ts
 * import { connect, SharedListener, shareListen } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 *
 * if (engineInfo().engine === "uring") {
 *   using shared = shareListen({ hostname: "127.0.0.1", port: 0 }, 1);
 *   using listener = new SharedListener(shared.share, 0);
 *   using _client = await connect({ port: shared.addr.port });
 *   using _conn = await listener.accept();
 * }
 * ```
 */
export class SharedListener implements AsyncIterable<TcpConn>, Disposable {
  readonly #index: number;
  readonly #counters: ShareCounters;
  readonly #socket: UringListenSocket<Deno.NetAddr>;
  readonly #channels: (WorkChannel<number> | null)[];
  readonly #queue: TcpConn[] = [];
  readonly #waiters: PromiseWithResolvers<TcpConn>[] = [];
  #resume: (() => void) | null = null;
  #retired = false;
  /** Nothing is accepted any more. */
  #ended = false;
  #closed = false;

  /** Use {@linkcode listenShared}. */
  constructor(share: ListenShare, index: number) {
    const fd = share.fds[index];
    if (fd === undefined) {
      throw new RangeError(
        `Cannot listen: there are ${share.fds.length} workers, this is ${index}`,
      );
    }
    this.#index = index;
    this.#counters = new ShareCounters(share);
    // Whoever was here before has died with its connections.
    this.#counters.reset(index);
    // The owner keeps its own, for the worker that takes this one's place.
    this.#socket = new UringListenSocket(openEngine(), duplicateDescriptor(fd));
    this.#channels = share.ends[index]!.map((end) => end && openWorkChannel<number>(end));
    this.#acceptAll().finally(() => this.#end());
    for (const channel of this.#channels) if (channel) this.#receiveAll(channel);
  }

  /** The address that is listened on. */
  get addr(): Deno.NetAddr {
    return this.#socket.addr;
  }

  /**
   * Waits for the next connection of this worker.
   *
   * @throws {Deno.errors.BadResource} when the listener is closed, also while waiting
   */
  accept(): Promise<TcpConn> {
    if (this.#closed) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    const conn = this.#queue.shift();
    this.#resume?.();
    if (conn) return Promise.resolve(conn);
    if (this.#ended) return Promise.reject(new Deno.errors.BadResource(CLOSED));
    const waiter = Promise.withResolvers<TcpConn>();
    this.#waiters.push(waiter);
    return waiter.promise;
  }

  /**
   * Stops accepting, for another process listens on (`handOver`): what was accepted is still given,
   * then a loop over the listener ends. Close it when the others of the pool have retired as well,
   * for they may hand connections on until then.
   */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#socket.retire();
  }

  /** Stops listening; what others hand on is closed. Further calls do nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    for (const channel of this.#channels) channel?.close();
    for (const conn of this.#queue.splice(0)) conn.close();
    this.#end();
    this.#resume?.();
  }

  /** The connections as they come, until the listener is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<TcpConn, void> {
    try {
      for (;;) yield await this.accept();
    } catch (error) {
      if (!(error instanceof Deno.errors.BadResource)) throw error;
    } finally {
      if (!this.#retired) this.close();
    }
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    this.close();
  }

  async #acceptAll(): Promise<void> {
    while (!this.#closed) {
      try {
        const accepted = await this.#socket.accept();
        if (this.#closed) return accepted.socket.close();
        // Another that retires may have ended: what comes last is served here.
        const place = this.#retired ? this.#index : this.#counters.place(this.#index);
        // Counted for whom it is meant, so that the next decision knows of it.
        this.#counters.opened(place);
        if (place === this.#index) this.#take(accepted);
        else this.#handOn(accepted, place);
      } catch (error) {
        if (this.#closed || error instanceof Deno.errors.BadResource) return;
        // Out of descriptors: the socket has paused, and others may close some.
        if (!(error instanceof Error && "code" in error)) throw error;
      }
      if (this.#queue.length >= ACCEPT_QUEUE_MAX) {
        await new Promise<void>((resolve) => this.#resume = resolve);
        this.#resume = null;
      }
    }
  }

  /** All that was accepted has been given: who waits for more waits in vain. */
  #end(): void {
    this.#ended = true;
    for (const { reject } of this.#waiters.splice(0)) reject(new Deno.errors.BadResource(CLOSED));
  }

  async #receiveAll(channel: WorkChannel<number>): Promise<void> {
    try {
      for await (const fd of channel) {
        noteOpened(fd);
        if (this.#closed) this.#drop(fd);
        else this.#adopt(fd);
      }
    } catch (error) {
      if (!this.#closed) throw error;
    }
  }

  /** Gives the connection, by the number of its descriptor, to another worker. */
  #handOn({ socket: { fd } }: AcceptedSocket<Deno.NetAddr>, place: number): void {
    noteClosed(fd);
    this.#counters.handedOn(this.#index);
    this.#channels[place]!.send(fd).catch(() => {
      // That worker is gone, or has too many on their way: it is served here.
      this.#counters.closed(place);
      this.#counters.opened(this.#index);
      noteOpened(fd);
      if (this.#closed) this.#drop(fd);
      else this.#adopt(fd);
    });
  }

  #adopt(fd: number): void {
    try {
      const localAddr = socketName(fd) as Deno.NetAddr;
      const remoteAddr = peerName(fd) as Deno.NetAddr;
      this.#take({ socket: new UringStreamSocket(openEngine(), fd), localAddr, remoteAddr });
    } catch {
      // The peer is gone already.
      this.#drop(fd);
    }
  }

  #drop(fd: number): void {
    this.#counters.closed(this.#index);
    closeDescriptor(fd);
  }

  #take(accepted: AcceptedSocket<Deno.NetAddr>): void {
    const conn = new TcpConn(accepted);
    StreamConn.whenClosed(conn, () => this.#counters.closed(this.#index));
    const waiter = this.#waiters.shift();
    if (waiter) waiter.resolve(conn);
    else this.#queue.push(conn);
  }
}

const CLOSED = "Listener has been closed";
