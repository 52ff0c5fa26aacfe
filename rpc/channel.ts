// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import type { RpcChannelOptions } from "./channel_options.ts";
import { type Caller, type Client, type ClientCall, clientOf } from "./client.ts";
import type { ClientSession } from "./client_session.ts";
import { openSession } from "./open_session.ts";
import type { Methods, Service } from "./service.ts";

/**
 * Calls over one connection: any number at once, answered in any order. It owns the connection,
 * and is over with it; see `RpcPool` for one that connects again.
 *
 * @example Two calls at once, in memory
 * ```ts
 * import { memoryDuplex } from "@photon/std/io";
 * import { defineService, implement, method, serve } from "@photon/std/rpc";
 * import { RpcChannel, struct, u32 } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const number = struct({ value: u32 });
 * const math = defineService({
 *   id: 1,
 *   methods: { square: method({ id: 1, request: number, response: number }) },
 * });
 * const [near, far] = memoryDuplex();
 * const listener = { close() {}, async *[Symbol.asyncIterator]() { yield far; } };
 * await using _server = serve(listener, [
 *   implement(math, { square: ({ value }) => ({ value: value * value }) }),
 * ]);
 * using channel = new RpcChannel(near);
 * const { square } = channel.client(math);
 * assertEquals(await Promise.all([square({ value: 2 }), square({ value: 3 })]), [
 *   { value: 4 },
 *   { value: 9 },
 * ]);
 * ```
 */
export class RpcChannel implements Caller, Disposable {
  readonly #session: ClientSession;

  /** Speaks over a connection, which it will close. */
  constructor(conn: Duplex, options: RpcChannelOptions = {}) {
    this.#session = openSession(conn, options, options.onEnd);
  }

  /** Calls in flight. */
  get size(): number {
    return this.#session.size;
  }

  /** Whether it takes new calls. */
  get usable(): boolean {
    return this.#session.usable;
  }

  /** The methods of a service, as functions. */
  client<M extends Methods>(service: Service<M>): Client<M> {
    return clientOf(service, this);
  }

  /** Calls a method; {@linkcode client} does it with types. */
  unary(call: ClientCall): Promise<unknown> {
    return this.#session.unary(call);
  }

  /** Calls a method that gives a stream; {@linkcode client} does it with types. */
  stream(call: ClientCall): AsyncIterableIterator<unknown> {
    return this.#session.stream(call);
  }

  /** Calls a method that takes a stream; {@linkcode client} does it with types. */
  collect(call: ClientCall): Promise<unknown> {
    return this.#session.collect(call);
  }

  /**
   * Resolves when the server has given a sign of life.
   *
   * @throws {RpcError} `UNAVAILABLE` when the connection is closed, `UNIMPLEMENTED` over the photon
   *   framing
   */
  ping(): Promise<void> {
    return this.#session.ping();
  }

  /** Closes the connection; calls in flight fail with `UNAVAILABLE`. */
  close(): void {
    this.#session.close();
  }

  /** As {@linkcode close}. */
  [Symbol.dispose](): void {
    this.close();
  }
}
