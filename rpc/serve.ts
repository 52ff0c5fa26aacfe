// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Implementation } from "./handlers.ts";
import type { RpcListener, ServeOptions } from "./serve_options.ts";
import { ServerCore } from "./server_core.ts";

/**
 * Serves services on a listener; either framing, as each client speaks.
 *
 * @throws {RangeError} When two services have the same id
 * @throws {TypeError} When a handler is missing
 *
 * @example A server and a client
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { defineService, implement, method, RpcChannel, serve } from "@photon/std/rpc";
 * import { string, struct } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const text = struct({ text: string });
 * const echo = defineService({
 *   id: 1,
 *   methods: { say: method({ id: 1, request: text, response: text }) },
 * });
 *
 * const handlers = implement(echo, { say: (request) => request });
 * await using server = serve(listen({ port: 0 }), [handlers]);
 * using channel = new RpcChannel(await connect({ port: server.addr.port }));
 * assertEquals(await channel.client(echo).say({ text: "hi" }), { text: "hi" });
 * ```
 */
export function serve<L extends RpcListener>(
  listener: L,
  implementations: readonly Implementation[],
  options: ServeOptions = {},
): RpcServer<L> {
  return new RpcServer(listener, implementations, options);
}

/**
 * A server at work; made by {@linkcode serve}.
 *
 * @example Its face
 * ```ts
 * import { listen } from "@photon/std/net";
 * import { Health, serve } from "@photon/std/rpc";
 * import { assertEquals } from "@std/assert";
 *
 * const server = serve(listen({ hostname: "127.0.0.1", port: 0 }), [new Health().implementation]);
 * assertEquals([server.calls, server.connections], [0, 0]);
 * await server.shutdown();
 * ```
 */
export class RpcServer<L extends RpcListener = RpcListener> implements AsyncDisposable {
  readonly #listener: L;
  readonly #core: ServerCore;

  /** Use {@linkcode serve}. */
  constructor(listener: L, implementations: readonly Implementation[], options: ServeOptions) {
    this.#listener = listener;
    this.#core = new ServerCore(listener, implementations, options);
  }

  /** Address of the listener, where it has one. */
  get addr(): L extends { addr: infer A } ? A : undefined {
    return (this.#listener as { addr?: unknown }).addr as never;
  }

  /** Calls being served. */
  get calls(): number {
    return this.#core.calls;
  }

  /** Connections that are open. */
  get connections(): number {
    return this.#core.connections;
  }

  /** Resolves when the listener has ended and all connections are closed. */
  get finished(): Promise<void> {
    return this.#core.finished;
  }

  /**
   * Takes no more calls, answers those that are there, for `shutdownGraceMs` at most, and closes
   * all connections.
   */
  shutdown(): Promise<void> {
    return this.#core.shutdown();
  }

  /** Ends everything at once; handlers are told by their signals. */
  close(): void {
    this.#core.close();
  }

  /** As {@linkcode shutdown}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.shutdown();
  }
}
