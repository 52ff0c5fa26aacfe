// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Duplex } from "../io/byte_stream.ts";
import { notSupported } from "../io/portable.ts";
import type { TcpConnectRequest, TcpListenRequest } from "./addr.ts";
import { hasUnstableNet } from "./deno_listen.ts";
import { DenoListenSocket } from "./deno_listener.ts";
import { DenoStreamSocket } from "./deno_socket.ts";
import { checkPortableOptions } from "./portable.ts";
import { StreamConn } from "./stream_conn.ts";
import type { AcceptedSocket } from "./stream_socket.ts";
import { type SecureSocket, TlsConn, type TlsHandshakeInfo } from "./tls_conn.ts";
import { TlsListener } from "./tls_listener.ts";
import type { TlsClientRequest, TlsProtocolOptions, TlsServerRequest } from "./tls_options.ts";

/**
 * Connects with `Deno.connectTls`, which resolves the name and checks the permission.
 *
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export async function denoConnectTls(
  { hostname, port, signal, socketOptions, tcpFastOpen }: TcpConnectRequest,
  client: TlsClientRequest,
): Promise<TlsConn> {
  checkPortableOptions(socketOptions);
  checkProtocol(client.protocol);
  if (tcpFastOpen) throw notSupported("tcpFastOpen");
  signal?.throwIfAborted();
  const connecting = Deno.connectTls({
    port,
    ...denoClient(client),
    ...client.identity,
    hostname,
  });
  return new TlsConn(adoptTls(await unlessAborted(connecting, signal)));
}

/**
 * Begins TLS with `Deno.startTls`.
 *
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have, or it is no
 * TCP connection
 */
export async function denoStartTls(
  conn: StreamConn<Deno.Addr> | Duplex,
  client: TlsClientRequest,
): Promise<TlsConn> {
  checkProtocol(client.protocol);
  if (client.identity !== undefined) throw notSupported("tlsOptions");
  if (!(conn instanceof StreamConn)) throw notSupported("tlsStream");
  const socket = StreamConn.socketOf(conn);
  if (!(socket instanceof DenoStreamSocket)) throw notSupported("tlsStream");
  const inner = socket.detach();
  if (!("setNoDelay" in inner)) throw notSupported("tlsStream");
  const { hostname } = client;
  StreamConn.detach(conn);
  return new TlsConn(
    adoptTls(await Deno.startTls(inner as Deno.TcpConn, { ...denoClient(client), hostname })),
  );
}

/**
 * Listens with `Deno.listenTls`, which checks the permission.
 *
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export function denoListenTls(request: TcpListenRequest, server: TlsServerRequest): TlsListener {
  const { hostname, port, tcpBacklog, reusePort, reuseAddress, tcpFastOpen } = request;
  checkPortableOptions(request.socketOptions);
  checkProtocol(server.protocol);
  const { identities, clientCertificates, alpnProtocols } = server;
  if (identities.length > 1 || clientCertificates !== "none") throw notSupported("tlsOptions");
  if (tcpFastOpen) throw notSupported("tcpFastOpen");
  if (!reuseAddress) throw notSupported("noReuseAddress");
  // Deno ends the process when it is asked for this without the flag.
  if (reusePort && !hasUnstableNet()) throw notSupported("reusePort");
  const listener = Deno.listenTls({
    hostname,
    port,
    tcpBacklog,
    ...(reusePort && { reusePort }),
    ...identities[0],
    ...(alpnProtocols.length > 0 && { alpnProtocols: [...alpnProtocols] }),
  });
  const socket = new DenoListenSocket<Deno.NetAddr>(
    listener,
    (conn) => adoptTls(conn as Deno.TlsConn),
  );
  const wrap = (accepted: AcceptedSocket<Deno.NetAddr>) =>
    new TlsConn(accepted as AcceptedSocket<Deno.NetAddr> & { socket: SecureSocket });
  return new TlsListener(socket, wrap, null);
}

/** A connection of Deno's own TLS. */
class DenoSecureSocket extends DenoStreamSocket implements SecureSocket {
  readonly #secure: Deno.TlsConn;

  constructor(conn: Deno.TlsConn) {
    super(conn);
    this.#secure = conn;
  }

  async handshakeInfo(): Promise<TlsHandshakeInfo> {
    const { alpnProtocol } = await this.#secure.handshake();
    return {
      alpnProtocol,
      version: null,
      cipherSuite: null,
      resumed: null,
      serverName: null,
      kernelTls: null,
      peerCertificate: null,
    };
  }

  /** Deno has no such option for TLS. */
  override setNoDelay(_noDelay: boolean): void {
    throw notSupported("tlsOptions");
  }
}

function adoptTls(conn: Deno.TlsConn): AcceptedSocket<Deno.NetAddr> & { socket: SecureSocket } {
  const { localAddr, remoteAddr } = conn;
  return { socket: new DenoSecureSocket(conn), localAddr, remoteAddr };
}

/** Deno's call takes no signal: the caller is answered at once, and what comes late is closed. */
async function unlessAborted(
  connecting: Promise<Deno.TlsConn>,
  signal: AbortSignal | undefined,
): Promise<Deno.TlsConn> {
  if (signal === undefined) return await connecting;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    reject(signal.reason);
    connecting.then((conn) => conn.close(), () => {});
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    const conn = await Promise.race([connecting, aborted]);
    signal.throwIfAborted();
    return conn;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function denoClient({ caCerts, alpnProtocols, verifyHost }: TlsClientRequest) {
  return {
    caCerts: [...caCerts],
    ...(alpnProtocols.length > 0 && { alpnProtocols: [...alpnProtocols] }),
    ...(!verifyHost && { unsafelyDisableHostnameVerification: true }),
  };
}

function checkProtocol(protocol: Required<TlsProtocolOptions>): void {
  const { minVersion, maxVersion, revocationLists } = protocol;
  const isDefault = minVersion === "TLSv1.2" && maxVersion === "TLSv1.3";
  if (!isDefault || revocationLists.length > 0) throw notSupported("tlsOptions");
}
