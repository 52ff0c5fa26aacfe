// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { writeAll } from "../io/byte_stream.ts";
import { startTimer } from "../io/engine_timer.ts";
import { CLOSE_FLUSH_MS } from "../io/fd_stream.ts";
import type { StreamSocket } from "./stream_socket.ts";

/**
 * Where the ciphertext of one connection goes, in the order in which it was made: a record that is
 * lost or comes too late ends the connection.
 *
 * What the socket takes at once is not copied. The rest is kept until it does; that is what one
 * write made, for writes wait while the outlet is busy.
 */
export class TlsOutlet {
  readonly #socket: StreamSocket;
  #kept: Uint8Array[] = [];
  #draining: Promise<void> | null = null;
  #failure: { error: unknown } | null = null;

  /** Sends on a socket that nobody else writes to. */
  constructor(socket: StreamSocket) {
    this.#socket = socket;
  }

  /** Whether bytes wait for the socket. */
  get busy(): boolean {
    return this.#draining !== null;
  }

  /** Throws what sending failed with, if it did. */
  check(): void {
    if (this.#failure !== null) throw this.#failure.error;
  }

  /** Sends bytes, which are the caller's again when it returns. */
  send(bytes: Uint8Array): void {
    if (bytes.length === 0 || this.#failure !== null) return;
    let taken = 0;
    try {
      if (this.#draining === null) taken = this.#socket.writeNow?.(bytes) ?? 0;
    } catch (error) {
      this.#failure = { error };
      return;
    }
    if (taken === bytes.length) return;
    this.#kept.push(bytes.slice(taken));
    this.#draining ??= this.#drain();
  }

  /** Resolves when nothing waits; rejects with what sending failed with. */
  async drained(): Promise<void> {
    await this.#draining;
    this.check();
  }

  /** Resolves when nothing waits, also because sending failed. */
  async settled(): Promise<void> {
    await this.#draining;
  }

  /**
   * Closes the socket behind the goodbye, where the kernel makes the records, but does not wait for
   * a peer that takes nothing any more.
   */
  closeBehindGoodbye(): void {
    const socket = this.#socket;
    // Who reads hears of the end now.
    socket.shutdown("read").catch(() => {});
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const stop = startTimer(CLOSE_FLUSH_MS, resolve);
    const said = this.drained().then(() => socket.sayGoodbye!());
    said.catch(() => {});
    Promise.race([said, late]).catch(() => {}).then(() => {
      stop();
      socket.close();
    });
  }

  async #drain(): Promise<void> {
    try {
      for (let next = this.#kept.shift(); next; next = this.#kept.shift()) {
        await writeAll(this.#socket, next);
      }
    } catch (error) {
      this.#failure = { error };
      this.#kept = [];
    } finally {
      this.#draining = null;
    }
  }
}
