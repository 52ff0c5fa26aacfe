// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openSocketPair, socketName } from "../ffi/socket.ts";
import { openEngine } from "../io/engine_info.ts";
import { UnixConn } from "./conn.ts";
import { UringStreamSocket } from "./uring_socket.ts";

/**
 * Two connections to each other, `socketpair(2)`. Ring engine only.
 *
 * @throws {Deno.errors.NotSupported} on the portable engine
 *
 * @example Send to oneself
 * ```ts
 * import { socketPair } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   const [left, right] = socketPair();
 *   await left.write(new Uint8Array([1, 2, 3]));
 *   assertEquals(await right.read(new Uint8Array(8)), 3);
 *   left.close();
 *   right.close();
 * }
 * ```
 */
export function socketPair(): [UnixConn, UnixConn] {
  const engine = openEngine();
  const [left, right] = openSocketPair();
  return [connOf(left), connOf(right)];

  function connOf(fd: number): UnixConn {
    const socket = new UringStreamSocket(engine, fd);
    // Neither end has a name.
    const localAddr = socketName(fd) as Deno.UnixAddr;
    return new UnixConn({ socket, localAddr, remoteAddr: { ...localAddr } });
  }
}
