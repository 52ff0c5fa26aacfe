// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkNet, checkNetResolved, checkUnix } from "../ffi/permission.ts";
import { resolveHostNow } from "../ffi/resolve.ts";
import { addressFamily, type SocketAddress } from "../ffi/sockaddr.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import {
  bindSocket,
  closeDescriptor,
  listenSocket,
  openSocket,
  SocketType,
} from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import type { TcpListenRequest, UnixListenRequest } from "./addr.ts";
import { UringListenSocket } from "./uring_listener.ts";
import { applyOptions } from "./uring_options.ts";

/** Listens on a TCP port. */
export function uringListenTcp(
  engine: Engine,
  request: TcpListenRequest,
): UringListenSocket<Deno.NetAddr> {
  const { hostname, port, tcpBacklog, reusePort, reuseAddress, tcpFastOpen } = request;
  checkNet(hostname, port);
  const [address] = resolveHostNow(hostname);
  checkNetResolved(address, port);
  return listenOn(engine, { transport: "tcp", hostname: address, port }, tcpBacklog, (fd) => {
    setSocketOption(fd, "reuseAddress", reuseAddress);
    if (reusePort) setSocketOption(fd, "reusePort", true);
    if (tcpFastOpen) setSocketOption(fd, "tcpFastOpen", FAST_OPEN_QUEUE);
    applyOptions(fd, "tcp", request.socketOptions);
  });
}

/** Listens on a Unix socket; its file is removed when the listener closes. */
export function uringListenUnix(
  engine: Engine,
  request: UnixListenRequest,
): UringListenSocket<Deno.UnixAddr> {
  const { socketOptions } = request;
  const path = checkUnix(request.path);
  return listenOn(engine, { transport: "unix", path }, UNIX_BACKLOG, (fd) => {
    applyOptions(fd, "unix", socketOptions);
  });
}

/** Handshakes with data that may wait to be accepted (RFC 7413). */
const FAST_OPEN_QUEUE = 256;
/** What Deno asks for; the kernel caps it at `net.core.somaxconn`. */
const UNIX_BACKLOG = 1024;

function listenOn<A extends Deno.Addr>(
  engine: Engine,
  address: SocketAddress,
  backlog: number,
  prepare: (fd: number) => void,
): UringListenSocket<A> {
  const fd = openSocket(addressFamily(address), SocketType.stream);
  try {
    prepare(fd);
    bindSocket(fd, address);
    listenSocket(fd, backlog);
    return new UringListenSocket<A>(engine, fd);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}
