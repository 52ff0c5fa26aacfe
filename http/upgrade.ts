// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { exchangeOf, type Successor } from "./exchange.ts";
import { PendingBytes } from "./pending_bytes.ts";
import type { Transport } from "./transport.ts";

/** What {@linkcode upgradeHttp} gives. */
export interface HttpUpgrade {
  /** To be returned from the handler: 101, with the protocol that the client asked for. */
  response: Response;
  /**
   * The connection, once the response has left; what the client sent too early is read first. It
   * rejects when the response was not sent.
   */
  conn: Promise<Deno.Conn>;
}

/**
 * Takes a connection over for another protocol (RFC 9110 section 7.8).
 *
 * @throws {TypeError} when the request does not ask for it, or is not one of `serve`
 * @throws {Deno.errors.Http} when it was upgraded already
 *
 * @example An echo behind an upgrade
 * ```ts
 * import { serve, upgradeHttp } from "@photon/std/http";
 * import { connect } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const server = serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, (request) => {
 *   const { response, conn } = upgradeHttp(request);
 *   conn.then((conn) => conn.readable.pipeTo(conn.writable));
 *   return response;
 * });
 * using client = await connect({ hostname: "127.0.0.1", port: server.addr.port });
 * const head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
 * await client.writeAll(new TextEncoder().encode(`${head}!`));
 * const bytes = new Uint8Array(1);
 * while (bytes[0] !== 33) await client.readFull(bytes);
 * await client.closeWrite();
 * await server.shutdown();
 * assertEquals(bytes[0], 33);
 * ```
 */
export function upgradeHttp(request: Request): HttpUpgrade {
  const exchange = exchangeOf(request);
  if (exchange === undefined) {
    throw new TypeError(
      "Cannot upgrade request: it must come from serve, with 'Upgrade' in its 'connection' header",
    );
  }
  const protocol = request.headers.get("upgrade");
  if (!protocol) throw new TypeError("Cannot upgrade request: 'upgrade' header must be set");
  if (exchange.successor !== null) throw new Deno.errors.Http("Already upgraded");
  const { promise, resolve } = Promise.withResolvers<Deno.Conn>();
  // Who only returns the response need not catch it.
  promise.catch(() => {});
  exchange.successor = new ConnSuccessor(resolve);
  const headers = { connection: "Upgrade", upgrade: protocol };
  return { response: new Response(null, { status: 101, headers }), conn: promise };
}

/** Makes a connection of what was taken over. */
export class ConnSuccessor implements Successor {
  readonly #resolve: (conn: Deno.Conn | Promise<Deno.Conn>) => void;

  /** Gives it to a function. */
  constructor(resolve: (conn: Deno.Conn | Promise<Deno.Conn>) => void) {
    this.#resolve = resolve;
  }

  takeOver(transport: Transport, rest: Uint8Array): void {
    // What still comes until the transport lets go belongs behind the rest.
    const early = new PendingBytes();
    early.append(rest, 0, rest.length);
    const take = (bytes: Uint8Array, start: number, end: number) => early.append(bytes, start, end);
    transport.redirect({ take, ended() {} });
    this.#resolve(transport.handOver(() => early.takeAll()));
  }

  /** The connection reads the end by itself. */
  ended(): void {}

  fail(error: Error): void {
    this.#resolve(Promise.reject(error));
  }
}
