// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { checkConnectOptions, type ConnectOptions, type TcpConnectRequest } from "./addr.ts";
import { denoConnectTls } from "./deno_tls.ts";
import { startClient } from "./tls_client.ts";
import { TlsConn } from "./tls_conn.ts";
import { checkTlsClient, checkTlsTransport, type ConnectTlsOptions } from "./tls_options.ts";
import { uringConnectTcp } from "./uring_connect.ts";

/**
 * Connects over TCP and begins TLS. Drop-in for {@linkcode Deno.connectTls}.
 *
 * The server's certificate has to be for the host, and signed by whom the system trusts (OpenSSL's
 * folder, or `SSL_CERT_FILE` and `SSL_CERT_DIR`) or by one of `caCerts`. As in Deno, that shows in
 * `handshake` and in what is read and written, not here.
 *
 * Sessions are resumed where the server gives tickets, which takes a third of the time.
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {Deno.errors.ConnectionRefused} when nothing listens there
 * @throws {Deno.errors.InvalidData} when `caCerts`, `key` or `cert` are none
 * @throws {Deno.errors.NotSupported} when OpenSSL 3 is not installed
 *
 * @example Connect to a host
 * ```ts
 * import { connectTls } from "@photon/std/net";
 *
 * async function head(hostname: string): Promise<string> {
 *   using conn = await connectTls({ hostname, port: 443 });
 *   await conn.writeAll(new TextEncoder().encode(`HEAD / HTTP/1.0\r\nHost: ${hostname}\r\n\r\n`));
 *   return await new Response(conn.readable).text();
 * }
 * void head;
 * ```
 */
export async function connectTls(options: ConnectTlsOptions): Promise<TlsConn> {
  options.signal?.throwIfAborted();
  checkTlsTransport(options.transport);
  const request = checkConnectOptions(options as ConnectOptions) as TcpConnectRequest;
  const client = checkTlsClient("connectTls", options);
  if (engineInfo().engine !== "uring") return await denoConnectTls(request, client);
  const accepted = await uringConnectTcp(openEngine(), request);
  try {
    return new TlsConn({ ...accepted, socket: startClient(accepted.socket, client, request.port) });
  } catch (error) {
    accepted.socket.close();
    throw error;
  }
}
