// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import { Listener } from "./listener.ts";
import type { AcceptedSocket, ListenSocket } from "./stream_socket.ts";
import type { TlsConn } from "./tls_conn.ts";
import type { ServerContexts } from "./tls_context.ts";
import { checkTlsServer, type TlsServerOptions } from "./tls_options.ts";

/**
 * Accepts TLS connections. Drop-in for {@linkcode Deno.TlsListener}; made by `listenTls`.
 *
 * @example Show a new certificate without a restart
 * ```ts
 * import type { TlsListener } from "@photon/std/net";
 *
 * async function renew(listener: TlsListener): Promise<void> {
 *   const cert = await Deno.readTextFile("server.pem");
 *   const key = await Deno.readTextFile("server.key");
 *   listener.reload({ cert, key });
 * }
 * void renew;
 * ```
 */
export class TlsListener extends Listener<TlsConn, Deno.NetAddr> {
  readonly #contexts: ServerContexts | null;
  #closed = false;

  /** Takes over a listening socket, the way to make connections, and what they are shown. */
  constructor(
    socket: ListenSocket<Deno.NetAddr>,
    wrap: (accepted: AcceptedSocket<Deno.NetAddr>) => TlsConn,
    contexts: ServerContexts | null,
  ) {
    super(socket, wrap);
    this.#contexts = contexts;
  }

  /**
   * Shows other certificates, and asks for others, from the next connection on. Those that are
   * there go on with what they began with. When something cannot be loaded, nothing changes.
   *
   * @throws {Deno.errors.InvalidData} When a key or certificate is none
   * @throws {Deno.errors.BadResource} When the listener is closed
   * @throws {Deno.errors.NotSupported} On the portable engine
   */
  reload(options: TlsServerOptions): void {
    if (this.#closed) throw new Deno.errors.BadResource("Listener has been closed");
    if (this.#contexts === null) throw notSupported("tlsReload");
    this.#contexts.replace(checkTlsServer("listenTls", options));
  }

  /**
   * Closes the listener; a waiting accept rejects with `BadResource`.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  override close(): void {
    super.close();
    this.#closed = true;
    this.#contexts?.[Symbol.dispose]();
  }
}
