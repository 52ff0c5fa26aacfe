// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import type { TcpListenRequest, UnixListenRequest } from "./addr.ts";
import { adopt } from "./deno_connect.ts";
import { DenoListenSocket } from "./deno_listener.ts";
import { checkPortableOptions } from "./portable.ts";

/**
 * Listens on a TCP port with `Deno.listen`, which checks the permission.
 *
 * @param request Where and how, checked
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export function denoListenTcp(request: TcpListenRequest): DenoListenSocket<Deno.NetAddr> {
  const { hostname, port, tcpBacklog, reusePort, reuseAddress, tcpFastOpen } = request;
  checkPortableOptions(request.socketOptions);
  if (tcpFastOpen) throw notSupported("tcpFastOpen");
  if (!reuseAddress) throw notSupported("noReuseAddress");
  // Deno ends the process when it is asked for this without the flag.
  if (reusePort && !hasUnstableNet()) throw notSupported("reusePort");
  const options: Deno.TcpListenOptions = { hostname, port, tcpBacklog };
  const listener = Deno.listen(reusePort ? { ...options, reusePort } as typeof options : options);
  const socketOptions = { noDelay: true, ...request.socketOptions };
  return new DenoListenSocket(listener, (conn) => adopt(conn, socketOptions));
}

/**
 * Listens on a Unix socket with `Deno.listen`; its file is removed when the listener closes.
 *
 * @param request Where, checked
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export function denoListenUnix(request: UnixListenRequest): DenoListenSocket<Deno.UnixAddr> {
  checkPortableOptions(request.socketOptions);
  const listener = Deno.listen({ transport: "unix", path: request.path });
  return new DenoListenSocket(listener, (conn) => adopt(conn, request.socketOptions));
}

/** Whether Deno runs with `--unstable-net`: the flag shows in what it adds. */
export function hasUnstableNet(): boolean {
  return "listenDatagram" in Deno;
}
