// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "../ffi/errno.ts";
import { receiveDescriptorsNow, sendDescriptorsNow } from "../ffi/pass_descriptors.ts";
import { closeDescriptor } from "../ffi/socket.ts";
import { engineInfo } from "../io/engine_info.ts";
import { notSupported } from "../io/portable.ts";
import { waitFor } from "../io/wait_for.ts";
import type { UnixConn } from "./conn.ts";
import { connect } from "./connect.ts";
import { adoptListener } from "./inherited_listeners.ts";
import { listen, type TcpListener, type UnixListener } from "./listen.ts";
import { Listener } from "./listener.ts";
import { StreamConn, type TransferOptions } from "./stream_conn.ts";

/** What {@linkcode takeOver} got. */
export interface TakenListeners {
  /** The listeners, by the names that they were handed over with. */
  readonly listeners: ReadonlyMap<string, TcpListener | UnixListener>;
  /** Says that connections are accepted from now on, so that the predecessor may stop. */
  ready(): Promise<void>;
}

/**
 * Waits for a successor, the same service in a new process, and hands it the listening sockets:
 * they never stop listening, so that no client is refused. Resolves when the successor accepts
 * connections and this process does not any more. Connections that were accepted before are still
 * given by `accept`, which then rejects with `BadResource`; a loop over the listener ends.
 *
 * Ring engine only. A successor that dies before it is ready changes nothing: the next is waited
 * for.
 *
 * @param path Where the successor finds this process: a Unix socket that only its user may connect
 * to, for whoever connects gets the sockets
 * @throws {Deno.errors.NotSupported} on the portable engine
 * @throws the signal's reason when it is aborted
 *
 * @example One process plays both parts
 * ```ts
 * import { handOver, listen, takeOver } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const path = `${Deno.makeTempDirSync()}/restart.sock`;
 *   using old = listen({ hostname: "127.0.0.1", port: 0 });
 *   const handed = handOver({ web: old }, path);
 *   const { listeners, ready } = await takeOver(path);
 *   using web = listeners.get("web")!;
 *   await ready();
 *   await handed;
 *   assertEquals(web.addr, old.addr);
 * }
 * ```
 */
export async function handOver(
  listeners: Record<string, TcpListener | UnixListener>,
  path: string,
  options: TransferOptions = {},
): Promise<void> {
  if (engineInfo().engine !== "uring") throw notSupported("handOver");
  const names = Object.keys(listeners);
  const sockets = Object.values(listeners).map((each) => Listener.socketOf(each as TcpListener));
  using door = listen({ transport: "unix", path });
  await Deno.chmod(path, 0o600);
  for (let isReady = false; !isReady;) {
    using successor = await door.accept(options);
    isReady = await offer(successor, names, sockets.map(({ fd }) => fd), options);
    // The path is free when the successor sees the end: it may wait there for the next one.
    if (isReady) door.close();
  }
  await Promise.all(sockets.map((socket) => socket.retire!()));
}

/**
 * Takes the listening sockets of the process that runs {@linkcode handOver}. Begin to accept
 * connections, then call `ready`.
 *
 * @throws {Deno.errors.NotFound} when there is no such process
 * @throws {Deno.errors.ConnectionRefused} when it has ended
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example The first process finds no predecessor
 * ```ts
 * import { listen, takeOver } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assert } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const taken = await takeOver("/nowhere/restart.sock").catch((error) => {
 *     assert(error instanceof Deno.errors.NotFound);
 *     return null;
 *   });
 *   using _listener = taken?.listeners.get("web") ?? listen({ hostname: "127.0.0.1", port: 0 });
 *   await taken?.ready();
 * }
 * ```
 */
export async function takeOver(
  path: string,
  options: TransferOptions = {},
): Promise<TakenListeners> {
  if (engineInfo().engine !== "uring") throw notSupported("handOver");
  const conn = await connect({ transport: "unix", path, ...options });
  try {
    const { names, fds } = await receiveSockets(conn, options);
    const listeners = new Map(fds.map((fd, index) => [names[index]!, adoptListener(fd)]));
    const ready = async () => {
      await conn.writeAll(READY, options);
      await conn.read(new Uint8Array(1), options);
      conn.close();
    };
    return { listeners, ready };
  } catch (error) {
    conn.close();
    throw error;
  }
}

/** Hands the sockets to one who asks; says whether it got ready. */
async function offer(
  successor: UnixConn,
  names: readonly string[],
  fds: readonly number[],
  options: TransferOptions,
): Promise<boolean> {
  const bytes = new TextEncoder().encode(JSON.stringify(names));
  const sent = sendDescriptorsNow(StreamConn.socketOf(successor).fd, fds, bytes);
  if (sent < 0 && sent !== -Errno.EPIPE) throw osError(-sent, "sendmsg");
  try {
    return await successor.read(new Uint8Array(1), options) === 1;
  } catch (error) {
    options.signal?.throwIfAborted();
    if (error instanceof Deno.errors.ConnectionReset) return false;
    throw error;
  }
}

/** Takes the sockets from the one message that they come in. */
async function receiveSockets(
  conn: UnixConn,
  options: TransferOptions,
): Promise<{ names: string[]; fds: number[] }> {
  const { fd } = StreamConn.socketOf(conn);
  await waitFor(fd, { readable: true }, options);
  const received = receiveDescriptorsNow(fd);
  if (typeof received === "number") throw osError(-received, "recvmsg");
  const names: unknown = received && JSON.parse(new TextDecoder().decode(received.bytes));
  if (received && Array.isArray(names) && names.length === received.fds.length) {
    return { names, fds: received.fds };
  }
  received?.fds.forEach(closeDescriptor);
  throw new Deno.errors.InvalidData("Cannot take over: no listening sockets came");
}

/** What the successor says when it accepts connections. */
const READY = new Uint8Array([1]);
