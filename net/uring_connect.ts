// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Op } from "../ffi/abi.ts";
import { osError } from "../ffi/errno.ts";
import {
  addressFamily,
  encodeSocketAddress,
  SOCKADDR_BYTES_MAX,
  type SocketAddress,
} from "../ffi/sockaddr.ts";
import { checkNet, checkNetResolved, checkUnix } from "../ffi/permission.ts";
import { resolveHost } from "../ffi/resolve.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import { closeDescriptor, openSocket, peerName, socketName, SocketType } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import { startTimer } from "../io/engine_timer.ts";
import type { Completion } from "../io/slot_table.ts";
import { abortable } from "./abortable.ts";
import type { TcpConnectRequest, UnixConnectRequest } from "./addr.ts";
import { connectFirst } from "./happy_eyeballs.ts";
import type { AcceptedSocket } from "./stream_socket.ts";
import { applyOptions } from "./uring_options.ts";
import { UringStreamSocket } from "./uring_socket.ts";

/** Connects over TCP on the ring, to whichever address of the host answers first. */
export async function uringConnectTcp(
  engine: Engine,
  request: TcpConnectRequest,
): Promise<AcceptedSocket<Deno.NetAddr>> {
  const { hostname, port, signal, socketOptions, tcpFastOpen, resolver } = request;
  checkNet(hostname, port);
  const hostnames = await abortable(resolver?.resolve(hostname) ?? resolveHost(hostname), signal);
  for (const address of hostnames) checkNetResolved(address, port);
  const prepare = (fd: number) => {
    applyOptions(fd, "tcp", socketOptions);
    if (tcpFastOpen) setSocketOption(fd, "tcpFastOpenConnect", true);
  };
  const addresses = hostnames.map((host): Deno.NetAddr => ({
    transport: "tcp",
    hostname: host,
    port,
  }));
  const attempt = async (address: Deno.NetAddr, cancelled?: AbortSignal) => {
    try {
      return await connectDescriptor(engine, address, prepare, cancelled);
    } catch (error) {
      if (!cancelled?.aborted) resolver?.failed(hostname, address.hostname);
      throw error;
    }
  };
  // Most often there is one address, and nothing to race.
  const fd = addresses.length === 1
    ? await attempt(addresses[0], signal)
    : await connectFirst(addresses, {
      attempt,
      discard: closeDescriptor,
      autoSelectFamily: request.autoSelectFamily,
      attemptDelayMs: request.attemptDelayMs,
      signal,
      startTimer,
    });
  return described<Deno.NetAddr>(engine, fd);
}

/** Connects to a Unix socket on the ring. */
export async function uringConnectUnix(
  engine: Engine,
  request: UnixConnectRequest,
): Promise<AcceptedSocket<Deno.UnixAddr>> {
  const { signal, socketOptions } = request;
  const path = checkUnix(request.path);
  const prepare = (fd: number) => applyOptions(fd, "unix", socketOptions);
  const fd = await connectDescriptor(engine, { transport: "unix", path }, prepare, signal);
  return described<Deno.UnixAddr>(engine, fd);
}

/** A connected descriptor with its addresses. */
function described<A extends Deno.Addr>(engine: Engine, fd: number): AcceptedSocket<A> {
  try {
    const localAddr = socketName(fd) as A;
    const remoteAddr = peerName(fd) as A;
    return { socket: new UringStreamSocket(engine, fd), localAddr, remoteAddr };
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * Connects a new stream socket to one address on the ring.
 *
 * @param prepare Sets options on the socket before it connects
 * @returns The connected descriptor; the caller closes it
 * @throws {Error} what `connect(2)` says, or the signal's reason
 */
export async function connectDescriptor(
  engine: Engine,
  address: SocketAddress,
  prepare: (fd: number) => void,
  signal?: AbortSignal,
): Promise<number> {
  signal?.throwIfAborted();
  const fd = openSocket(addressFamily(address), SocketType.stream);
  try {
    prepare(fd);
    const result = await new Connecting(engine, fd, address, signal).result;
    // A connection that was won although it had been given up is not wanted any more.
    signal?.throwIfAborted();
    if (result < 0) throw osError(-result);
    return fd;
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/** Pause between two attempts to cancel one connect; the first is most often enough. */
const CANCEL_AGAIN_MS = 5;

/** One connect in flight, with its address in engine memory until the last completion. */
class Connecting implements Completion {
  readonly result: Promise<number>;
  readonly #engine: Engine;
  readonly #block: number;
  readonly #signal: AbortSignal | undefined;
  readonly #slot: number;
  readonly #abort = () => {
    const engine = this.#engine;
    // While the kernel tries again by itself, as a full Unix backlog makes it, the entry is not
    // found: it is asked again until the last completion.
    if (engine.cancel(this.#slot, this)) engine.startTimer(CANCEL_AGAIN_MS, this.#abort);
  };
  #resolve: (result: number) => void = () => {};

  constructor(engine: Engine, fd: number, address: SocketAddress, signal?: AbortSignal) {
    const { pool } = engine;
    this.#engine = engine;
    this.#signal = signal;
    const block = this.#block = pool.take(SOCKADDR_BYTES_MAX);
    if (block < 0) throw new Deno.errors.Busy("Cannot connect: no block of engine memory is free");
    try {
      const byteLength = encodeSocketAddress(address, pool.bytes.subarray(block));
      const low = pool.addressLow + block;
      const high = pool.addressHigh;
      // The address length travels in the offset field (io_uring_prep_connect(3)).
      this.#slot = engine.submit(this, true, Op.CONNECT, fd, byteLength, 0, low, high, 0, 0);
    } catch (error) {
      pool.release(block);
      throw error;
    }
    this.result = new Promise((resolve) => this.#resolve = resolve);
    signal?.addEventListener("abort", this.#abort, { once: true });
  }

  complete(result: number): void {
    this.#engine.pool.release(this.#block);
    this.#signal?.removeEventListener("abort", this.#abort);
    this.#resolve(result);
  }
}
