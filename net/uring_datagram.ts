// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { connectNow } from "../ffi/datagram.ts";
import { changeMembershipV4, changeMembershipV6 } from "../ffi/multicast.ts";
import { checkNet, checkNetResolved, checkUnix, mayReachEveryHost } from "../ffi/permission.ts";
import { resolveHost, resolveHostNow } from "../ffi/resolve.ts";
import { AddressFamily, addressFamily } from "../ffi/sockaddr.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import { bindSocket, closeDescriptor, openSocket, socketName, SocketType } from "../ffi/socket.ts";
import type { Engine } from "../io/engine.ts";
import type { Flushable } from "../io/flush_list.ts";
import { DatagramAddresses, type EncodedName } from "./datagram_address.ts";
import type { UdpRequest, UnixDatagramRequest } from "./datagram_options.ts";
import { DatagramReceiver } from "./datagram_receiver.ts";
import { DatagramSender } from "./datagram_sender.ts";
import type { Datagram, DatagramAddr, DatagramSocket } from "./datagram_socket.ts";
import { applyOptions } from "./uring_options.ts";

/** A datagram socket on the ring. */
export class UringDatagramSocket<A extends DatagramAddr> implements DatagramSocket<A> {
  readonly fd: number;
  readonly addr: A;
  readonly remoteAddr: A | null;

  readonly #engine: Engine;
  readonly #addresses = new DatagramAddresses();
  readonly #receiver: DatagramReceiver<A>;
  readonly #sender: DatagramSender;
  readonly #grant: SendGrant;
  #closed = false;

  /** Takes over a bound socket; `controlBytes` is room for what the kernel says of a datagram. */
  constructor(engine: Engine, fd: number, remoteAddr: A | null, controlBytes = 0) {
    this.#engine = engine;
    this.fd = fd;
    const addr = socketName(fd, "udp");
    this.addr = ("path" in addr ? { transport: "unixpacket", path: addr.path } : addr) as A;
    this.remoteAddr = remoteAddr;
    this.#grant = new SendGrant(engine);
    const nameBytes = "path" in addr ? UNIX_NAME_BYTES : INET6_NAME_BYTES;
    const layout = { nameBytes, controlBytes };
    this.#receiver = new DatagramReceiver(engine, fd, layout, this.#addresses);
    this.#sender = new DatagramSender(engine, fd);
  }

  receive(p: Uint8Array | undefined, signal?: AbortSignal): Promise<Datagram<A>> {
    return this.#receiver.receive(p, signal);
  }

  send(p: Uint8Array, addr: A | null): Promise<number> {
    if (addr === null) return this.#sender.send(p, null);
    const name = this.#name(addr);
    if (name !== null) return this.#sender.send(p, name);
    return this.#resolve(addr).then((resolved) => this.#sender.send(p, resolved));
  }

  async sendBatch(datagrams: readonly (readonly [Uint8Array, A | null])[]): Promise<number> {
    const named: (readonly [Uint8Array, EncodedName | null])[] = [];
    for (const [bytes, addr] of datagrams) {
      const name = addr && (this.#name(addr) ?? await this.#resolve(addr));
      // The next address of the same host is written over this one.
      named.push([bytes, name && { bytes: name.bytes.slice(), length: name.length }]);
    }
    return await this.#sender.sendBatch(named);
  }

  async sendSegments(p: Uint8Array, segmentBytes: number, addr: A | null): Promise<number> {
    const name = addr && (this.#name(addr) ?? await this.#resolve(addr));
    return await this.#sender.sendSegments(p, segmentBytes, name);
  }

  joinMulticastV4(group: string, networkInterface: string): Promise<Deno.MulticastV4Membership> {
    return settle(() => {
      changeMembershipV4(this.fd, "join", group, networkInterface);
      return {
        leave: () => settle(() => changeMembershipV4(this.fd, "leave", group, networkInterface)),
        setLoopback: (on: boolean) =>
          settle(() => setSocketOption(this.fd, "multicastLoopback", on)),
        setTTL: (ttl: number) => settle(() => setSocketOption(this.fd, "multicastTtl", ttl)),
      };
    });
  }

  joinMulticastV6(group: string, networkInterface: number): Promise<Deno.MulticastV6Membership> {
    return settle(() => {
      changeMembershipV6(this.fd, "join", group, networkInterface);
      return {
        leave: () => settle(() => changeMembershipV6(this.fd, "leave", group, networkInterface)),
        setLoopback: (on: boolean) =>
          settle(() => setSocketOption(this.fd, "multicastLoopbackV6", on)),
      };
    });
  }

  /** The address can be listened on again when this returns. */
  close(): void {
    this.#closed = true;
    const reason = new Deno.errors.Interrupted("operation canceled");
    const { busy } = this;
    this.#receiver.close(reason);
    this.#sender.close(reason);
    // What is in flight holds the socket, not its number, until the kernel has let go of it.
    if (busy) this.#engine.submitNow();
    closeDescriptor(this.fd);
  }

  /** Whether operations are in flight. */
  get busy(): boolean {
    return this.#receiver.busy || this.#sender.busy;
  }

  ref(): void {
    this.#receiver.hold(true);
  }

  unref(): void {
    this.#receiver.hold(false);
  }

  /** Checks the permission and writes the address; null when its name must be resolved. */
  #name(addr: A): EncodedName | null {
    this.#grant.check(addr);
    return this.#addresses.encode(addr);
  }

  async #resolve(addr: A): Promise<EncodedName> {
    const { hostname, port, transport } = addr as Deno.NetAddr;
    const [address] = await resolveHost(hostname);
    checkNetResolved(address!, port);
    if (this.#closed) throw new Deno.errors.BadResource("Socket has been closed");
    return this.#addresses.encode({ hostname: address!, port, transport })!;
  }
}

/** Listens for UDP datagrams. */
export function uringListenUdp(
  engine: Engine,
  request: UdpRequest,
): UringDatagramSocket<Deno.NetAddr> {
  const { hostname, port } = request;
  checkNet(hostname, port);
  const [address] = resolveHostNow(hostname);
  checkNetResolved(address!, port);
  return openUdp(engine, request, address!, null);
}

/** Opens a UDP socket with one peer. */
export async function uringConnectUdp(
  engine: Engine,
  request: UdpRequest,
  hostname: string,
  port: number,
): Promise<UringDatagramSocket<Deno.NetAddr>> {
  checkNet(hostname, port);
  const [peer] = await resolveHost(hostname);
  checkNetResolved(peer!, port);
  const remoteAddr: Deno.NetAddr = { transport: "udp", hostname: peer!, port };
  const isV6 = addressFamily(remoteAddr) === AddressFamily.inet6;
  const local = request.hostname || (isV6 ? "::" : "0.0.0.0");
  checkNet(local, request.port);
  const [address] = await resolveHost(local);
  checkNetResolved(address!, request.port);
  return openUdp(engine, request, address!, remoteAddr);
}

/** Listens for Unix datagrams; as with Deno, the file stays when the socket is closed. */
export function uringListenUnixpacket(
  engine: Engine,
  request: UnixDatagramRequest,
): UringDatagramSocket<Deno.UnixAddr> {
  const path = request.path === undefined ? undefined : checkUnix(request.path);
  const fd = openSocket(AddressFamily.unix, SocketType.datagram);
  try {
    applyOptions(fd, "unix", request.bufferSizes);
    if (path !== undefined) bindSocket(fd, { transport: "unix", path });
    return new UringDatagramSocket<Deno.UnixAddr>(engine, fd, null);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

// struct sockaddr_un and sockaddr_in6.
const UNIX_NAME_BYTES = 110;
const INET6_NAME_BYTES = 28;
/** CMSG_SPACE(sizeof(int)), for UDP_GRO. */
const OFFLOAD_CONTROL_BYTES = 24;

function openUdp(
  engine: Engine,
  request: UdpRequest,
  hostname: string,
  remoteAddr: Deno.NetAddr | null,
): UringDatagramSocket<Deno.NetAddr> {
  const address: Deno.NetAddr = { transport: "udp", hostname, port: request.port };
  const family = addressFamily(address);
  const fd = openSocket(family, SocketType.datagram);
  try {
    if (request.reuseAddress) setSocketOption(fd, "reuseAddress", true);
    if (request.reusePort) setSocketOption(fd, "reusePort", true);
    if (request.receiveOffload) setSocketOption(fd, "receiveOffload", true);
    const loopback = family === AddressFamily.inet ? "multicastLoopback" : "multicastLoopbackV6";
    setSocketOption(fd, loopback, request.loopback);
    setSocketOption(fd, "broadcast", true);
    applyOptions(fd, "unix", request.bufferSizes);
    bindSocket(fd, address);
    if (remoteAddr !== null) connectNow(fd, remoteAddr);
    const controlBytes = request.receiveOffload ? OFFLOAD_CONTROL_BYTES : 0;
    return new UringDatagramSocket<Deno.NetAddr>(engine, fd, remoteAddr, controlBytes);
  } catch (error) {
    closeDescriptor(fd);
    throw error;
  }
}

/**
 * Asks whether datagrams may be sent to an address, as Deno does for each. To ask costs as much as
 * the send, so that every host may be reached is asked once a round of the engine.
 */
class SendGrant implements Flushable {
  readonly #engine: Engine;
  #unrestricted = false;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  check(addr: DatagramAddr): void {
    if ("path" in addr) return void checkUnix(addr.path);
    if (this.#unrestricted) return;
    if (!PLAIN_HOST.test(addr.hostname) || !mayReachEveryHost()) {
      return checkNet(addr.hostname, addr.port);
    }
    this.#unrestricted = true;
    this.#engine.flushLater(this);
  }

  /** The round is over. */
  flush(): void {
    this.#unrestricted = false;
  }
}

/** Hosts that are certainly well-formed: addresses. */
const PLAIN_HOST = /^[0-9a-f.:]+$/;

/** Runs what is done at once, with its error as a rejection. */
function settle<T>(run: () => T): Promise<T> {
  try {
    return Promise.resolve(run());
  } catch (error) {
    return Promise.reject(error);
  }
}
