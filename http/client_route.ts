// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { HostResolver } from "../net/addr.ts";
import { connect } from "../net/connect.ts";
import { connectSocks5 } from "../net/connect_socks5.ts";
import { connectTls } from "../net/connect_tls.ts";
import { startTls } from "../net/start_tls.ts";
import { StreamConn } from "../net/stream_conn.ts";
import type { StreamSocket } from "../net/stream_socket.ts";
import type { TlsConn } from "../net/tls_conn.ts";
import type { StartTlsOptions } from "../net/tls_options.ts";
import { TlsSocket } from "../net/tls_socket.ts";
import { UringStreamSocket } from "../net/uring_socket.ts";
import type { ProxyOptions } from "./client_options.ts";
import type { Dial } from "./client_pool.ts";
import { basicAuthorization, type ClientTarget } from "./client_target.ts";
import { connectHttpProxy } from "./connect_http_proxy.ts";
import { RingTransport } from "./ring_transport.ts";
import { SocketTransport } from "./socket_transport.ts";
import { TlsTransport } from "./tls_transport.ts";
import type { Transport } from "./transport.ts";

/** How the requests to an origin get there. */
export interface ClientRoute {
  /** Connects. */
  readonly dial: Dial;
  /** Whether a proxy forwards each request, and wants its whole URL. */
  readonly absolute: boolean;
  /** What such a proxy is told of who asks; null for nothing. */
  readonly proxyAuthorization: string | null;
}

/** What routes have in common. */
export interface RouteOptions {
  /** Looks hosts up. */
  readonly resolver: HostResolver;
  /** For TLS to hosts and to proxies. */
  readonly tls: StartTlsOptions;
  /** Where all connections go to, if anywhere. */
  readonly unixPath: string | undefined;
}

/** A proxy, as it was asked for. */
export interface Proxy {
  readonly scheme: "http" | "https" | "socks5";
  readonly hostname: string;
  readonly port: number;
  readonly username: string | undefined;
  readonly password: string;
}

/** The way to an origin, through a proxy or directly. */
export function routeTo(
  target: ClientTarget,
  proxy: Proxy | null,
  options: RouteOptions,
): ClientRoute {
  const { secure } = target;
  const open = opener(target, proxy, options);
  const tunnels = proxy !== null || options.unixPath !== undefined;
  const dial = async (signal: AbortSignal) => {
    const conn = await open(signal);
    if (!secure) return transportOf(conn);
    const secured = tunnels ? await securedIn(conn, target, options.tls) : conn as TlsConn;
    return transportOf(await shaken(secured, signal));
  };
  const forwards = proxy !== null && proxy.scheme !== "socks5" && !secure;
  return {
    dial,
    absolute: forwards,
    proxyAuthorization: forwards && proxy.username !== undefined
      ? basicAuthorization(proxy.username, proxy.password)
      : null,
  };
}

/**
 * Reads what was said of a proxy.
 *
 * @throws {TypeError} when its scheme is not known
 */
export function readProxy(proxy: string | URL | ProxyOptions): Proxy {
  const given = proxy instanceof URL || typeof proxy === "string" ? { url: String(proxy) } : proxy;
  const { url, basicAuth } = given as ProxyOptions;
  const { protocol, hostname, port, username, password } = new URL(url);
  const known = SCHEMES[protocol];
  if (known === undefined) {
    throw new TypeError(`Cannot use proxy: its scheme must be http, https or socks5: "${url}"`);
  }
  return {
    scheme: known.scheme,
    hostname: hostname.replace(/^\[|\]$/g, ""),
    port: port === "" ? known.port : Number(port),
    username: basicAuth?.username ??
      (username === "" ? undefined : decodeURIComponent(username)),
    password: basicAuth?.password ?? decodeURIComponent(password),
  };
}

// Data: schemes of proxies with their ports.
const SCHEMES: Record<string, { scheme: Proxy["scheme"]; port: number } | undefined> = {
  "http:": { scheme: "http", port: 80 },
  "https:": { scheme: "https", port: 443 },
  "socks5:": { scheme: "socks5", port: 1080 },
  "socks5h:": { scheme: "socks5", port: 1080 },
};

/** HTTP/2 is not spoken. */
const ALPN_PROTOCOLS = ["http/1.1"];

type Open = (signal: AbortSignal) => Promise<StreamConn<Deno.Addr>>;

/** How to get a connection that carries bytes to the host. */
function opener(target: ClientTarget, proxy: Proxy | null, options: RouteOptions): Open {
  const { hostname, port, secure } = target;
  const { resolver, tls, unixPath } = options;
  if (unixPath !== undefined) {
    return (signal) => connect({ transport: "unix", path: unixPath, signal });
  }
  if (proxy === null) {
    return (signal) => {
      const place = { hostname, port, resolver, signal };
      return secure
        ? connectTls({ ...tls, ...place, alpnProtocols: ALPN_PROTOCOLS })
        : connect(place);
    };
  }
  const place = { hostname: proxy.hostname, port: proxy.port, resolver };
  const login = proxy.username === undefined
    ? {}
    : { username: proxy.username, password: proxy.password };
  if (proxy.scheme === "socks5") {
    return (signal) => connectSocks5({ proxy: place, hostname, port, signal, ...login });
  }
  const overTls = proxy.scheme === "https" ? { tls } : {};
  if (secure) {
    return (signal) =>
      connectHttpProxy({ proxy: place, hostname, port, signal, ...overTls, ...login });
  }
  return (signal) =>
    proxy.scheme === "https"
      ? connectTls({ ...tls, ...place, signal, alpnProtocols: ALPN_PROTOCOLS })
      : connect({ ...place, signal });
}

/** Begins TLS with the host in a connection that somebody else passes on. */
async function securedIn(
  conn: StreamConn<Deno.Addr>,
  { hostname }: ClientTarget,
  tls: StartTlsOptions,
): Promise<TlsConn> {
  try {
    return await startTls(conn, { ...tls, hostname, alpnProtocols: ALPN_PROTOCOLS });
  } catch (error) {
    conn[Symbol.dispose]();
    throw error;
  }
}

/** The connection with its handshake done, so that what is wrong with it shows here. */
async function shaken(conn: TlsConn, signal: AbortSignal): Promise<TlsConn> {
  const giveUp = () => conn[Symbol.dispose]();
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    await conn.handshake();
    signal.throwIfAborted();
    return conn;
  } catch (error) {
    giveUp();
    throw signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

/** Takes the connection over: on the ring its blocks are read where they are. */
function transportOf(conn: StreamConn<Deno.Addr>): Transport {
  const { localAddr, remoteAddr } = conn;
  const ring = (socket: StreamSocket) => {
    const accepted = { socket, localAddr, remoteAddr };
    return new RingTransport(accepted as ConstructorParameters<typeof RingTransport>[0], true);
  };
  const socket = StreamConn.socketOf(conn);
  if (socket instanceof UringStreamSocket) return ring(StreamConn.detach(conn));
  if (socket instanceof TlsSocket && socket.inner instanceof UringStreamSocket) {
    const parts = socket.takeApart();
    if (parts !== null) {
      StreamConn.detach(conn);
      return new TlsTransport(ring(socket.inner), parts);
    }
  }
  return new SocketTransport(conn, () => {
    throw new TypeError("Cannot hand over the connection of a client");
  });
}
