// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo } from "../io/engine_info.ts";
import type { ConnectOptions, UnixConnectOptions } from "../net/addr.ts";
import type { TcpConn, UnixConn } from "../net/conn.ts";
import { connect } from "../net/connect.ts";
import { connectTls } from "../net/connect_tls.ts";
import type { StreamConn } from "../net/stream_conn.ts";
import type { TlsConn } from "../net/tls_conn.ts";
import type { ConnectTlsOptions } from "../net/tls_options.ts";
import { basicAuthorization } from "./client_target.ts";
import { RESPONSE_LIMITS } from "./limits.ts";
import { ResponseHead } from "./response_head.ts";

/** Options of {@linkcode connectHttpProxy}. */
export interface HttpProxyOptions {
  /** Where the proxy is. */
  proxy: ConnectOptions | UnixConnectOptions;
  /** TLS to the proxy itself, where its URL begins with `https`. */
  tls?: Omit<ConnectTlsOptions, "hostname" | "port">;
  /** The host to reach; a name is resolved by the proxy. */
  hostname: string;
  /** The port to reach. */
  port: number;
  /** The user to log in as. */
  username?: string;
  /** The user's password. */
  password?: string;
  /** Gives up: rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Connects to a host through an HTTP proxy (`CONNECT`, RFC 9110 section 9.3.6). The connection is
 * the one to the proxy; all that it carries is from and for the host. Credentials are for the proxy
 * and go no further.
 *
 * The permission that is needed is that for the proxy.
 *
 * @throws {Deno.errors.PermissionDenied} when the proxy wants a login, or refuses it
 * @throws {Deno.errors.ConnectionRefused} when the proxy refuses or cannot reach the host: the
 * message has its status
 * @throws {Deno.errors.InvalidData} when the proxy does not speak HTTP
 * @throws {Deno.errors.UnexpectedEof} when the proxy hangs up
 *
 * @example Connections of a pool that go through a proxy
 * ```ts
 * import { connectHttpProxy } from "@photon/std/http";
 * import { ConnectionPool, type Endpoint } from "@photon/std/net";
 *
 * const proxy = { hostname: "127.0.0.1", port: 3128 };
 * await using pool = new ConnectionPool({
 *   connect: (_endpoint: Endpoint, signal) =>
 *     connectHttpProxy({ proxy, hostname: "example.com", port: 443, signal }),
 * });
 * void pool;
 * ```
 */
export async function connectHttpProxy(
  options: HttpProxyOptions,
): Promise<TcpConn | UnixConn | TlsConn> {
  const { hostname, port, username, password = "", signal } = options;
  const limit = signal ? { signal } : {};
  const proxy = { ...options.proxy, ...limit };
  const conn = proxy.transport === "unix"
    ? await connect(proxy)
    : options.tls !== undefined
    ? await connectTls({ ...options.tls, ...proxy } as ConnectTlsOptions)
    : await connect(proxy);
  try {
    const host = hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
    const login = username === undefined
      ? ""
      : `proxy-authorization: ${basicAuthorization(username, password)}\r\n`;
    const request = `CONNECT ${host} HTTP/1.1\r\nhost: ${host}\r\n${login}\r\n`;
    if (!REQUEST_REGEXP.test(request)) throw new TypeError(`Invalid hostname: "${hostname}"`);
    await conn.writeAll(new TextEncoder().encode(request), limit);
    checkStatus(await readStatus(conn, limit), login !== "");
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Nothing that ends a line too early. */
const REQUEST_REGEXP = /^(?:[\x21-\x7e][\x20-\x7e]*\r\n)+\r\n$/;
/** Bytes that are looked at a time. */
const PEEK_BYTES = 4096;

/** Reads the head of the answer and not one byte more: what follows is the host's. */
async function readStatus(
  conn: StreamConn<Deno.Addr>,
  limit: { signal?: AbortSignal },
): Promise<number> {
  const head = new ResponseHead();
  // The portable engine goes on reading behind a peek, which would keep the connection busy.
  const peeks = engineInfo().engine === "uring";
  let bytes = new Uint8Array();
  for (;;) {
    const seen = new Uint8Array(peeks ? PEEK_BYTES : 1);
    const count = await (peeks ? conn.peek(seen, limit) : conn.read(seen, limit));
    if (count === null) {
      throw new Deno.errors.UnexpectedEof("Cannot connect through the proxy: it hung up");
    }
    const before = bytes.length;
    const all = new Uint8Array(before + count);
    all.set(bytes);
    all.set(seen.subarray(0, count), before);
    const length = head.scan(all, 0, all.length, RESPONSE_LIMITS);
    if (length < 0) {
      throw new Deno.errors.InvalidData(`Cannot connect through the proxy: ${head.reason}`);
    }
    const taken = length === 0 ? count : length - before;
    if (peeks) await conn.readFull(new Uint8Array(taken), limit);
    if (length > 0 && head.status >= 200) return head.status;
    bytes = length === 0 ? all : new Uint8Array();
    if (length > 0) head.reset();
  }
}

function checkStatus(status: number, hadLogin: boolean): void {
  if (status < 300) return;
  if (status === 407) {
    const reason = hadLogin ? "it refused the login" : "it wants a login";
    throw new Deno.errors.PermissionDenied(`Cannot connect through the proxy: ${reason}`);
  }
  throw new Deno.errors.ConnectionRefused(
    `Cannot connect through the proxy: it answered ${status}`,
  );
}
