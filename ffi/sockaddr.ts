// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Errno, osError } from "./errno.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6, withoutBrackets } from "./ip_address.ts";

/** The addresses that sockets of this library have: Deno's, without vsock. */
export type SocketAddress = Deno.NetAddr | Deno.UnixAddr;

/** Bytes that hold a socket address of any family: `sizeof(struct sockaddr_storage)`. */
export const SOCKADDR_BYTES_MAX = 128;

/** The address families of the kernel. */
export const AddressFamily = { unix: 1, inet: 2, inet6: 10 } as const;

/**
 * The family of an address: the `domain` for the socket that is to use it.
 *
 * @throws {TypeError} when the host is not an IP address
 */
export function addressFamily(address: SocketAddress): number {
  if ("path" in address) return AddressFamily.unix;
  if (parseIpv4(address.hostname)) return AddressFamily.inet;
  parseScopedHost(address.hostname);
  return AddressFamily.inet6;
}

/**
 * Writes an address as the kernel wants it, at the start of a buffer.
 *
 * The host must be an IP address; a zone must be a number (`fe80::1%2`), as the resolver gives it.
 * The host's brackets may stay. A Unix path that starts with `"\0"` is an abstract name; an empty
 * path or name is the unnamed address, for which bind(2) makes a name up (unix(7)).
 *
 * @param address The address to write
 * @param into At least {@linkcode SOCKADDR_BYTES_MAX} bytes
 * @returns How many bytes of it are the address
 * @throws {TypeError} when the host is not an IP address, the port is not a whole number, or the
 * path is too long or contains a NUL
 * @throws {RangeError} when the port is not between 0 and 65535
 */
export function encodeSocketAddress(address: SocketAddress, into: Uint8Array): number {
  if ("path" in address) return encodeUnix(address.path ?? "", into);
  const { port } = address;
  if (!Number.isInteger(port)) throw new TypeError(`Invalid port: ${port}`);
  if (port < 0 || port > PORT_MAX) throw new RangeError(`Invalid port (out of range): ${port}`);
  into.fill(0, 0, INET6_BYTES);
  into[INET_PORT] = port >> 8;
  into[INET_PORT + 1] = port & 255;
  const bytes = parseIpv4(address.hostname);
  if (bytes) {
    into[0] = AddressFamily.inet;
    into.set(bytes, INET_HOST);
    return INET_BYTES;
  }
  const host = parseScopedHost(address.hostname);
  into[0] = AddressFamily.inet6;
  into.set(host.bytes, INET6_HOST);
  for (let at = 0; at < 4; at++) into[INET6_SCOPE + at] = host.scope >>> 8 * at;
  return INET6_BYTES;
}

/**
 * Reads an address that the kernel wrote, as Deno shows it.
 *
 * An IPv6 scope is left out, and the `path` of an unnamed Unix address is `null`, both as in
 * `Deno.Conn.localAddr`.
 *
 * @param bytes The kernel's buffer
 * @param length How many bytes of it are the address
 * @param transport The transport of an internet address
 * @throws {Deno.errors.NotSupported} when the family is none of {@linkcode AddressFamily}
 */
export function decodeSocketAddress(
  bytes: Uint8Array,
  length: number,
  transport: "tcp" | "udp" = "tcp",
): SocketAddress {
  const family = length < FAMILY_BYTES ? AddressFamily.unix : bytes[0]! | bytes[1]! << 8;
  const port = bytes[INET_PORT]! << 8 | bytes[INET_PORT + 1]!;
  switch (family) {
    case AddressFamily.inet:
      return { hostname: formatIpv4(bytes, INET_HOST), port, transport };
    case AddressFamily.inet6:
      return { hostname: formatIpv6(bytes, INET6_HOST), port, transport };
    case AddressFamily.unix:
      return { transport: "unix", path: decodeUnixPath(bytes, length) };
    default:
      throw new Deno.errors.NotSupported(`Cannot read a socket address: family is ${family}`);
  }
}

/**
 * Reads the host of an internet address with its scope as the zone, as
 * {@linkcode encodeSocketAddress} takes it: `fe80::1%2`.
 *
 * @param bytes The resolver's buffer
 * @returns The host, or `undefined` when the address is of another family
 */
export function decodeScopedHost(bytes: Uint8Array): string | undefined {
  const family = bytes[0]! | bytes[1]! << 8;
  if (family === AddressFamily.inet) return formatIpv4(bytes, INET_HOST);
  if (family !== AddressFamily.inet6) return undefined;
  let scope = 0;
  for (let at = 3; at >= 0; at--) scope = scope * 256 + bytes[INET6_SCOPE + at]!;
  return formatIpv6(bytes, INET6_HOST) + (scope === 0 ? "" : `%${scope}`);
}

// struct sockaddr_in (ip(7)) and sockaddr_in6 (ipv6(7)); port and host are in network order, the
// family and the scope in the host's, which is little-endian on every machine Deno runs on.
//
//   0        2      4               8                         16              24        28
//   | family | port | host (4)      | zeros (8)               |
//   | family | port | flow label    | host (16)                               | scope   |
const FAMILY_BYTES = 2;
const INET_PORT = 2;
const INET_HOST = 4;
const INET_BYTES = 16;
const INET6_HOST = 8;
const INET6_SCOPE = 24;
const INET6_BYTES = 28;
const PORT_MAX = 65535;
const SCOPE_MAX = 0xffffffff;
const NUMERIC_ZONE = /^[0-9]+$/;

// struct sockaddr_un (unix(7)); the length tells the forms apart.
//
//   0        2                                            110
//   | family |                                                 length 2: unnamed
//   | family | path ... NUL |                                  length 2 + path + 1
//   | family | NUL | name ...  |                               length 2 + 1 + name: abstract
const UNIX_PATH = 2;
const UNIX_PATH_BYTES = 108;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

function parseScopedHost(hostname: string): { bytes: Uint8Array; scope: number } {
  const parsed = parseIpv6(withoutBrackets(hostname));
  if (!parsed) {
    throw new TypeError(`Cannot encode an address: "${hostname}" is not an IP address`);
  }
  const { bytes, zone } = parsed;
  const scope = zone === "" ? 0 : NUMERIC_ZONE.test(zone) ? Number(zone) : NaN;
  if (!(scope <= SCOPE_MAX)) {
    throw new TypeError(`Cannot encode an address: the zone of "${hostname}" is not a number`);
  }
  return { bytes, scope };
}

function encodeUnix(path: string, into: Uint8Array): number {
  const bytes = encoder.encode(path);
  const isAbstract = bytes[0] === 0;
  if (!isAbstract && bytes.includes(0)) {
    throw invalidPath("paths must not contain interior null bytes");
  }
  // A path needs room for its closing NUL; an abstract name has its NUL in front.
  if (bytes.length > UNIX_PATH_BYTES - (isAbstract ? 0 : 1)) {
    const subject = isAbstract ? "abstract socket name" : "path";
    throw invalidPath(`${subject} must be shorter than SUN_LEN`);
  }
  into.fill(0, 0, UNIX_PATH + UNIX_PATH_BYTES);
  into[0] = AddressFamily.unix;
  into.set(bytes, UNIX_PATH);
  if (bytes.length === (isAbstract ? 1 : 0)) return UNIX_PATH;
  return UNIX_PATH + bytes.length + (isAbstract ? 0 : 1);
}

/** Deno words these itself, without the number of the error. */
function invalidPath(message: string): Error {
  const error = osError(Errno.EINVAL);
  error.message = message;
  return error;
}

function decodeUnixPath(bytes: Uint8Array, length: number): string {
  // `Deno.UnixAddr` says string; for an unnamed socket Deno gives null.
  if (length <= UNIX_PATH) return null as unknown as string;
  const end = Math.min(length, UNIX_PATH + UNIX_PATH_BYTES);
  if (bytes[UNIX_PATH] === 0) return decoder.decode(bytes.subarray(UNIX_PATH, end));
  const closing = bytes.subarray(0, end).indexOf(0, UNIX_PATH);
  return decoder.decode(bytes.subarray(UNIX_PATH, closing < 0 ? end : closing));
}
