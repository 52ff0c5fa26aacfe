// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { StreamConn } from "./stream_conn.ts";
import type { AcceptedSocket } from "./stream_socket.ts";

/** How many connections a listener lets in, and how fast. */
export interface AcceptLimits {
  /**
   * Connections that may be open at once; the next ones wait in the kernel's backlog until one is
   * closed.
   *
   * @default {Infinity}
   */
  connections?: number;
  /**
   * Connections of one peer address that may be open at once; the next ones are reset.
   *
   * @default {Infinity}
   */
  connectionsPerAddress?: number;
  /**
   * Connections a second; the next ones wait.
   *
   * @default {Infinity}
   */
  acceptsPerSecond?: number;
  /**
   * Connections that may come at once after a pause, with `acceptsPerSecond`.
   *
   * @default {1}
   */
  acceptBurst?: number;
}

/** What the limits have done. */
export interface AcceptCounts {
  /** Connections that are open. */
  open: number;
  /** Connections that were let in. */
  accepted: number;
  /** Connections that were reset, as their address had too many. */
  refused: number;
}

/**
 * Holds a listener to its limits. A connection counts until it is closed.
 *
 * @example What `listen` does with its option `limits`
 * ```ts
 * import { listen } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0, limits: { connections: 100 } });
 * assertEquals(listener.acceptCounts, { open: 0, accepted: 0, refused: 0 });
 * ```
 */
export class AcceptGate {
  readonly #limits: Required<AcceptLimits>;
  readonly #perAddress: Map<string, number> = new Map();
  #open = 0;
  #accepted = 0;
  #refused = 0;
  /** Accepts that may be made at once, and when that was true. */
  #tokens: number;
  #tokensAtMs = performance.now();
  /** The accept that waits for one of the limits. */
  #wake: (() => void) | null = null;
  #ended: { reason: unknown } | null = null;

  /**
   * A gate that nobody has passed yet.
   *
   * @throws {RangeError} when a limit is not above 0
   */
  constructor(limits: AcceptLimits) {
    const { connections = Infinity, connectionsPerAddress = Infinity } = limits;
    const { acceptsPerSecond = Infinity, acceptBurst = 1 } = limits;
    this.#limits = { connections, connectionsPerAddress, acceptsPerSecond, acceptBurst };
    for (const [name, limit] of Object.entries(this.#limits)) {
      if (limit > 0) continue;
      throw new RangeError(`Cannot listen: ${name} must be above 0, received ${limit}`);
    }
    this.#tokens = acceptBurst;
  }

  /** What was let in and turned away. */
  get counts(): AcceptCounts {
    return { open: this.#open, accepted: this.#accepted, refused: this.#refused };
  }

  /** The next connection that the limits allow. */
  async accept<A extends Deno.Addr, T>(
    next: () => Promise<AcceptedSocket<A>>,
    wrap: (accepted: AcceptedSocket<A>) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    for (;;) {
      await this.#passable(signal);
      const accepted = await next();
      const address = addressOf(accepted.remoteAddr);
      const count = this.#perAddress.get(address) ?? 0;
      if (count >= this.#limits.connectionsPerAddress) {
        this.#refused++;
        refuse(accepted);
        continue;
      }
      this.#perAddress.set(address, count + 1);
      this.#open++;
      this.#accepted++;
      this.#tokens--;
      const conn = wrap(accepted);
      if (conn instanceof StreamConn) StreamConn.whenClosed(conn, () => this.#left(address));
      return conn;
    }
  }

  /** Rejects the accept that waits. */
  close(reason: unknown): void {
    this.#ended = { reason };
    this.#wake?.();
  }

  /** Resolves when one more may be accepted. */
  async #passable(signal: AbortSignal | undefined): Promise<void> {
    for (;;) {
      if (this.#ended) throw this.#ended.reason;
      signal?.throwIfAborted();
      const full = this.#open >= this.#limits.connections;
      const delayMs = full ? Infinity : this.#untilTokenMs();
      if (delayMs <= 0) return;
      await this.#pause(delayMs, signal);
    }
  }

  #untilTokenMs(): number {
    const { acceptsPerSecond, acceptBurst } = this.#limits;
    if (acceptsPerSecond === Infinity) return 0;
    const nowMs = performance.now();
    const refilled = (nowMs - this.#tokensAtMs) * acceptsPerSecond / 1000;
    this.#tokens = Math.min(acceptBurst, this.#tokens + refilled);
    this.#tokensAtMs = nowMs;
    return this.#tokens >= 1 ? 0 : (1 - this.#tokens) * 1000 / acceptsPerSecond;
  }

  /** Waits for a time, for a connection to be closed, for the end, or the signal. */
  async #pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    signal?.addEventListener("abort", this.#wake, { once: true });
    const timer = delayMs < Infinity ? setTimeout(resolve, Math.ceil(delayMs)) : undefined;
    await promise;
    clearTimeout(timer);
    signal?.removeEventListener("abort", resolve as () => void);
    this.#wake = null;
  }

  #left(address: string): void {
    const count = this.#perAddress.get(address)! - 1;
    if (count === 0) this.#perAddress.delete(address);
    else this.#perAddress.set(address, count);
    this.#open--;
    this.#wake?.();
  }
}

function addressOf(addr: Deno.Addr): string {
  return "hostname" in addr ? addr.hostname : "";
}

/** Closes at once, with a reset where the engine can send one: the peer is to know. */
function refuse({ socket }: AcceptedSocket<Deno.Addr>): void {
  try {
    socket.setLinger(0);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotSupported)) throw error;
  }
  socket.close();
}
