// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseIpv4, parseIpv6, withoutBrackets } from "../ffi/ip_address.ts";
import {
  AddressFamily,
  decodeSocketAddress,
  encodeSocketAddress,
  SOCKADDR_BYTES_MAX,
} from "../ffi/sockaddr.ts";
import type { DatagramAddr } from "./datagram_socket.ts";

/** Hosts whose text form is kept; when there are more all are forgotten. */
const HOSTS_MAX = 4096;

/** An address as the kernel wants it. */
export interface EncodedName {
  /** The bytes; they may be written again for the next address. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** How many of them are the address. */
  readonly length: number;
}

/**
 * Turns addresses into the kernel's form and back, and keeps what it found out about a host: a
 * server hears from the same hosts again and again, and most often answers whom it heard last.
 */
export class DatagramAddresses {
  readonly #names: Map<string, EncodedName> = new Map();
  readonly #hosts: Map<number, string> = new Map();
  #lastHost = "";
  #lastName: EncodedName | null = null;
  #lastSender: number | null = null;
  #lastSenderHost = "";

  /** The kernel's form, or null when the host is a name that must be resolved first. */
  encode(address: DatagramAddr): EncodedName | null {
    if ("path" in address) return this.#encodeUnix(address);
    const { hostname, port } = address;
    const name = this.#lastName !== null && hostname === this.#lastHost
      ? this.#lastName
      : this.#find(hostname);
    if (name === null) return null;
    if (!Number.isInteger(port)) throw new TypeError(`Invalid port: ${port}`);
    if (port < 0 || port > PORT_MAX) throw new RangeError(`Invalid port (out of range): ${port}`);
    name.bytes[PORT] = port >> 8;
    name.bytes[PORT + 1] = port & 255;
    this.#lastHost = hostname;
    this.#lastName = name;
    return name;
  }

  /** What the kernel wrote at `start`, as Deno shows it. */
  decode(bytes: Uint8Array, start: number, length: number): DatagramAddr {
    if (length >= INET_BYTES && bytes[start] === AddressFamily.inet) {
      const at = start + INET_HOST;
      const key = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) |
        bytes[at + 3]!;
      const port = bytes[start + PORT]! << 8 | bytes[start + PORT + 1]!;
      if (key === this.#lastSender) {
        return { hostname: this.#lastSenderHost, port, transport: "udp" };
      }
      const hostname = this.#hosts.get(key);
      if (hostname !== undefined) {
        this.#lastSender = key;
        this.#lastSenderHost = hostname;
        return { hostname, port, transport: "udp" };
      }
      const address = decodeSocketAddress(bytes.subarray(start), length, "udp") as Deno.NetAddr;
      if (this.#hosts.size >= HOSTS_MAX) this.#hosts.clear();
      this.#hosts.set(key, address.hostname);
      return address;
    }
    const address = decodeSocketAddress(bytes.subarray(start, start + length), length, "udp");
    return "path" in address ? { transport: "unixpacket", path: address.path } : address;
  }

  #encodeUnix(address: Deno.UnixAddr): EncodedName {
    const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
    return { bytes, length: encodeSocketAddress(address, bytes) };
  }

  /** The form of a host with no port yet. */
  #find(hostname: string): EncodedName | null {
    const known = this.#names.get(hostname);
    if (known) return known;
    const host = withoutBrackets(hostname);
    if (!parseIpv4(host) && !parseIpv6(host)) return null;
    const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
    const address = { hostname: host, port: 0, transport: "udp" } as const;
    const name = { bytes, length: encodeSocketAddress(address, bytes) };
    if (this.#names.size >= HOSTS_MAX) this.#names.clear();
    this.#names.set(hostname, name);
    return name;
  }
}

// struct sockaddr_in and sockaddr_in6: family, port, ...
const PORT = 2;
const INET_HOST = 4;
const INET_BYTES = 16;
const PORT_MAX = 65_535;
