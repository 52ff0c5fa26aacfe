// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { adoptDescriptor, isListening } from "../ffi/pass_descriptors.ts";
import { checkNet, checkUnix } from "../ffi/permission.ts";
import { socketName } from "../ffi/socket.ts";
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { notSupported } from "../io/portable.ts";
import { TcpConn, UnixConn } from "./conn.ts";
import type { TcpListener, UnixListener } from "./listen.ts";
import { Listener } from "./listener.ts";
import { UringListenSocket } from "./uring_listener.ts";

/** First descriptor of those that systemd hands over (sd_listen_fds(3)). */
const LISTEN_FDS_START = 3;

/**
 * The listening sockets that this process was started with, by name: systemd's socket activation
 * (sd_listen_fds(3)), where the service never stops listening while it is restarted. Ring engine
 * only. They are given once.
 *
 * Needs env permission for `LISTEN_PID`, `LISTEN_FDS` and `LISTEN_FDNAMES`, and net permission for
 * the addresses.
 *
 * @returns None when the process was started otherwise. A name that occurs again gets a number
 * behind it: `unknown`, `unknown-2`
 * @throws {Deno.errors.NotSupported} on the portable engine, when there are any
 *
 * @example Started by systemd, or by hand
 * ```ts
 * import { inheritedListeners, listen } from "@photon/std/net";
 *
 * const [inherited] = inheritedListeners().values();
 * using _listener = inherited ?? listen({ hostname: "127.0.0.1", port: 0 });
 * ```
 */
export function inheritedListeners(): Map<string, TcpListener | UnixListener> {
  const listeners = new Map<string, TcpListener | UnixListener>();
  const count = Number(Deno.env.get("LISTEN_FDS") ?? 0);
  if (Deno.env.get("LISTEN_PID") !== String(Deno.pid) || !(count > 0)) return listeners;
  const names = (Deno.env.get("LISTEN_FDNAMES") ?? "").split(":");
  // A second call, or a program that this one starts, must not take them again.
  for (const name of ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"]) Deno.env.delete(name);
  for (let index = 0; index < count; index++) {
    const fd = LISTEN_FDS_START + index;
    const name = uniqueName(names[index] || "unknown", listeners);
    if (isListening(fd)) listeners.set(name, adoptListener(adoptDescriptor(fd)));
  }
  return listeners;
}

/** Makes a listener of a descriptor that listens, and that is ours from now on. */
export function adoptListener(fd: number): TcpListener | UnixListener {
  if (engineInfo().engine !== "uring") throw notSupported("handOver");
  const address = socketName(fd);
  if ("path" in address) {
    if (address.path) checkUnix(address.path);
    const socket = new UringListenSocket<Deno.UnixAddr>(openEngine(), fd);
    return new Listener(socket, (accepted) => new UnixConn(accepted));
  }
  checkNet(address.hostname, address.port);
  const socket = new UringListenSocket<Deno.NetAddr>(openEngine(), fd);
  return new Listener(socket, (accepted) => new TcpConn(accepted));
}

function uniqueName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let unique = name;
  for (let number = 2; taken.has(unique); number++) unique = `${name}-${number}`;
  return unique;
}
