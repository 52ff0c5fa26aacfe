// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AcceptedSocket, ListenSocket } from "./stream_socket.ts";

/**
 * A listening socket of the portable engine: one of Deno's own listeners.
 *
 * Deno cannot take an accept back. One that outlives its caller is left running, holds the process
 * no longer, and its connection goes to the next caller.
 */
export class DenoListenSocket<A extends Deno.NetAddr | Deno.UnixAddr> implements ListenSocket<A> {
  /** Deno tells no descriptor. */
  readonly fd = -1;
  readonly addr: A;

  readonly #listener: Deno.Listener;
  readonly #adopt: (conn: Deno.Conn) => AcceptedSocket<A>;
  #waiter: Waiter<A> | null = null;
  #accepting = false;
  /** What an accept brought that nobody waited for any more. */
  #kept: Outcome | null = null;
  #closed = false;
  #hold = true;

  /** Takes over an open listener, and the way to make a socket of every connection. */
  constructor(listener: Deno.Listener, adopt: (conn: Deno.Conn) => AcceptedSocket<A>) {
    this.#listener = listener;
    this.#adopt = adopt;
    this.addr = listener.addr as A;
  }

  accept(signal?: AbortSignal): Promise<AcceptedSocket<A>> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<AcceptedSocket<A>>();
    const waiter: Waiter<A> = { resolve, reject };
    this.#waiter = waiter;
    if (signal) this.#withdrawOnAbort(waiter, signal, promise);
    const kept = this.#kept;
    this.#kept = null;
    if (kept) this.#deliver(kept);
    else if (!this.#accepting) this.#accept();
    this.#updateHold();
    return promise;
  }

  /** A pending accept rejects when Deno has let go of the address. */
  close(): void {
    this.#closed = true;
    if (this.#kept && "conn" in this.#kept) this.#kept.conn.close();
    this.#kept = null;
    this.#listener.close();
  }

  ref(): void {
    this.#hold = true;
    this.#updateHold();
  }

  unref(): void {
    this.#hold = false;
    this.#updateHold();
  }

  async #accept(): Promise<void> {
    this.#accepting = true;
    let outcome: Outcome;
    try {
      outcome = { conn: await this.#listener.accept() };
    } catch (error) {
      outcome = { error };
    }
    this.#accepting = false;
    if (this.#closed && "conn" in outcome) {
      outcome.conn.close();
      outcome = { error: new Deno.errors.BadResource("Listener has been closed") };
    }
    if (this.#waiter) this.#deliver(outcome);
    else this.#kept = outcome;
  }

  #deliver(outcome: Outcome): void {
    const { resolve, reject } = this.#waiter!;
    this.#waiter = null;
    if ("error" in outcome) return reject(outcome.error);
    try {
      resolve(this.#adopt(outcome.conn));
    } catch (error) {
      reject(error);
    }
  }

  #withdrawOnAbort(waiter: Waiter<A>, signal: AbortSignal, promise: Promise<unknown>): void {
    const abort = () => {
      if (this.#waiter === waiter) this.#waiter = null;
      waiter.reject(signal.reason);
      this.#updateHold();
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort);
    promise.then(done, done);
  }

  #updateHold(): void {
    if (this.#closed) return;
    if (this.#hold && this.#waiter) this.#listener.ref();
    else this.#listener.unref();
  }
}

interface Waiter<A extends Deno.Addr> {
  readonly resolve: (accepted: AcceptedSocket<A>) => void;
  readonly reject: (reason: unknown) => void;
}

type Outcome = { conn: Deno.Conn } | { error: unknown };
