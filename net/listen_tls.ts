// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { checkListenOptions, type TcpListenOptions, type TcpListenRequest } from "./addr.ts";
import { denoListenTls } from "./deno_tls.ts";
import type { ListenSocket, StreamSocket } from "./stream_socket.ts";
import { TlsConn } from "./tls_conn.ts";
import { ServerContexts } from "./tls_context.ts";
import { TlsListener } from "./tls_listener.ts";
import {
  checkTlsServer,
  checkTlsTransport,
  type ListenTlsOptions,
  type TlsServerRequest,
} from "./tls_options.ts";
import { TlsSocket } from "./tls_socket.ts";
import { uringListenTcp } from "./uring_listen.ts";

/**
 * Listens for TLS connections. Drop-in for {@linkcode Deno.listenTls}; it adds a certificate for
 * each host, certificates of clients, and new certificates without a restart (`reload`).
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {Deno.errors.AddrInUse} when something listens there already
 * @throws {Deno.errors.InvalidData} when key or certificate are none
 * @throws {Deno.errors.NotSupported} when OpenSSL 3 is not installed
 *
 * @example Serve with a certificate
 * ```ts
 * import { listenTls } from "@photon/std/net";
 *
 * async function serve(): Promise<void> {
 *   const cert = await Deno.readTextFile("server.pem");
 *   const key = await Deno.readTextFile("server.key");
 *   using listener = listenTls({ port: 443, cert, key, alpnProtocols: ["http/1.1"] });
 *   for await (const conn of listener) void conn.readable.pipeTo(conn.writable);
 * }
 * void serve;
 * ```
 */
export function listenTls(options: ListenTlsOptions): TlsListener {
  const { request, server } = checked(options);
  if (engineInfo().engine !== "uring") return denoListenTls(request, server);
  const { socket, contexts } = uringListenTls(request, server);
  return new TlsListener(
    socket,
    (accepted) => new TlsConn({ ...accepted, socket: secured(accepted.socket, contexts) }),
    contexts,
  );
}

/** A listening socket on the ring, and what its clients are shown; the owner closes both. */
export interface TlsListenParts {
  /** Gives connections on which nothing was said. */
  readonly socket: ListenSocket<Deno.NetAddr>;
  /** How a session with each begins. */
  readonly contexts: ServerContexts;
}

/**
 * Listens as {@linkcode listenTls} on the ring, for a protocol that shakes hands by itself: it
 * makes its own records as well, whatever `kernelTls` says.
 */
export function listenTlsParts(options: ListenTlsOptions): TlsListenParts {
  const { request, server } = checked({ ...options, kernelTls: false });
  return uringListenTls(request, server);
}

function checked(options: ListenTlsOptions) {
  checkTlsTransport(options.transport);
  const request = checkListenOptions(options as TcpListenOptions) as TcpListenRequest;
  return { request, server: checkTlsServer("listenTls", options) };
}

function uringListenTls(request: TcpListenRequest, server: TlsServerRequest): TlsListenParts {
  const contexts = new ServerContexts(server);
  try {
    return { socket: uringListenTcp(openEngine(), request), contexts };
  } catch (error) {
    contexts[Symbol.dispose]();
    throw error;
  }
}

function secured(socket: StreamSocket, contexts: ServerContexts): TlsSocket {
  const { handshakeTimeoutMs } = contexts;
  return new TlsSocket(socket, { side: contexts.start(), handshakeTimeoutMs });
}
