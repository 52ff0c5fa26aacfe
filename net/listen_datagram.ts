// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { engineInfo, openEngine } from "../io/engine_info.ts";
import { DatagramConn } from "./datagram_conn.ts";
import {
  checkDatagramOptions,
  checkDatagramPeer,
  type UdpConnectOptions,
  type UdpListenOptions,
  type UnixDatagramOptions,
} from "./datagram_options.ts";
import { denoConnectUdp, denoListenUdp, denoListenUnixpacket } from "./deno_datagram.ts";
import { uringConnectUdp, uringListenUdp, uringListenUnixpacket } from "./uring_datagram.ts";

/**
 * Opens a UDP socket. Drop-in for {@linkcode Deno.listenDatagram}, and no flag is needed on the
 * ring.
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 * @throws {Deno.errors.AddrInUse} when something listens there already
 * @throws {Deno.errors.NotSupported} on the portable engine without `--unstable-net`
 *
 * @example Send to oneself
 * ```ts
 * import { listenDatagram } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   using conn = listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
 *   await conn.send(new Uint8Array([1, 2]), conn.addr);
 *   const [bytes] = await conn.receive();
 *   assertEquals([...bytes], [1, 2]);
 * }
 * ```
 */
export function listenDatagram(options: UdpListenOptions): DatagramConn<Deno.NetAddr>;
/**
 * Opens a Unix datagram socket at a path or an abstract name that starts with `"\0"`; without one
 * it can send only. The path stays when the socket closes.
 *
 * @throws {Deno.errors.AddrInUse} when the path exists
 */
export function listenDatagram(options: UnixDatagramOptions): DatagramConn<Deno.UnixAddr>;
export function listenDatagram(
  options: UdpListenOptions | UnixDatagramOptions,
): DatagramConn<Deno.NetAddr> | DatagramConn<Deno.UnixAddr> {
  const request = checkDatagramOptions(options);
  const onRing = engineInfo().engine === "uring";
  if (request.transport === "unixpacket") {
    return new DatagramConn(
      onRing ? uringListenUnixpacket(openEngine(), request) : denoListenUnixpacket(request),
    );
  }
  return new DatagramConn(onRing ? uringListenUdp(openEngine(), request) : denoListenUdp(request));
}

/**
 * Opens a UDP socket that sends to one peer and hears no other. A peer that does not listen shows
 * as `Deno.errors.ConnectionRefused` of a later call.
 *
 * @throws {Deno.errors.NotCapable} without net permission for the host
 *
 * @example One peer
 * ```ts
 * import { connectDatagram, listenDatagram } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 *
 * if (engineInfo().engine === "uring") {
 *   using server = listenDatagram({ transport: "udp", hostname: "127.0.0.1", port: 0 });
 *   using conn = await connectDatagram({ transport: "udp", port: server.addr.port });
 *   await conn.send(new Uint8Array([1]));
 *   await server.receive();
 * }
 * ```
 */
export async function connectDatagram(
  options: UdpConnectOptions,
): Promise<DatagramConn<Deno.NetAddr>> {
  const { local, hostname, port } = checkDatagramPeer(options);
  return new DatagramConn(
    engineInfo().engine === "uring"
      ? await uringConnectUdp(openEngine(), local, hostname, port)
      : await denoConnectUdp(local, hostname, port),
  );
}
