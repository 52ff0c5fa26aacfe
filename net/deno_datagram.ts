// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { notSupported } from "../io/portable.ts";
import type { UdpRequest, UnixDatagramRequest } from "./datagram_options.ts";
import type { Datagram, DatagramAddr, DatagramSocket } from "./datagram_socket.ts";
import { denoResolveHost } from "./deno_resolve.ts";

/** Bytes of the largest datagram, rounded up: what one receive of Deno's is given. */
const DATAGRAM_BYTES_MAX = 65_536;

/** Deno's own datagram connections hold and let go the process; the type leaves that out. */
type DenoDatagramConn = Deno.DatagramConn & { ref(): void; unref(): void };

/**
 * A datagram socket of the portable engine: one of Deno's own.
 *
 * Deno cannot take a receive back. One that outlives its caller is left running, and its datagram
 * goes to the next caller. A connected socket is an open one here that passes over what others
 * send; that its peer refuses datagrams does not show.
 */
export class DenoDatagramSocket<A extends DatagramAddr> implements DatagramSocket<A> {
  /** Deno tells no descriptor. */
  readonly fd = -1;
  readonly addr: A;
  readonly remoteAddr: A | null;

  readonly #conn: DenoDatagramConn;
  readonly #waiting: ReceiveRequest<A>[] = [];
  /** What a receive brought that nobody waited for any more. */
  readonly #kept: Datagram<A>[] = [];
  #receiving = false;
  #closed = false;

  /** Takes over an open socket. */
  constructor(conn: Deno.DatagramConn, remoteAddr: A | null) {
    this.#conn = conn as DenoDatagramConn;
    this.addr = conn.addr as A;
    this.remoteAddr = remoteAddr;
  }

  receive(p: Uint8Array | undefined, signal?: AbortSignal): Promise<Datagram<A>> {
    if (signal?.aborted) return Promise.reject(signal.reason);
    const kept = this.#kept.shift();
    if (kept) return Promise.resolve(cut(kept, p));
    const { promise, resolve, reject } = Promise.withResolvers<Datagram<A>>();
    const request = { into: p, resolve, reject };
    this.#waiting.push(request);
    if (signal) this.#withdrawOnAbort(request, signal, promise);
    if (!this.#receiving) this.#receive();
    return promise;
  }

  send(p: Uint8Array, addr: A | null): Promise<number> {
    return this.#conn.send(p, addr ?? this.remoteAddr!);
  }

  async sendBatch(datagrams: readonly (readonly [Uint8Array, A | null])[]): Promise<number> {
    for (const [bytes, addr] of datagrams) await this.send(bytes, addr);
    return datagrams.length;
  }

  async sendSegments(p: Uint8Array, segmentBytes: number, addr: A | null): Promise<number> {
    for (let at = 0; at < p.length; at += segmentBytes) {
      await this.send(p.subarray(at, at + segmentBytes), addr);
    }
    return p.length;
  }

  joinMulticastV4(group: string, networkInterface: string): Promise<Deno.MulticastV4Membership> {
    return this.#conn.joinMulticastV4(group, networkInterface);
  }

  joinMulticastV6(group: string, networkInterface: number): Promise<Deno.MulticastV6Membership> {
    return this.#conn.joinMulticastV6(group, networkInterface);
  }

  close(): void {
    this.#closed = true;
    this.#conn.close();
  }

  ref(): void {
    this.#conn.ref();
  }

  unref(): void {
    this.#conn.unref();
  }

  /** Receives while anyone waits. */
  async #receive(): Promise<void> {
    this.#receiving = true;
    while (this.#waiting.length > 0) {
      try {
        const datagram = await this.#conn.receive(new Uint8Array(DATAGRAM_BYTES_MAX));
        if (this.#isFromPeer(datagram)) this.#hand(datagram as Datagram<A>);
      } catch (error) {
        if (this.#closed) { for (const request of this.#waiting.splice(0)) request.reject(error); }
        else this.#waiting.shift()?.reject(error);
      }
    }
    this.#receiving = false;
  }

  #hand(datagram: Datagram<A>): void {
    const request = this.#waiting.shift();
    if (request) request.resolve(cut(datagram, request.into));
    else this.#kept.push(datagram);
  }

  #isFromPeer([, addr]: Datagram<Deno.Addr>): boolean {
    const peer = this.remoteAddr;
    if (peer === null || !("port" in peer) || !("hostname" in addr)) return true;
    return addr.hostname === peer.hostname && addr.port === peer.port;
  }

  #withdrawOnAbort(
    request: ReceiveRequest<A>,
    signal: AbortSignal,
    promise: Promise<unknown>,
  ): void {
    const abort = () => {
      const index = this.#waiting.indexOf(request);
      if (index >= 0) this.#waiting.splice(index, 1);
      request.reject(signal.reason);
    };
    const done = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    promise.then(done, done);
  }
}

interface ReceiveRequest<A extends DatagramAddr> {
  readonly into: Uint8Array | undefined;
  readonly resolve: (datagram: Datagram<A>) => void;
  readonly reject: (reason: unknown) => void;
}

/** Listens for UDP datagrams with `Deno.listenDatagram`, which checks the permission. */
export function denoListenUdp(request: UdpRequest): DenoDatagramSocket<Deno.NetAddr> {
  const { hostname, port, reuseAddress, loopback } = request;
  checkUdp(request);
  const listenDatagram = denoListenDatagram();
  const conn = listenDatagram({ transport: "udp", hostname, port, reuseAddress, loopback });
  return new DenoDatagramSocket<Deno.NetAddr>(conn, null);
}

/** Opens a UDP socket that hears one peer only. */
export async function denoConnectUdp(
  request: UdpRequest,
  hostname: string,
  port: number,
): Promise<DenoDatagramSocket<Deno.NetAddr>> {
  checkUdp(request);
  const listenDatagram = denoListenDatagram();
  const [peer] = await denoResolveHost(hostname);
  const local = request.hostname || (peer!.includes(":") ? "::" : "0.0.0.0");
  const conn = listenDatagram({ transport: "udp", hostname: local, port: request.port });
  return new DenoDatagramSocket<Deno.NetAddr>(conn, { transport: "udp", hostname: peer!, port });
}

/** Listens for Unix datagrams with `Deno.listenDatagram`. */
export function denoListenUnixpacket(
  request: UnixDatagramRequest,
): DenoDatagramSocket<Deno.UnixAddr> {
  const { receiveBufferBytes, sendBufferBytes } = request.bufferSizes;
  if ((receiveBufferBytes ?? sendBufferBytes) !== undefined) throw notSupported("bufferSizes");
  const { path } = request;
  const listenDatagram = denoListenDatagram();
  const conn = listenDatagram({ transport: "unixpacket", ...(path !== undefined && { path }) });
  return new DenoDatagramSocket<Deno.UnixAddr>(conn, null);
}

/** Deno offers it with a flag only. */
function denoListenDatagram(): typeof Deno.listenDatagram {
  if (!("listenDatagram" in Deno)) throw notSupported("listenDatagram");
  return Deno.listenDatagram;
}

function checkUdp({ bufferSizes, reusePort }: UdpRequest): void {
  const { receiveBufferBytes, sendBufferBytes } = bufferSizes;
  if ((receiveBufferBytes ?? sendBufferBytes) !== undefined) throw notSupported("bufferSizes");
  if (reusePort) throw notSupported("datagramReusePort");
}

function cut<A extends DatagramAddr>(
  [bytes, addr]: Datagram<A>,
  into: Uint8Array | undefined,
): Datagram<A> {
  if (into === undefined) return [bytes, addr];
  const count = Math.min(bytes.length, into.length);
  into.set(bytes.subarray(0, count));
  return [into.subarray(0, count) as Uint8Array<ArrayBuffer>, addr];
}
