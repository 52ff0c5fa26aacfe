// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { checkConnectOptions, type ConnectOptions, type UnixConnectOptions } from "./addr.ts";
import { TcpConn, UnixConn } from "./conn.ts";
import { denoConnectTcp, denoConnectUnix } from "./deno_connect.ts";
import { uringConnectTcp, uringConnectUnix } from "./uring_connect.ts";

/**
 * Connects over TCP. Drop-in for {@linkcode Deno.connect}.
 *
 * Of several addresses the first that answers is taken (RFC 8305).
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {Deno.errors.ConnectionRefused} when nothing listens there
 *
 * @example Connect to a port
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using conn = await connect({ hostname: "127.0.0.1", port: listener.addr.port });
 * assertEquals(conn.remoteAddr.port, listener.addr.port);
 * ```
 */
export function connect(options: ConnectOptions): Promise<TcpConn>;
/**
 * Connects to a Unix socket, by path or by an abstract name that starts with `"\0"`.
 *
 * @throws {Deno.errors.NotFound} when there is no such socket
 *
 * @example Connect to a path
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 *
 * const path = `${Deno.makeTempDirSync()}/socket`;
 * using _listener = listen({ transport: "unix", path });
 * using _conn = await connect({ transport: "unix", path });
 * ```
 */
export function connect(options: UnixConnectOptions): Promise<UnixConn>;
export async function connect(
  options: ConnectOptions | UnixConnectOptions,
): Promise<TcpConn | UnixConn> {
  options.signal?.throwIfAborted();
  const request = checkConnectOptions(options);
  const onRing = engineInfo().engine === "uring";
  if (request.transport === "unix") {
    return new UnixConn(
      onRing ? await uringConnectUnix(openEngine(), request) : await denoConnectUnix(request),
    );
  }
  return new TcpConn(
    onRing ? await uringConnectTcp(openEngine(), request) : await denoConnectTcp(request),
  );
}
