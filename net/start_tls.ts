// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkNet } from "../ffi/permission.ts";
import type { Duplex } from "../io/byte_stream.ts";
import { engineInfo } from "../io/engine_info.ts";
import { notSupported } from "../io/portable.ts";
import { denoStartTls } from "./deno_tls.ts";
import { takeOver } from "./duplex_socket.ts";
import type { StreamConn } from "./stream_conn.ts";
import { startClient } from "./tls_client.ts";
import { TlsConn } from "./tls_conn.ts";
import { ServerContexts } from "./tls_context.ts";
import {
  checkTlsClient,
  checkTlsServer,
  type StartTlsOptions,
  type TlsServerOptions,
} from "./tls_options.ts";
import { TlsSocket } from "./tls_socket.ts";

/**
 * Begins TLS as a client on a connection that is open. Drop-in for {@linkcode Deno.startTls}; the
 * connection may be one over a Unix socket or over TLS, or any two-way stream, as well.
 *
 * The connection belongs to the result: it is closed to its owner from then on.
 *
 * @throws {Deno.errors.Busy} when somebody reads from it
 * @throws {Deno.errors.BadResource} when it is closed
 *
 * @example After the greeting of a mail server
 * ```ts
 * import { connect, startTls, type TlsConn } from "@photon/std/net";
 *
 * async function secure(hostname: string): Promise<TlsConn> {
 *   const conn = await connect({ hostname, port: 587 });
 *   // ... STARTTLS, as the protocol has it ...
 *   return await startTls(conn, { hostname });
 * }
 * void secure;
 * ```
 */
export async function startTls(
  conn: StreamConn<Deno.Addr> | Duplex,
  options: StartTlsOptions = {},
): Promise<TlsConn> {
  options.signal?.throwIfAborted();
  const client = checkTlsClient("startTls", options);
  checkNet(client.hostname, 0);
  if (engineInfo().engine !== "uring") return await denoStartTls(conn, client);
  const { socket, localAddr, remoteAddr } = takeOver(conn);
  return new TlsConn({
    socket: startClient(socket, client, remoteAddr.port ?? 0),
    localAddr,
    remoteAddr,
  });
}

/**
 * Begins TLS as a server on a connection that is open, as a mail server does when it is asked to.
 * The connection belongs to the result.
 *
 * @throws {Deno.errors.Busy} when somebody reads from it
 * @throws {Deno.errors.BadResource} when it is closed
 * @throws {Deno.errors.InvalidData} when key or certificate are none
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example Answer STARTTLS
 * ```ts
 * import { acceptTls, type TcpConn, type TlsConn } from "@photon/std/net";
 *
 * function secure(conn: TcpConn, cert: string, key: string): TlsConn {
 *   return acceptTls(conn, { cert, key });
 * }
 * void secure;
 * ```
 */
export function acceptTls(
  conn: StreamConn<Deno.Addr> | Duplex,
  options: TlsServerOptions,
): TlsConn {
  const server = checkTlsServer("listenTls", options);
  if (engineInfo().engine !== "uring") throw notSupported("tlsAccept");
  using contexts = new ServerContexts(server);
  const { handshakeTimeoutMs } = contexts;
  const { socket, localAddr, remoteAddr } = takeOver(conn);
  return new TlsConn({
    socket: new TlsSocket(socket, { side: contexts.start(), handshakeTimeoutMs }),
    localAddr,
    remoteAddr,
  });
}
