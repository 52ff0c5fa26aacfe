// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { AcceptCounts, AcceptGate } from "./accept_gate.ts";
import type { TransferOptions } from "./stream_conn.ts";
import type { AcceptedSocket, ListenSocket } from "./stream_socket.ts";

/**
 * Accepts connections. Drop-in for {@linkcode Deno.Listener}; made by `listen`.
 *
 * @example Serve one connection
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const client = await connect({ port: listener.addr.port });
 * for await (const conn of listener) {
 *   conn.close();
 *   break;
 * }
 * client.close();
 * ```
 */
export class Listener<T extends Deno.Conn, A extends Deno.Addr>
  implements Deno.Listener<T, A>, AsyncIterable<T>, Disposable {
  readonly #socket: ListenSocket<A>;
  readonly #wrap: (accepted: AcceptedSocket<A>) => T;
  readonly #gate: AcceptGate | null;
  #closed = false;
  #accepting = false;

  /**
   * Takes over a listening socket and the way to make connections of what it accepts.
   *
   * @param gate Holds it to its limits, where it has any
   */
  constructor(
    socket: ListenSocket<A>,
    wrap: (accepted: AcceptedSocket<A>) => T,
    gate: AcceptGate | null = null,
  ) {
    this.#socket = socket;
    this.#wrap = wrap;
    this.#gate = gate;
  }

  /** The socket underneath, for the rest of net. */
  static socketOf<T extends Deno.Conn, A extends Deno.Addr>(
    listener: Listener<T, A>,
  ): ListenSocket<A> {
    if (listener.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    return listener.#socket;
  }

  /** What the limits have let in, held up and turned away; null without limits. */
  get acceptCounts(): AcceptCounts | null {
    return this.#gate?.counts ?? null;
  }

  /** The address that is listened on, with the port that was assigned. */
  get addr(): A {
    return this.#socket.addr;
  }

  /**
   * Waits for the next connection.
   *
   * @throws {Deno.errors.BadResource} when the listener is closed, also while waiting
   * @throws {Deno.errors.Busy} while another accept waits
   * @throws {Error} when the process is out of descriptors (`.code` is `"EMFILE"`); the listener
   * goes on and may be asked again
   */
  async accept(options: TransferOptions = {}): Promise<T> {
    if (this.#closed) throw new Deno.errors.BadResource(CLOSED);
    if (this.#accepting) throw new Deno.errors.Busy("Another accept task is ongoing");
    this.#accepting = true;
    try {
      const { signal } = options;
      if (this.#gate === null) return this.#wrap(await this.#socket.accept(signal));
      return await this.#gate.accept(() => this.#socket.accept(signal), this.#wrap, signal);
    } finally {
      this.#accepting = false;
    }
  }

  /**
   * Closes the listener; a waiting accept rejects with `BadResource`.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.#closed = true;
    this.#socket.close();
    this.#gate?.close(new Deno.errors.BadResource(CLOSED));
  }

  /** A waiting accept keeps the process alive (the default). */
  ref(): void {
    if (!this.#closed) this.#socket.ref();
  }

  /** Waiting and future accepts do not keep the process alive. */
  unref(): void {
    if (!this.#closed) this.#socket.unref();
  }

  /** The connections as they come, until the listener is closed; leaving the loop closes it. */
  [Symbol.asyncIterator](): AsyncIterableIterator<T> {
    return {
      next: async () => {
        try {
          return { done: false, value: await this.accept() };
        } catch (error) {
          if (error instanceof Deno.errors.BadResource) return { done: true, value: undefined };
          throw error;
        }
      },
      return: (value?: T) => {
        this[Symbol.dispose]();
        return Promise.resolve({ done: true, value });
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Closes the listener unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }
}

const CLOSED = "Listener has been closed";
