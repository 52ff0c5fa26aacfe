// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { copy, type CopyDestination, type CopySource } from "./copy.ts";
import { startTimer } from "../io/engine_timer.ts";

/** What {@linkcode tunnel} joins: a connection of any kind. */
export interface TunnelEnd extends CopySource, CopyDestination {
  /** Ends the writing half. */
  closeWrite(): Promise<void>;
  /** Closes the connection. */
  close(): void;
}

/** Options of {@linkcode tunnel}. */
export interface TunnelOptions {
  /** Ends the tunnel: it rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Milliseconds without a byte in either direction after which the tunnel ends with `TimedOut`.
   *
   * @default {Infinity}
   */
  idleTimeoutMs?: number;
}

/** What went through a tunnel. */
export interface TunnelCounts {
  /** Bytes from the first end to the second. */
  forward: number;
  /** Bytes from the second end to the first. */
  back: number;
}

/**
 * Joins two connections: what one brings goes to the other, both ways at once. The end of one
 * direction is passed on while the other goes on; when both have ended, or one fails, both
 * connections are closed.
 *
 * @returns How many bytes went each way
 * @throws {Deno.errors.TimedOut} when nothing moved for `idleTimeoutMs`
 * @throws {RangeError} when `idleTimeoutMs` is not above 0
 * @throws {Error} what a read or a write throws
 *
 * @example Pass a question on, and the answer back
 * ```ts
 * import { connect, listen, tunnel } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using front = listen({ hostname: "127.0.0.1", port: 0 });
 * using back = listen({ hostname: "127.0.0.1", port: 0 });
 * const [client, near] = await Promise.all([connect({ port: front.addr.port }), front.accept()]);
 * const [far, server] = await Promise.all([connect({ port: back.addr.port }), back.accept()]);
 * const joined = tunnel(near, far, { idleTimeoutMs: 10_000 });
 * await client.writeAll(new Uint8Array(3));
 * await client.closeWrite();
 * await server.readable.pipeTo(server.writable);
 * assertEquals(await joined, { forward: 3, back: 3 });
 * client.close();
 * ```
 */
export async function tunnel(
  first: TunnelEnd,
  second: TunnelEnd,
  options: TunnelOptions = {},
): Promise<TunnelCounts> {
  const { idleTimeoutMs = Infinity } = options;
  if (!(idleTimeoutMs > 0)) {
    throw new RangeError(
      `Cannot join connections: idleTimeoutMs must be above 0, received ${idleTimeoutMs}`,
    );
  }
  const ending = new AbortController();
  const signal = options.signal ? AbortSignal.any([options.signal, ending.signal]) : ending.signal;
  using idle = new IdleWatch(idleTimeoutMs, (error) => ending.abort(error));
  const onProgress = () => idle.moved();
  const pass = async (from: TunnelEnd, to: TunnelEnd) => {
    try {
      const count = await copy(from, to, { signal, onProgress });
      await to.closeWrite();
      return count;
    } catch (error) {
      // The other direction has nobody to talk to any more.
      ending.abort(error);
      throw error;
    }
  };
  try {
    const directions = await Promise.allSettled([pass(first, second), pass(second, first)]);
    const [forward, back] = directions.map((direction) => {
      // The first to fail aborts the other one, with its own reason.
      if (direction.status === "rejected") throw signal.aborted ? signal.reason : direction.reason;
      return direction.value;
    });
    return { forward: forward!, back: back! };
  } finally {
    closeUnlessClosed(first);
    closeUnlessClosed(second);
  }
}

/** Notices that nothing has moved for some time, with one timer for all bytes. */
class IdleWatch implements Disposable {
  readonly #limitMs: number;
  readonly #onIdle: (error: Error) => void;
  #movedMs = performance.now();
  #stop: () => void = () => {};

  constructor(limitMs: number, onIdle: (error: Error) => void) {
    this.#limitMs = limitMs;
    this.#onIdle = onIdle;
    if (limitMs < Infinity) this.#watch(limitMs);
  }

  /** Bytes have moved. */
  moved(): void {
    this.#movedMs = performance.now();
  }

  [Symbol.dispose](): void {
    this.#stop();
  }

  #watch(delayMs: number): void {
    this.#stop = startTimer(Math.min(delayMs, TIMER_MS_MAX), () => {
      const leftMs = this.#movedMs + this.#limitMs - performance.now();
      if (leftMs > 0) return this.#watch(leftMs);
      const message = `Cannot go on: nothing moved for ${this.#limitMs} ms`;
      this.#onIdle(new Deno.errors.TimedOut(message));
    });
  }
}

const TIMER_MS_MAX = 2 ** 31 - 1;

function closeUnlessClosed(end: TunnelEnd): void {
  try {
    end.close();
  } catch (error) {
    if (!(error instanceof Deno.errors.BadResource)) throw error;
  }
}
