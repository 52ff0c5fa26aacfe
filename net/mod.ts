// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * TCP and Unix sockets with Deno's own functions and types, on io_uring.
 *
 * Change the import and keep the code: `connect`, `listen`, `TcpConn`, `UnixConn` and `Listener`
 * behave as Deno's do, on the ring where the kernel offers it and on Deno's API elsewhere
 * (`engineInfo()` of `@photon/std/io` says which, and why).
 *
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const echoing = listener.accept().then((conn) => conn.readable.pipeTo(conn.writable));
 * using conn = await connect({ port: listener.addr.port });
 * await conn.writeAll(new TextEncoder().encode("ping"));
 * await conn.closeWrite();
 * await echoing;
 * ```
 *
 * @module
 */
export type {
  ConnectOptions,
  HostResolver,
  TcpListenOptions,
  UnixConnectOptions,
  UnixListenOptions,
} from "./addr.ts";
export { TcpConn, UnixConn } from "./conn.ts";
export { connect } from "./connect.ts";
export { connectTls } from "./connect_tls.ts";
export { ConnectionPool, type Endpoint, type PooledConnection } from "./connection_pool.ts";
export { connectSocks5, type Socks5Options } from "./connect_socks5.ts";
export { copy, type CopyDestination, type CopyOptions, type CopySource } from "./copy.ts";
export type { AcquireOptions, Closable, ConnectionPoolOptions, PoolRules } from "./pool_options.ts";
export {
  encodeProxyV1,
  encodeProxyV2,
  type ParsedProxyHeader,
  parseProxyHeader,
  PROXY_V1_BYTES_MAX,
  PROXY_V2_BYTES_MAX,
  type ProxyField,
  type ProxyHeader,
} from "./proxy_protocol.ts";
export { readProxyHeader } from "./read_proxy_header.ts";
export {
  encodeSocksConnect,
  encodeSocksGreeting,
  encodeSocksLogin,
  parseSocksLogin,
  parseSocksMethod,
  parseSocksReply,
  SOCKS_REPLY_HEAD_BYTES,
  socksError,
  SocksMethod,
  type SocksReply,
  socksReplyBytes,
} from "./socks5.ts";
export { tunnel, type TunnelCounts, type TunnelEnd, type TunnelOptions } from "./tunnel.ts";
export { DatagramConn } from "./datagram_conn.ts";
export type {
  UdpConnectOptions,
  UdpListenOptions,
  UdpSocketOptions,
  UnixDatagramOptions,
} from "./datagram_options.ts";
export type { Datagram, DatagramAddr, DatagramSocket } from "./datagram_socket.ts";
export { connectDatagram, listenDatagram } from "./listen_datagram.ts";
export { type AcceptCounts, AcceptGate, type AcceptLimits } from "./accept_gate.ts";
export { handOver, type TakenListeners, takeOver } from "./hand_over.ts";
export { inheritedListeners } from "./inherited_listeners.ts";
export { listen, type TcpListener, type UnixListener } from "./listen.ts";
export { listenTls } from "./listen_tls.ts";
export { Listener } from "./listener.ts";
export { listenShared, SharedListener } from "./listen_shared.ts";
export {
  type ListenShare,
  type ShareCounts,
  SharedListeners,
  shareListen,
} from "./share_listen.ts";
export { type LookupAnswer, Resolver, type ResolverOptions } from "./resolver.ts";
export { socketPair } from "./socket_pair.ts";
export { StreamConn, type TransferOptions } from "./stream_conn.ts";
export { acceptTls, startTls } from "./start_tls.ts";
export { type SecureSocket, TlsConn, type TlsHandshakeInfo } from "./tls_conn.ts";
export type { TlsVersion } from "../ffi/ssl_context.ts";
export { TlsListener } from "./tls_listener.ts";
export type {
  ConnectTlsOptions,
  ListenTlsOptions,
  StartTlsOptions,
  TlsIdentity,
  TlsProtocolOptions,
  TlsServerOptions,
} from "./tls_options.ts";
export type { KeepAlive, PeerCredentials } from "../ffi/socket_option.ts";
export type { BufferSizeOptions, SocketOptions } from "./socket_options.ts";
export type {
  AcceptedSocket,
  FilePart,
  ListenSocket,
  ShutdownHow,
  StreamSocket,
} from "./stream_socket.ts";
