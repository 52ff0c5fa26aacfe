// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../ffi/ip_address.ts";

/** Ways to log in to a proxy (RFC 1928 section 3). */
export const SocksMethod = { none: 0, password: 2, noneAcceptable: 0xff } as const;

/** What a proxy answered to a request. */
export interface SocksReply {
  /** 0 for success, else why not (RFC 1928 section 6). */
  readonly code: number;
  /** The address that the proxy uses. */
  readonly bound: { readonly hostname: string; readonly port: number };
  /** How many bytes the answer took. */
  readonly byteLength: number;
}

/** Bytes at the start of a reply after which {@linkcode socksReplyBytes} knows its length. */
export const SOCKS_REPLY_HEAD_BYTES = 5;

/**
 * Writes the greeting: which methods the client knows.
 *
 * @example Without a password
 * ```ts
 * import { encodeSocksGreeting } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...encodeSocksGreeting([0])], [5, 1, 0]);
 * ```
 */
export function encodeSocksGreeting(methods: readonly number[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array([VERSION, methods.length, ...methods]);
}

/**
 * Reads which method the proxy has chosen.
 *
 * @param bytes Two bytes
 * @throws {Deno.errors.InvalidData} when that is no answer of SOCKS5
 *
 * @example A choice
 * ```ts
 * import { parseSocksMethod } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSocksMethod(new Uint8Array([5, 2])), 2);
 * ```
 */
export function parseSocksMethod(bytes: Uint8Array): number {
  if (bytes[0] !== VERSION) throw invalid(`its version is ${bytes[0]}`);
  return bytes[1]!;
}

/**
 * Writes user name and password (RFC 1929).
 *
 * @throws {RangeError} when one is empty or longer than 255 bytes
 *
 * @example A login
 * ```ts
 * import { encodeSocksLogin } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...encodeSocksLogin("a", "b")], [1, 1, 97, 1, 98]);
 * ```
 */
export function encodeSocksLogin(username: string, password: string): Uint8Array<ArrayBuffer> {
  const parts = [username, password].map((text) => {
    const bytes = encoder.encode(text);
    if (bytes.length > 0 && bytes.length <= 255) return bytes;
    throw new RangeError("Cannot log in: user name and password must have 1 to 255 bytes");
  });
  return new Uint8Array([LOGIN_VERSION, ...parts.flatMap((part) => [part.length, ...part])]);
}

/**
 * Reads whether the proxy took the login.
 *
 * @param bytes Two bytes
 * @throws {Deno.errors.InvalidData} when that is no answer of RFC 1929
 *
 * @example A refusal
 * ```ts
 * import { parseSocksLogin } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSocksLogin(new Uint8Array([1, 1])), false);
 * ```
 */
export function parseSocksLogin(bytes: Uint8Array): boolean {
  if (bytes[0] !== LOGIN_VERSION) throw invalid(`its version is ${bytes[0]}`);
  return bytes[1] === 0;
}

/**
 * Writes the request to connect to a host. A name is left to the proxy to resolve.
 *
 * @throws {RangeError} when the name is empty or longer than 255 bytes, or the port out of range
 *
 * @example By name
 * ```ts
 * import { encodeSocksConnect } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals([...encodeSocksConnect("a.b", 80)], [5, 1, 0, 3, 3, 97, 46, 98, 0, 80]);
 * ```
 */
export function encodeSocksConnect(hostname: string, port: number): Uint8Array<ArrayBuffer> {
  if (!(Number.isInteger(port) && port > 0 && port <= 0xffff)) {
    throw new RangeError(`Cannot connect: the port must be from 1 to 65535, received ${port}`);
  }
  return new Uint8Array([VERSION, CONNECT, 0, ...encodeHost(hostname), port >> 8, port & 255]);
}

/**
 * How long a reply is, by its first {@linkcode SOCKS_REPLY_HEAD_BYTES}; null when there are fewer.
 *
 * @throws {Deno.errors.InvalidData} when that is no reply of SOCKS5
 *
 * @example With an address of IPv4
 * ```ts
 * import { socksReplyBytes } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(socksReplyBytes(new Uint8Array([5, 0, 0, 1, 127])), 10);
 * ```
 */
export function socksReplyBytes(bytes: Uint8Array): number | null {
  if (bytes.length > 0 && bytes[0] !== VERSION) throw invalid(`its version is ${bytes[0]}`);
  if (bytes.length < SOCKS_REPLY_HEAD_BYTES) return null;
  switch (bytes[3]) {
    case HostType.inet:
      return HEAD_BYTES + 4 + PORT_BYTES;
    case HostType.inet6:
      return HEAD_BYTES + 16 + PORT_BYTES;
    case HostType.name:
      return HEAD_BYTES + 1 + bytes[4]! + PORT_BYTES;
    default:
      throw invalid(`its address type is ${bytes[3]}`);
  }
}

/**
 * Reads a reply at the start of some bytes; null when more are needed.
 *
 * @throws {Deno.errors.InvalidData} when that is no reply of SOCKS5
 *
 * @example Success
 * ```ts
 * import { parseSocksReply } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const reply = parseSocksReply(new Uint8Array([5, 0, 0, 1, 127, 0, 0, 1, 0, 80]));
 * assertEquals(reply?.bound, { hostname: "127.0.0.1", port: 80 });
 * ```
 */
export function parseSocksReply(bytes: Uint8Array): SocksReply | null {
  const byteLength = socksReplyBytes(bytes);
  if (byteLength === null || bytes.length < byteLength) return null;
  const host = bytes.subarray(HEAD_BYTES, byteLength - PORT_BYTES);
  const port = bytes[byteLength - 2]! << 8 | bytes[byteLength - 1]!;
  const hostname = bytes[3] === HostType.inet
    ? formatIpv4(host, 0)
    : bytes[3] === HostType.inet6
    ? formatIpv6(host, 0)
    : decoder.decode(host.subarray(1));
  return { code: bytes[1]!, bound: { hostname, port }, byteLength };
}

/**
 * The error for a reply that is no success: what `connect` would have thrown, where it says.
 *
 * @example Nobody listens
 * ```ts
 * import { socksError } from "@photon/std/net";
 * import { assert } from "@std/assert";
 *
 * assert(socksError(5) instanceof Deno.errors.ConnectionRefused);
 * ```
 */
export function socksError(code: number): Error {
  const [name, text] = REPLIES[code] ?? ["ConnectionAborted", `code ${code}`];
  return new Deno.errors[name](`Cannot connect through the proxy: ${text}`);
}

// A request:  | 5 | 1 connect | 0 | host type, host | port u16 |
// A reply:    | 5 | code      | 0 | host type, host | port u16 |
// A host:     | 1 | 4 bytes |   | 3 | length | name |   | 4 | 16 bytes |
const VERSION = 5;
const LOGIN_VERSION = 1;
const CONNECT = 1;
const HostType = { inet: 1, name: 3, inet6: 4 } as const;
const HEAD_BYTES = 4;
const PORT_BYTES = 2;

// Data: the codes of a reply (RFC 1928 section 6) and the error that each is thrown as.
// deno-fmt-ignore
const REPLIES: Record<number, readonly [keyof typeof Deno.errors, string]> = {
  1: ["ConnectionAborted",  "it failed"],
  2: ["PermissionDenied",   "its rules do not allow it"],
  3: ["NetworkUnreachable", "the network is unreachable"],
  4: ["NetworkUnreachable", "the host is unreachable"],
  5: ["ConnectionRefused",  "the host refused"],
  6: ["TimedOut",           "the time to live is over"],
  7: ["NotSupported",       "it does not know the command"],
  8: ["NotSupported",       "it does not know the type of address"],
};

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function encodeHost(hostname: string): number[] {
  const inet = parseIpv4(hostname);
  if (inet) return [HostType.inet, ...inet];
  const inet6 = parseIpv6(hostname.replace(/^\[(.*)\]$/, "$1"));
  if (inet6) return [HostType.inet6, ...inet6.bytes];
  const name = encoder.encode(hostname);
  if (name.length > 0 && name.length <= 255) return [HostType.name, name.length, ...name];
  throw new RangeError("Cannot connect: the name of the host must have 1 to 255 bytes");
}

function invalid(reason: string): Error {
  return new Deno.errors.InvalidData(`Cannot read the proxy's answer: ${reason}`);
}
