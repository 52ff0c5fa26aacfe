// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Accept, CqeFlag, Op } from "../ffi/abi.ts";
import { noteOpened } from "../ffi/descriptor_table.ts";
import { Errno, osError } from "../ffi/errno.ts";
import { closeDescriptor, peerName, removeFile, socketName } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import type { Completion } from "../io/slot_table.ts";
import type { AcceptedSocket, ListenSocket } from "./stream_socket.ts";
import { UringStreamSocket } from "./uring_socket.ts";

/**
 * Connections that may wait to be accepted on our side; then the kernel keeps the next ones in its
 * backlog until `accept` has made room.
 */
export const ACCEPT_QUEUE_MAX = 64;
/** Pause after the process ran out of descriptors, so that a loop over `accept` does not spin. */
export const ACCEPT_BACKOFF_MS = 10;

interface Waiter<A extends Deno.Addr> {
  readonly resolve: (accepted: AcceptedSocket<A>) => void;
  readonly reject: (reason: unknown) => void;
}

const SOCK_CLOEXEC = 0o2000000;
const CLOSED = "Listener has been closed";

/** A listening socket on the ring: one accept entry serves all connections until it is stopped. */
export class UringListenSocket<A extends Deno.Addr> implements ListenSocket<A>, Completion {
  readonly fd: number;
  readonly addr: A;

  readonly #engine: Engine;
  readonly #queue: number[] = [];
  #waiter: Waiter<A> | null = null;
  #slot = -1;
  #hold = true;
  #closed = false;
  #retired = false;
  /** Set while the accept entries of a listener that retires are ending. */
  #onRetired: (() => void) | null = null;
  /** How the entry that sweeps up after a retirement accepts; 0 before. */
  #sweep = 0;
  #everStarted = false;
  #backOffTimer = 0;

  /** Takes over a listening socket. */
  constructor(engine: Engine, fd: number) {
    this.#engine = engine;
    this.fd = fd;
    this.addr = socketName(fd) as A;
  }

  accept(signal?: AbortSignal): Promise<AcceptedSocket<A>> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    for (let fd = this.#queue.shift(); fd !== undefined; fd = this.#queue.shift()) {
      const accepted = this.#accepted(fd);
      if (accepted) return Promise.resolve(accepted);
    }
    if (this.#retired && this.#slot < 0) {
      return Promise.reject(new Deno.errors.BadResource(CLOSED));
    }
    const promise = new Promise<AcceptedSocket<A>>((resolve, reject) => {
      this.#waiter = { resolve, reject };
    });
    if (signal) this.#withdrawOnAbort(signal, promise);
    if (this.#slot < 0) this.#start();
    else this.#engine.hold(this.#slot, this, this.#hold);
    return promise;
  }

  /** Stops listening before it returns: the address can be listened on again at once. */
  close(): void {
    this.#closed = true;
    if (this.#engine.cancel(this.#slot, this)) this.#engine.submitNow();
    closeDescriptor(this.fd);
    for (const fd of this.#queue.splice(0)) closeDescriptor(fd);
    // One that is retired has left its file to somebody else.
    if (!this.#retired) removeSocketFile(this.addr);
    this.#reject(new Deno.errors.BadResource(CLOSED));
    this.#onRetired?.();
  }

  /**
   * A connection wakes one accept entry of all that wait on the socket, in this process and in
   * others (`EPOLLEXCLUSIVE`). One that has woken ours when it is cancelled wakes no other, so what
   * is in the backlog then is taken here: the successor's entry could sleep beside it for ever.
   */
  async retire(): Promise<void> {
    this.#retired = true;
    const ended = new Promise<void>((resolve) => this.#onRetired = resolve);
    if (!this.#engine.cancel(this.#slot, this)) {
      // What never accepted was never woken: its connections are for others.
      if (this.#everStarted) this.#goOnRetiring(0);
      else this.#endRetired();
    }
    await ended;
  }

  ref(): void {
    this.#hold = true;
    this.#engine.hold(this.#slot, this, this.#waiter !== null);
    Deno.refTimer(this.#backOffTimer);
  }

  unref(): void {
    this.#hold = false;
    this.#engine.hold(this.#slot, this, false);
    Deno.unrefTimer(this.#backOffTimer);
  }

  /** Takes a completion of the accept entry: a connection, or the end of the entry. */
  complete(result: number, flags: number): void {
    if ((flags & CqeFlag.MORE) === 0) this.#slot = -1;
    if (result >= 0) this.#arrived(result);
    if (this.#closed) return;
    if (this.#retired) {
      if (this.#slot < 0) this.#goOnRetiring(result);
      return;
    }
    if (result < 0 && !isTransient(result)) return this.#failed(result);
    if (this.#slot < 0 && this.#waiter) this.#start();
  }

  /** An entry is over: sweeps up what is left in the backlog, until nothing is. */
  #goOnRetiring(result: number): void {
    if (this.#sweep === 0) this.#sweep = Accept.MULTISHOT | Accept.DONTWAIT;
    else if (result === -Errno.EINVAL && this.#sweep & Accept.DONTWAIT) {
      // Before 6.10 it is cancelled as soon as it has found nothing more.
      this.#sweep = Accept.MULTISHOT;
    } else if (result < 0) return this.#endRetired();
    try {
      this.#submit(this.#sweep);
    } catch {
      // The engine is closed or full.
      return this.#endRetired();
    }
    if (!(this.#sweep & Accept.DONTWAIT)) this.#engine.cancel(this.#slot, this);
  }

  /** Nothing comes any more. */
  #endRetired(): void {
    this.#reject(new Deno.errors.BadResource(CLOSED));
    this.#onRetired?.();
  }

  /** Starts the entry; when the engine refuses, so does the accept that waits. */
  #start(): void {
    try {
      this.#submit(Accept.MULTISHOT);
    } catch (error) {
      this.#reject(error);
    }
  }

  #submit(flags: number): void {
    this.#everStarted = true;
    this.#slot = this.#engine.submit(
      this,
      this.#hold && this.#waiter !== null,
      Op.ACCEPT | flags << 16,
      this.fd,
      0,
      0,
      0,
      0,
      0,
      SOCK_CLOEXEC,
    );
  }

  #arrived(fd: number): void {
    noteOpened(fd);
    if (this.#closed) return closeDescriptor(fd);
    const waiter = this.#waiter;
    if (waiter === null) {
      this.#queue.push(fd);
      if (this.#queue.length >= ACCEPT_QUEUE_MAX) this.#engine.cancel(this.#slot, this);
      return;
    }
    const accepted = this.#accepted(fd);
    if (accepted === null) return;
    this.#waiter = null;
    // A listener that nobody awaits does not keep the process alive.
    this.#engine.hold(this.#slot, this, false);
    waiter.resolve(accepted);
  }

  #failed(result: number): void {
    const error = osError(-result);
    if (result !== -Errno.EMFILE && result !== -Errno.ENFILE) return this.#reject(error);
    if (this.#waiter === null) return;
    // With no operation in flight it is the timer that holds the process for the accept.
    // Not its number, by which Deno does not find it.
    const timer: unknown = setTimeout(() => this.#reject(error), ACCEPT_BACKOFF_MS);
    this.#backOffTimer = timer as number;
    if (!this.#hold) Deno.unrefTimer(this.#backOffTimer);
  }

  #reject(reason: unknown): void {
    clearTimeout(this.#backOffTimer);
    this.#waiter?.reject(reason);
    this.#waiter = null;
  }

  /** Gives the connection its addresses; null when the peer is gone, which is passed over. */
  #accepted(fd: number): AcceptedSocket<A> | null {
    try {
      const localAddr = socketName(fd) as A;
      const remoteAddr = peerName(fd) as A;
      return { socket: new UringStreamSocket(this.#engine, fd), localAddr, remoteAddr };
    } catch {
      closeDescriptor(fd);
      return null;
    }
  }

  #withdrawOnAbort(signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => {
      this.#engine.hold(this.#slot, this, false);
      this.#reject(signal.reason);
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}

/** The end of an accept entry that says nothing about the listener (`accept(2)`). */
function isTransient(result: number): boolean {
  return result === -Errno.ECANCELED || result === -Errno.ECONNABORTED || result === -Errno.EINTR;
}

/** A Unix listener's file goes with it, as Deno's does; one that is gone already is no matter. */
function removeSocketFile(addr: Deno.Addr): void {
  if (addr.transport === "unix" && addr.path && !addr.path.startsWith("\0")) removeFile(addr.path);
}
