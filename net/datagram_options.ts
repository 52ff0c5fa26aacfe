// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkPort } from "./addr.ts";
import { type BufferSizeOptions, checkBufferSizes } from "./socket_options.ts";

/** What a UDP socket can be told beyond Deno's options. */
export interface UdpSocketOptions extends BufferSizeOptions {
  /** Share the port with other sockets that say so too (`SO_REUSEPORT`). Default false. */
  reusePort?: boolean;
  /**
   * Let the kernel join datagrams of one peer on their way in, which are taken apart again before
   * `receive` gives them (UDP_GRO, 5.0): fewer, larger receives. Default false.
   */
  receiveOffload?: boolean;
}

/** Where and how to listen for UDP datagrams: `Deno.UdpListenOptions`, and socket options. */
export interface UdpListenOptions extends Deno.UdpListenOptions, UdpSocketOptions {
  /** Tells the overloads apart. */
  transport: "udp";
}

/** Where to listen for Unix datagrams: `Deno.UnixListenDatagramOptions`, and more. */
export interface UnixDatagramOptions extends Deno.UnixListenDatagramOptions, BufferSizeOptions {
  /** Tells the overloads apart. */
  transport: "unixpacket";
}

/** Whom to exchange UDP datagrams with. */
export interface UdpConnectOptions extends UdpSocketOptions {
  /** Tells the overloads apart. */
  transport: "udp";
  /** The peer's host. Default `127.0.0.1`. */
  hostname?: string;
  /** The peer's port. */
  port: number;
  /** The own address. By default the kernel chooses. */
  localHostname?: string;
  /** The own port. By default the kernel chooses. */
  localPort?: number;
}

/** Checked {@linkcode UdpListenOptions} with Deno's defaults. */
export interface UdpRequest {
  /** Tells the requests apart. */
  transport: "udp";
  /** Name or address to listen at. */
  hostname: string;
  /** 0 to 65535; 0 lets the kernel choose. */
  port: number;
  /** Whether an address in use is taken over. */
  reuseAddress: boolean;
  /** Whether the port is shared. */
  reusePort: boolean;
  /** Whether own multicast datagrams come back. */
  loopback: boolean;
  /** Whether the kernel joins datagrams. */
  receiveOffload: boolean;
  /** The ones that are set, checked. */
  bufferSizes: BufferSizeOptions;
}

/** Checked {@linkcode UnixDatagramOptions}. */
export interface UnixDatagramRequest {
  /** Tells the requests apart. */
  transport: "unixpacket";
  /** The path, an abstract name after `"\0"`, or undefined for a socket without a name. */
  path: string | undefined;
  /** The ones that are set, checked. */
  bufferSizes: BufferSizeOptions;
}

/**
 * Checks what `listenDatagram` was given and fills in Deno's defaults.
 *
 * @throws {TypeError} when a member has the wrong type, or the transport is unknown
 * @throws {RangeError} when a number is out of range
 */
export function checkDatagramOptions(
  options: UdpListenOptions | UnixDatagramOptions,
): UdpRequest | UnixDatagramRequest {
  switch (options.transport) {
    case "udp":
      return {
        transport: "udp",
        hostname: String(options.hostname ?? "0.0.0.0"),
        port: checkPort(options.port ?? 0),
        loopback: Boolean(options.loopback),
        ...checkUdpOptions(options),
        reuseAddress: Boolean(options.reuseAddress),
      };
    case "unixpacket":
      return { transport: "unixpacket", path: checkPath(options.path), ...bufferSizesOf(options) };
    default:
      throw new TypeError(
        `Unsupported transport: '${(options as { transport: unknown }).transport}'`,
      );
  }
}

/**
 * Checks what `connectDatagram` was given.
 *
 * @returns The own end, and the peer
 * @throws {TypeError} when a member has the wrong type, or the transport is unknown
 * @throws {RangeError} when a number is out of range
 */
export function checkDatagramPeer(
  options: UdpConnectOptions,
): { local: UdpRequest; hostname: string; port: number } {
  if (options.transport !== "udp") {
    throw new TypeError(`Unsupported transport: '${options.transport}'`);
  }
  const local: UdpRequest = {
    transport: "udp",
    hostname: String(options.localHostname ?? ""),
    port: checkPort(options.localPort ?? 0),
    loopback: false,
    ...checkUdpOptions(options),
  };
  const port = checkPort(options.port, 1);
  return { local, hostname: String(options.hostname ?? "127.0.0.1"), port };
}

function checkUdpOptions(options: UdpSocketOptions) {
  return {
    reuseAddress: false,
    reusePort: Boolean(options.reusePort),
    receiveOffload: Boolean(options.receiveOffload),
    ...bufferSizesOf(options),
  };
}

function bufferSizesOf(options: BufferSizeOptions): { bufferSizes: BufferSizeOptions } {
  return { bufferSizes: checkBufferSizes(options) };
}

function checkPath(path: unknown): string | undefined {
  if (path === undefined || path === null || typeof path === "string") return path ?? undefined;
  throw new TypeError(`Cannot listen: path must be a string, received ${path}`);
}
