// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import type { TcpConnectRequest, UnixConnectRequest } from "./addr.ts";
import { DenoStreamSocket } from "./deno_socket.ts";
import { checkPortableOptions } from "./portable.ts";
import { applySocketOptions, type SocketOptions } from "./socket_options.ts";
import type { AcceptedSocket } from "./stream_socket.ts";

/**
 * Connects over TCP with `Deno.connect`, which resolves the name, tries its addresses, and checks
 * the permission.
 *
 * @param request Where to, checked
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export async function denoConnectTcp(
  request: TcpConnectRequest,
): Promise<AcceptedSocket<Deno.NetAddr>> {
  checkPortableOptions(request.socketOptions);
  if (request.tcpFastOpen) throw notSupported("tcpFastOpen");
  const conn =
    await (request.resolver ? connectResolved(request) : connectTo(request.hostname, request));
  // Nagle's algorithm is off unless it is asked for, as on the ring.
  return adopt(conn, { noDelay: true, ...request.socketOptions });
}

/** Tries the addresses that the resolver gives in turn; Deno asks for the permission of each. */
async function connectResolved(request: TcpConnectRequest): Promise<Deno.TcpConn> {
  const { hostname, resolver, signal } = request;
  const addresses = await resolver!.resolve(hostname);
  for (const [index, address] of addresses.entries()) {
    try {
      return await connectTo(address, request);
    } catch (error) {
      if (signal?.aborted) throw error;
      resolver!.failed(hostname, address);
      if (index === addresses.length - 1) throw error;
    }
  }
  throw new Error("Cannot connect: the host has no address");
}

/**
 * Connects to one address. Deno loses the descriptor of a connection that is won about when it is
 * given up. So the caller is answered at once, Deno has some time to win it, and it is closed then.
 */
async function connectTo(hostname: string, request: TcpConnectRequest): Promise<Deno.TcpConn> {
  const { signal } = request;
  signal?.throwIfAborted();
  const giveUp = new AbortController();
  const connecting = Deno.connect({
    hostname,
    port: request.port,
    autoSelectFamily: request.autoSelectFamily,
    autoSelectFamilyAttemptDelay: Math.round(Math.min(request.attemptDelayMs, DELAY_MS_MAX)),
    ...(signal && { signal: giveUp.signal }),
  });
  if (!signal) return await connecting;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => {
    reject(signal.reason);
    const timer = setTimeout(() => giveUp.abort(signal.reason), GIVE_UP_MS);
    const ended = () => clearTimeout(timer);
    connecting.then((conn) => conn.close(), () => {}).finally(ended);
  };
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await Promise.race([connecting, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/**
 * Connects to a Unix socket with `Deno.connect`.
 *
 * @param request Where to, checked
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export async function denoConnectUnix(
  request: UnixConnectRequest,
): Promise<AcceptedSocket<Deno.UnixAddr>> {
  const { path, signal, socketOptions } = request;
  checkPortableOptions(socketOptions);
  const conn = await Deno.connect({ transport: "unix", path });
  if (!signal?.aborted) return adopt(conn, socketOptions);
  conn.close();
  throw signal.reason;
}

/**
 * Makes one of Deno's connections a socket with these options; closes it when that fails.
 *
 * @param conn An open connection
 * @param options Checked options
 * @throws {Deno.errors.NotSupported} When an option is one that Deno does not have
 */
export function adopt<A extends Deno.NetAddr | Deno.UnixAddr>(
  conn: Deno.Conn,
  options: SocketOptions,
): AcceptedSocket<A> {
  const socket = new DenoStreamSocket(conn);
  try {
    applySocketOptions(socket, options);
    return { socket, localAddr: conn.localAddr as A, remoteAddr: conn.remoteAddr as A };
  } catch (error) {
    socket.close();
    throw error;
  }
}

/** Time for a connect that was given up to be won all the same: most are, or are never. */
const GIVE_UP_MS = 100;

/** Deno takes a delay of 64 bits; no attempt lasts that long. */
const DELAY_MS_MAX = 2 ** 31 - 1;
