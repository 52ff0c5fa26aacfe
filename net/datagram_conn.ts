// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Datagram, DatagramAddr, DatagramSocket } from "./datagram_socket.ts";
import type { TransferOptions } from "./stream_conn.ts";

/**
 * A socket for datagrams. Drop-in for {@linkcode Deno.DatagramConn}; it adds connected sockets,
 * batches, segments, signals, and `using`. Made by `listenDatagram` and `connectDatagram`.
 *
 * @example Ask and answer
 * ```ts
 * import { connectDatagram, DatagramConn, listenDatagram } from "@photon/std/net";
 * import { engineInfo } from "@photon/std/io";
 * import { assertEquals } from "@std/assert";
 *
 * if (engineInfo().engine === "uring") {
 *   using server: DatagramConn<Deno.NetAddr> = listenDatagram({
 *     transport: "udp",
 *     hostname: "127.0.0.1",
 *     port: 0,
 *   });
 *   using client = await connectDatagram({ transport: "udp", port: server.addr.port });
 *   await client.send(new TextEncoder().encode("ping"));
 *   const [question, from] = await server.receive();
 *   await server.send(question, from);
 *   const [answer] = await client.receive();
 *   assertEquals(new TextDecoder().decode(answer), "ping");
 * }
 * ```
 */
export class DatagramConn<A extends DatagramAddr = DatagramAddr>
  implements Deno.DatagramConn, AsyncIterable<Datagram<A>>, Disposable {
  readonly #socket: DatagramSocket<A>;
  #closed = false;

  /** Takes over an open socket. */
  constructor(socket: DatagramSocket<A>) {
    this.#socket = socket;
  }

  /** This side's address, with the port that was assigned. */
  get addr(): A {
    return this.#socket.addr;
  }

  /** The one peer of a connected socket, else null. */
  get remoteAddr(): A | null {
    return this.#socket.remoteAddr;
  }

  /**
   * Waits for the next datagram.
   *
   * @param p Takes its bytes; what does not fit is lost. By default they get memory of their own
   * @returns The bytes, a view of `p` where given, and who sent them
   * @throws {Deno.errors.BadResource} when the socket is closed
   * @throws {Deno.errors.Interrupted} when it is closed while waiting
   * @throws {Deno.errors.ConnectionRefused} when a connected socket's peer does not listen
   */
  receive(p?: Uint8Array, options?: TransferOptions): Promise<Datagram<A>> {
    if (this.#closed) return Promise.reject(closed());
    if (p !== undefined && !(p instanceof Uint8Array)) return Promise.reject(notBytes("receive"));
    return this.#socket.receive(p, options?.signal);
  }

  /**
   * Sends one datagram.
   *
   * @param addr Who gets it; a connected socket knows
   * @returns Its bytes
   * @throws {TypeError} when there is nobody to send to
   * @throws {Error} `.code` is `"EMSGSIZE"` when it is too long
   */
  send(p: Uint8Array, addr?: Deno.Addr): Promise<number> {
    if (this.#closed) return Promise.reject(closed());
    if (!(p instanceof Uint8Array)) return Promise.reject(notBytes("send"));
    try {
      return this.#socket.send(p, this.#receiver(addr));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /**
   * Sends several datagrams, in order and with as few system calls as can be (sendmmsg(2), 64 and
   * 64 KiB a call). Of a failure the rest is not sent.
   *
   * @returns How many
   */
  async sendBatch(datagrams: readonly (readonly [Uint8Array, Deno.Addr?])[]): Promise<number> {
    if (this.#closed) throw closed();
    return await this.#socket.sendBatch(datagrams.map(([bytes, addr]) => {
      if (!(bytes instanceof Uint8Array)) throw notBytes("send");
      return [bytes, this.#receiver(addr)] as const;
    }));
  }

  /**
   * Sends bytes as datagrams of `segmentBytes` each, the last one shorter. Where the kernel can cut
   * them itself (UDP_SEGMENT, 4.18) up to 64 go with one call; else they are sent one by one.
   *
   * @returns The bytes sent, all of them
   * @throws {RangeError} when `segmentBytes` is no integer between 1 and 65507
   */
  async sendSegments(p: Uint8Array, segmentBytes: number, addr?: Deno.Addr): Promise<number> {
    if (this.#closed) throw closed();
    if (!(p instanceof Uint8Array)) throw notBytes("send");
    if (!(Number.isInteger(segmentBytes) && segmentBytes > 0 && segmentBytes <= SEGMENT_MAX)) {
      throw new RangeError(
        `Cannot send: segmentBytes must be an integer between 1 and ${SEGMENT_MAX}, ` +
          `received ${segmentBytes}`,
      );
    }
    return await this.#socket.sendSegments(p, segmentBytes, this.#receiver(addr));
  }

  /**
   * Joins an IPv4 multicast group.
   *
   * @param networkInterface An address of the interface to hear it on
   */
  joinMulticastV4(
    address: string,
    networkInterface: string,
  ): Promise<Deno.MulticastV4Membership> {
    if (this.#closed) return Promise.reject(closed());
    return this.#socket.joinMulticastV4(address, networkInterface);
  }

  /**
   * Joins an IPv6 multicast group.
   *
   * @param networkInterface The number of the interface to hear it on, 0 for the system's choice
   */
  joinMulticastV6(
    address: string,
    networkInterface: number,
  ): Promise<Deno.MulticastV6Membership> {
    if (this.#closed) return Promise.reject(closed());
    return this.#socket.joinMulticastV6(address, networkInterface);
  }

  /**
   * Closes the socket; waiting calls reject with `Interrupted`.
   *
   * @throws {Deno.errors.BadResource} when it is closed already
   */
  close(): void {
    if (this.#closed) throw new Deno.errors.BadResource("Bad resource ID");
    this.#closed = true;
    this.#socket.close();
  }

  /** Waiting receives keep the process alive (the default). */
  ref(): void {
    if (!this.#closed) this.#socket.ref();
  }

  /** Waiting and future receives do not keep the process alive. */
  unref(): void {
    if (!this.#closed) this.#socket.unref();
  }

  /** The datagrams as they come, until the socket is closed. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram<A>, void> {
    while (!this.#closed) {
      let datagram;
      try {
        datagram = await this.receive();
      } catch (error) {
        const { BadResource, Interrupted } = Deno.errors;
        if (error instanceof BadResource || error instanceof Interrupted) return;
        throw error;
      }
      yield datagram;
    }
  }

  /** Closes the socket unless it is closed already. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.close();
  }

  #receiver(addr: Deno.Addr | undefined): A | null {
    if (addr !== undefined) {
      if ("hostname" in addr || "path" in addr) return addr as A;
      throw new TypeError("Cannot send: the address has neither hostname nor path");
    }
    if (this.#socket.remoteAddr !== null) return null;
    throw new TypeError("Cannot send: the socket is not connected, so an address must be given");
  }
}

/** Most bytes of a UDP datagram over IPv4. */
const SEGMENT_MAX = 65_507;

function closed(): Error {
  return new Deno.errors.BadResource("Socket has been closed");
}

function notBytes(action: string): Error {
  return new TypeError(`Cannot ${action}: the buffer must be a Uint8Array`);
}
