// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { IPV4_BYTES, IPV6_BYTES, parseIpv4, parseIpv6 } from "../ffi/ip_address.ts";
import { formatIpv4, formatIpv6 } from "../ffi/ip_address.ts";

/** An extra field of a header of version 2 (section 2.2.7). */
export interface ProxyField {
  /** Its type, 0 to 255. */
  readonly type: number;
  /** Its bytes. */
  readonly value: Uint8Array;
}

/** What a proxy says of the connection that it passes on. */
export interface ProxyHeader {
  /** `"proxy"` for a connection of somebody else, `"local"` for one of the proxy's own. */
  readonly command: "proxy" | "local";
  /** The client; null when the proxy does not say. */
  readonly source: Deno.NetAddr | Deno.UnixAddr | null;
  /** Where the client wanted to; null when the proxy does not say. */
  readonly destination: Deno.NetAddr | Deno.UnixAddr | null;
  /** The extra fields, of version 2 only. */
  readonly fields: readonly ProxyField[];
}

/** A header and where it ends. */
export interface ParsedProxyHeader {
  /** The header. */
  readonly header: ProxyHeader;
  /** How many bytes it took; the rest is the client's. */
  readonly byteLength: number;
}

/** Bytes of the longest header of version 1 (section 2.1). */
export const PROXY_V1_BYTES_MAX = 107;
/** Bytes of the longest header of version 2: 16, and what 16 bits can count. */
export const PROXY_V2_BYTES_MAX = 65_551;

/**
 * Reads a header of the PROXY protocol, version 1 or 2, at the start of some bytes (HAProxy's
 * specification, <https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt>).
 *
 * @returns The header, or null when more bytes are needed to tell
 * @throws {Deno.errors.InvalidData} when the bytes do not begin with a header
 *
 * @example Version 1
 * ```ts
 * import { parseProxyHeader } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("PROXY TCP4 10.0.0.1 10.0.0.2 5000 80\r\nGET /");
 * const { header, byteLength } = parseProxyHeader(bytes)!;
 * assertEquals(header.source, { transport: "tcp", hostname: "10.0.0.1", port: 5000 });
 * assertEquals(byteLength, 38);
 * ```
 */
export function parseProxyHeader(bytes: Uint8Array): ParsedProxyHeader | null {
  if (startsWith(bytes, V2_SIGNATURE)) return parseV2(bytes);
  if (startsWith(bytes, V1_SIGNATURE)) return parseV1(bytes);
  throw invalid("it does not begin with a signature");
}

/**
 * Writes a header of version 1: a line of text, which knows TCP only.
 *
 * @throws {TypeError} when the addresses are neither both of IPv4, nor both of IPv6, nor both null
 *
 * @example A line
 * ```ts
 * import { encodeProxyV1 } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const header = { command: "proxy", source: null, destination: null, fields: [] } as const;
 * assertEquals(new TextDecoder().decode(encodeProxyV1(header)), "PROXY UNKNOWN\r\n");
 * ```
 */
export function encodeProxyV1(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  const { source, destination } = header;
  if (source === null || destination === null || header.command === "local") {
    return encoder.encode("PROXY UNKNOWN\r\n");
  }
  const family = familyOf(source, destination);
  if (family === Family.unix) throw new TypeError("Cannot write a header: version 1 is for TCP");
  const [from, to] = [source as Deno.NetAddr, destination as Deno.NetAddr];
  const name = family === Family.inet ? "TCP4" : "TCP6";
  return encoder.encode(
    `PROXY ${name} ${from.hostname} ${to.hostname} ${from.port} ${to.port}\r\n`,
  );
}

/**
 * Writes a header of version 2.
 *
 * @throws {TypeError} when the addresses are of two families, or no addresses
 * @throws {RangeError} when the fields are too long
 *
 * @example There and back
 * ```ts
 * import { encodeProxyV2, parseProxyHeader } from "@photon/std/net";
 * import { assertEquals } from "@std/assert";
 *
 * const source = { transport: "tcp", hostname: "::1", port: 1 } as const;
 * const destination = { transport: "tcp", hostname: "::2", port: 2 } as const;
 * const bytes = encodeProxyV2({ command: "proxy", source, destination, fields: [] });
 * assertEquals(parseProxyHeader(bytes)?.header.source, source);
 * ```
 */
export function encodeProxyV2(header: ProxyHeader): Uint8Array<ArrayBuffer> {
  const { command, source, destination, fields } = header;
  const known = source !== null && destination !== null;
  const family = known ? familyOf(source, destination) : Family.none;
  const address = known ? encodeAddresses(family, source, destination) : new Uint8Array();
  const extra = fields.reduce((total, { value }) => total + FIELD_HEAD_BYTES + value.length, 0);
  const length = address.length + extra;
  if (length > 0xffff) throw new RangeError(`Cannot write a header: ${length} bytes are too many`);
  const bytes = new Uint8Array(V2_HEAD_BYTES + length);
  bytes.set(V2_SIGNATURE);
  bytes[12] = VERSION_2 | (command === "proxy" ? 1 : 0);
  const datagrams = known && source.transport !== "tcp" && source.transport !== "unix";
  bytes[13] = family << 4 | (known ? datagrams ? 2 : 1 : 0);
  bytes[14] = length >> 8;
  bytes[15] = length & 255;
  bytes.set(address, V2_HEAD_BYTES);
  let at = V2_HEAD_BYTES + address.length;
  for (const { type, value } of fields) {
    bytes.set([type, value.length >> 8, value.length & 255], at);
    bytes.set(value, at + FIELD_HEAD_BYTES);
    at += FIELD_HEAD_BYTES + value.length;
  }
  return bytes;
}

// Version 2:
//
//   0           12            13                  14       16          16 + addresses
//   | signature | version 2,  | family, transport | length | addresses | type, length, value ...
//   |           | command     |                   |        |           |
const V2_SIGNATURE = new Uint8Array([13, 10, 13, 10, 0, 13, 10, 81, 85, 73, 84, 10]);
const V2_HEAD_BYTES = 16;
const VERSION_2 = 0x20;
const FIELD_HEAD_BYTES = 3;
const UNIX_PATH_BYTES = 108;
const Family = { none: 0, inet: 1, inet6: 2, unix: 3 } as const;
/** Bytes of one address with its port, by family. */
const HOST_BYTES = [0, IPV4_BYTES, IPV6_BYTES, UNIX_PATH_BYTES] as const;

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const V1_SIGNATURE = encoder.encode("PROXY ");

/** Whether the bytes begin so, as far as there are any. */
function startsWith(bytes: Uint8Array, signature: Uint8Array): boolean {
  const count = Math.min(bytes.length, signature.length);
  for (let at = 0; at < count; at++) if (bytes[at] !== signature[at]) return false;
  return true;
}

function parseV1(bytes: Uint8Array): ParsedProxyHeader | null {
  const end = bytes.subarray(0, PROXY_V1_BYTES_MAX).indexOf(10);
  if (end < 0) {
    if (bytes.length >= PROXY_V1_BYTES_MAX) throw invalid("its line does not end");
    return null;
  }
  if (bytes[end - 1] !== 13) throw invalid("its line does not end with CR LF");
  const [, family, from, to, fromPort, toPort, rest] = decoder.decode(bytes.subarray(0, end - 1))
    .split(" ");
  const byteLength = end + 1;
  const fields: ProxyField[] = [];
  if (family === "UNKNOWN") {
    return { header: { command: "proxy", source: null, destination: null, fields }, byteLength };
  }
  const isAddress = family === "TCP4" ? parseIpv4 : family === "TCP6" ? parsePlainIpv6 : undefined;
  if (!isAddress) throw invalid(`its family is ${family}`);
  if (rest !== undefined || !isAddress(from ?? "") || !isAddress(to ?? "")) {
    throw invalid("its addresses are none");
  }
  const source = { transport: "tcp", hostname: from!, port: portOf(fromPort) } as const;
  const destination = { transport: "tcp", hostname: to!, port: portOf(toPort) } as const;
  return { header: { command: "proxy", source, destination, fields }, byteLength };
}

function parsePlainIpv6(text: string): boolean {
  return parseIpv6(text)?.zone === "";
}

function portOf(text: string | undefined): number {
  if (!/^(0|[1-9][0-9]{0,4})$/.test(text ?? "") || Number(text) > 0xffff) {
    throw invalid("its ports are none");
  }
  return Number(text);
}

function parseV2(bytes: Uint8Array): ParsedProxyHeader | null {
  if (bytes.length > 12 && (bytes[12]! & 0xf0) !== VERSION_2) {
    throw invalid(`its version is ${bytes[12]! >> 4}`);
  }
  if (bytes.length < V2_HEAD_BYTES) return null;
  const command = bytes[12]! & 15;
  if (command > 1) throw invalid(`its command is ${command}`);
  const byteLength = V2_HEAD_BYTES + (bytes[14]! << 8 | bytes[15]!);
  if (bytes.length < byteLength) return null;
  const family = bytes[13]! >> 4;
  const transport = bytes[13]! & 15;
  if (family > Family.unix || transport > 2) throw invalid("its family or transport is unknown");
  const addressBytes = 2 * HOST_BYTES[family]! + (family === 1 || family === 2 ? 4 : 0);
  if (V2_HEAD_BYTES + addressBytes > byteLength) throw invalid("it is too short for its addresses");
  const body = bytes.subarray(V2_HEAD_BYTES, byteLength);
  // The addresses of a connection of the proxy's own say nothing (section 2.2).
  const known = command === 1 && family !== Family.none && transport !== 0;
  return {
    header: {
      command: command === 1 ? "proxy" : "local",
      source: known ? decodeAddress(body, family, transport, 0) : null,
      destination: known ? decodeAddress(body, family, transport, 1) : null,
      fields: parseFields(body.subarray(addressBytes)),
    },
    byteLength,
  };
}

/** The source, or the destination. */
function decodeAddress(
  body: Uint8Array,
  family: number,
  transport: number,
  index: 0 | 1,
): Deno.NetAddr | Deno.UnixAddr {
  const hostBytes = HOST_BYTES[family]!;
  const host = body.subarray(index * hostBytes, (index + 1) * hostBytes);
  if (family === Family.unix) {
    // An abstract name begins with a NUL; what fills the rest is none of the name.
    const end = host.indexOf(0, 1);
    const path = decoder.decode(host.subarray(0, end < 0 ? host.length : end));
    return { transport: transport === 1 ? "unix" : "unixpacket", path };
  }
  const at = 2 * hostBytes + 2 * index;
  const port = body[at]! << 8 | body[at + 1]!;
  const hostname = family === Family.inet ? formatIpv4(host, 0) : formatIpv6(host, 0);
  return { transport: transport === 1 ? "tcp" : "udp", hostname, port };
}

function parseFields(bytes: Uint8Array): ProxyField[] {
  const fields: ProxyField[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + FIELD_HEAD_BYTES;
    const end = start + (bytes[at + 1]! << 8 | bytes[at + 2]!);
    if (!(end <= bytes.length)) throw invalid("a field of it is cut off");
    fields.push({ type: bytes[at]!, value: bytes.slice(start, end) });
    at = end;
  }
  return fields;
}

function encodeAddresses(
  family: number,
  source: Deno.NetAddr | Deno.UnixAddr,
  destination: Deno.NetAddr | Deno.UnixAddr,
): Uint8Array {
  const hostBytes = HOST_BYTES[family]!;
  const isUnix = family === Family.unix;
  const bytes = new Uint8Array(2 * hostBytes + (isUnix ? 0 : 4));
  for (const [index, address] of [source, destination].entries()) {
    bytes.set(hostOf(address), index * hostBytes);
    if (isUnix) continue;
    const { port } = address as Deno.NetAddr;
    bytes.set([port >> 8, port & 255], 2 * hostBytes + 2 * index);
  }
  return bytes;
}

function hostOf(address: Deno.NetAddr | Deno.UnixAddr): Uint8Array {
  if (!("path" in address)) {
    return parseIpv4(address.hostname) ?? parseIpv6(address.hostname)!.bytes;
  }
  const path = encoder.encode(address.path);
  if (path.length <= UNIX_PATH_BYTES) return path;
  throw new TypeError("Cannot write a header: the path is too long");
}

function familyOf(
  source: Deno.NetAddr | Deno.UnixAddr,
  destination: Deno.NetAddr | Deno.UnixAddr,
): 1 | 2 | 3 {
  const [from, to] = [source, destination].map((address) => {
    if ("path" in address) return Family.unix;
    if (parseIpv4(address.hostname)) return Family.inet;
    if (parseIpv6(address.hostname)) return Family.inet6;
    throw new TypeError(`Cannot write a header: "${address.hostname}" is not an IP address`);
  });
  if (from === to) return from!;
  throw new TypeError("Cannot write a header: the addresses are of two families");
}

function invalid(reason: string): Error {
  return new Deno.errors.InvalidData(`Cannot read a PROXY header: ${reason}`);
}
