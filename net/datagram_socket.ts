// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** The addresses that datagrams have. */
export type DatagramAddr = Deno.NetAddr | Deno.UnixAddr;

/** A datagram with its sender. */
export type Datagram<A extends Deno.Addr> = [Uint8Array<ArrayBuffer>, A];

/**
 * What {@linkcode DatagramConn} needs from the engine under it: one open datagram socket. Two
 * implementations exist, one on the ring and one on Deno's own API.
 */
export interface DatagramSocket<A extends DatagramAddr> {
  /** Descriptor number, or -1 where the engine has none to give. */
  readonly fd: number;
  /** This side's address. */
  readonly addr: A;
  /** The one peer of a connected socket, else null. */
  readonly remoteAddr: A | null;

  /** The next datagram, in `p` where given, cut to its length. Calls are answered in order. */
  receive(p: Uint8Array | undefined, signal?: AbortSignal): Promise<Datagram<A>>;

  /** Sends one datagram; null is the peer of a connected socket. */
  send(p: Uint8Array, addr: A | null): Promise<number>;

  /** Sends several, in order; says how many. */
  sendBatch(datagrams: readonly (readonly [Uint8Array, A | null])[]): Promise<number>;

  /** Sends bytes as datagrams of `segmentBytes`, the last one shorter; says how many bytes. */
  sendSegments(p: Uint8Array, segmentBytes: number, addr: A | null): Promise<number>;

  /** Joins an IPv4 multicast group. */
  joinMulticastV4(group: string, networkInterface: string): Promise<Deno.MulticastV4Membership>;

  /** Joins an IPv6 multicast group. */
  joinMulticastV6(group: string, networkInterface: number): Promise<Deno.MulticastV6Membership>;

  /** Closes; pending calls reject with `Interrupted`. Called once at most. */
  close(): void;
  /** Pending receives keep the process alive (the default). */
  ref(): void;
  /** Pending and future receives do not keep the process alive. */
  unref(): void;
}
