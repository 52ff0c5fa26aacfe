// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { AcceptGate } from "./accept_gate.ts";
import { checkListenOptions, type TcpListenOptions, type UnixListenOptions } from "./addr.ts";
import { TcpConn, UnixConn } from "./conn.ts";
import { denoListenTcp, denoListenUnix } from "./deno_listen.ts";
import { Listener } from "./listener.ts";
import { uringListenTcp, uringListenUnix } from "./uring_listen.ts";

/** Accepts TCP connections. */
export type TcpListener = Listener<TcpConn, Deno.NetAddr>;
/** Accepts connections over a Unix socket. */
export type UnixListener = Listener<UnixConn, Deno.UnixAddr>;

/**
 * Listens for TCP connections. Drop-in for {@linkcode Deno.listen}.
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {Deno.errors.AddrInUse} when something listens there already
 *
 * @example An echo service
 * ```ts
 * import { connect, listen } from "@photon/std/net";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * const serving = listener.accept().then((conn) => conn.readable.pipeTo(conn.writable));
 * const conn = await connect({ port: listener.addr.port });
 * conn.close();
 * await serving;
 * ```
 */
export function listen(options: TcpListenOptions): TcpListener;
/**
 * Listens for connections to a Unix socket, at a path or an abstract name that starts with
 * `"\0"`. The path is removed when the listener closes.
 *
 * @throws {Deno.errors.AddrInUse} when the path exists
 *
 * @example Listen at a path
 * ```ts
 * import { listen } from "@photon/std/net";
 *
 * using _listener = listen({ transport: "unix", path: `${Deno.makeTempDirSync()}/socket` });
 * ```
 */
export function listen(options: UnixListenOptions): UnixListener;
export function listen(options: TcpListenOptions | UnixListenOptions): TcpListener | UnixListener {
  const request = checkListenOptions(options);
  const onRing = engineInfo().engine === "uring";
  if (request.transport === "unix") {
    const socket = onRing ? uringListenUnix(openEngine(), request) : denoListenUnix(request);
    return new Listener(socket, (accepted) => new UnixConn(accepted));
  }
  const { limits } = options as TcpListenOptions;
  // What is wrong with the limits opens no socket.
  const gate = limits ? new AcceptGate(limits) : null;
  const socket = onRing ? uringListenTcp(openEngine(), request) : denoListenTcp(request);
  return new Listener(socket, (accepted) => new TcpConn(accepted), gate);
}
