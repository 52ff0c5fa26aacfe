// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ConnectOptions, UnixConnectOptions } from "./addr.ts";
import type { TcpConn, UnixConn } from "./conn.ts";
import { connect } from "./connect.ts";
import {
  encodeSocksConnect,
  encodeSocksGreeting,
  encodeSocksLogin,
  parseSocksLogin,
  parseSocksMethod,
  parseSocksReply,
  SOCKS_REPLY_HEAD_BYTES,
  socksError,
  SocksMethod,
  socksReplyBytes,
} from "./socks5.ts";

/** Options of {@linkcode connectSocks5}. */
export interface Socks5Options {
  /** Where the proxy is. */
  proxy: ConnectOptions | UnixConnectOptions;
  /** The host to reach; a name is resolved by the proxy. */
  hostname: string;
  /** The port to reach. */
  port: number;
  /** The user to log in as, where the proxy asks. */
  username?: string;
  /** The user's password. */
  password?: string;
  /** Gives up: rejects with the signal's reason. */
  signal?: AbortSignal;
}

/**
 * Connects to a host through a SOCKS5 proxy (RFC 1928, RFC 1929). The connection is the one to the
 * proxy, and so are its addresses; all that it carries is from and for the host.
 *
 * The permission that is needed is that for the proxy.
 *
 * @throws {Deno.errors.ConnectionRefused} when the host refuses, or the proxy
 * @throws {Deno.errors.PermissionDenied} when the proxy wants a login or refuses it, or its rules
 * do not allow the host
 * @throws {Deno.errors.NetworkUnreachable} when the proxy cannot reach the host
 * @throws {Deno.errors.InvalidData} when the proxy does not speak SOCKS5
 * @throws {Deno.errors.UnexpectedEof} when the proxy hangs up
 *
 * @example Through a proxy
 * ```ts
 * import { connectSocks5 } from "@photon/std/net";
 * import { assertRejects } from "@std/assert";
 *
 * // Nobody listens at this port.
 * await assertRejects(
 *   () => connectSocks5({ proxy: { port: 1 }, hostname: "example.com", port: 80 }),
 *   Deno.errors.ConnectionRefused,
 * );
 * ```
 */
export async function connectSocks5(options: Socks5Options): Promise<TcpConn | UnixConn> {
  const { hostname, port, username, password = "", signal } = options;
  // What is wrong with the request costs no connection.
  const request = encodeSocksConnect(hostname, port);
  const login = username === undefined ? null : encodeSocksLogin(username, password);
  const limit = signal ? { signal } : {};
  const proxy = { ...options.proxy, ...limit };
  const conn = proxy.transport === "unix" ? await connect(proxy) : await connect(proxy);
  try {
    await negotiate(conn, login, limit);
    await conn.writeAll(request, limit);
    const reply = await readReply(conn, limit);
    if (reply.code !== 0) throw socksError(reply.code);
    return conn;
  } catch (error) {
    conn.close();
    throw error;
  }
}

type Limit = { signal?: AbortSignal };

async function negotiate(
  conn: TcpConn | UnixConn,
  login: Uint8Array | null,
  limit: Limit,
): Promise<void> {
  const methods = login ? [SocksMethod.none, SocksMethod.password] : [SocksMethod.none];
  await conn.writeAll(encodeSocksGreeting(methods), limit);
  const method = parseSocksMethod(await readExactly(conn, 2, limit));
  if (method === SocksMethod.none) return;
  if (method !== SocksMethod.password || login === null) {
    throw new Deno.errors.PermissionDenied(
      "Cannot connect through the proxy: it wants another login",
    );
  }
  await conn.writeAll(login, limit);
  if (parseSocksLogin(await readExactly(conn, 2, limit))) return;
  throw new Deno.errors.PermissionDenied("Cannot connect through the proxy: it refused the login");
}

/** Reads the reply and not one byte more: what follows is the host's. */
async function readReply(conn: TcpConn | UnixConn, limit: Limit) {
  const head = await readExactly(conn, SOCKS_REPLY_HEAD_BYTES, limit);
  const reply = new Uint8Array(socksReplyBytes(head)!);
  reply.set(head);
  reply.set(await readExactly(conn, reply.length - head.length, limit), head.length);
  return parseSocksReply(reply)!;
}

async function readExactly(
  conn: TcpConn | UnixConn,
  byteLength: number,
  limit: Limit,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(byteLength);
  if (await conn.readFull(bytes, limit) !== null) return bytes;
  throw new Deno.errors.UnexpectedEof("Cannot connect through the proxy: it hung up");
}
