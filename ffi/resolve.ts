// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { parseIpv4, parseIpv6, withoutBrackets } from "./ip_address.ts";
import { libc } from "./libc.ts";
import { decodeScopedHost, SOCKADDR_BYTES_MAX } from "./sockaddr.ts";
import { SocketType } from "./socket.ts";

/**
 * The addresses of a host, in the order in which they should be tried (RFC 6724).
 *
 * It asks getaddrinfo(3), as Deno's own `connect` does, so both get the same answers: the hosts
 * file, search domains and every other source that the system is set up with. `Deno.resolveDns`
 * asks the name server only, and needs net permission to it.
 *
 * An IP address is its own answer. An IPv6 address that belongs to one interface only carries that
 * interface's number as its zone: `fe80::1%2`.
 *
 * @param hostname A name, or an IP address with or without brackets
 * @returns One address at least, no address twice, 64 at most
 * @throws {Error} `failed to lookup address information: ...` when there is none
 */
export async function resolveHost(hostname: string): Promise<string[]> {
  const host = withoutBrackets(hostname);
  if (isReady(host)) return [host];
  const [node, hints, result] = lookupArguments(host);
  const status = await libc().getaddrinfo(node, null, hints, result);
  return takeAddresses(status, result);
}

/**
 * As {@linkcode resolveHost}, and waits for the answer, as `Deno.listen` does: a name that the
 * hosts file lacks may take seconds.
 */
export function resolveHostNow(hostname: string): string[] {
  const host = withoutBrackets(hostname);
  if (isReady(host)) return [host];
  const [node, hints, result] = lookupArguments(host);
  const status = libc().getaddrinfoNow(node, null, hints, result);
  return takeAddresses(status, result);
}

/**
 * One buffer for all three arguments of getaddrinfo: the result is read after the call, so it lives
 * until then, and the resolver's thread never sees freed memory.
 */
function lookupArguments(
  host: string,
): [
  node: Uint8Array<ArrayBuffer>,
  hints: Int32Array<ArrayBuffer>,
  result: Uint8Array<ArrayBuffer>,
] {
  if (host.includes("\0")) throw new TypeError("Cannot resolve a host: its name contains a NUL");
  const node = encoder.encode(host);
  const memory = new ArrayBuffer(NODE + node.length + 1);
  new Uint8Array(memory).set(node, NODE);
  const hints = new Int32Array(memory, HINTS, ADDRINFO_BYTES / 4);
  hints[ADDRINFO_SOCKET_TYPE / 4] = SocketType.stream;
  return [new Uint8Array(memory, NODE), hints, new Uint8Array(memory, RESULT, POINTER_BYTES)];
}

function takeAddresses(status: number, result: Uint8Array<ArrayBuffer>): string[] {
  if (status !== 0) throw lookupError(status);
  const address = new BigUint64Array(result.buffer, result.byteOffset, 1)[0]!;
  const first = Deno.UnsafePointer.create(address);
  if (first === null) throw lookupError(EAI_NONAME);
  try {
    return readAddresses(first);
  } finally {
    libc().freeaddrinfo(first);
  }
}

const ADDRESSES_MAX = 64;
const EAI_NONAME = -2;

// struct addrinfo on 64-bit Linux, glibc and musl alike:
//
//   0       4        8             12         16        24         32     40     48
//   | flags | family | socket type | protocol | length  | address  | name | next |
const ADDRINFO_SOCKET_TYPE = 8;
const ADDRINFO_LENGTH = 16;
const ADDRINFO_ADDRESS = 24;
const ADDRINFO_NEXT = 40;
const ADDRINFO_BYTES = 48;
const POINTER_BYTES = 8;

// The call's memory: where the resolver puts its answer, the hints, the name with its NUL.
const RESULT = 0;
const HINTS = POINTER_BYTES;
const NODE = HINTS + ADDRINFO_BYTES;

const NUMERIC_ZONE = /^[0-9]*$/;

const encoder = new TextEncoder();

/** Addresses need no resolver, unless they have a zone that is the name of an interface. */
function isReady(host: string): boolean {
  if (parseIpv4(host)) return true;
  const ipv6 = parseIpv6(host);
  return ipv6 !== undefined && NUMERIC_ZONE.test(ipv6.zone);
}

function readAddresses(first: Deno.PointerObject): string[] {
  const addresses = new Set<string>();
  let entry: Deno.PointerValue = first;
  while (entry !== null && addresses.size < ADDRESSES_MAX) {
    const info: Deno.UnsafePointerView = new Deno.UnsafePointerView(entry);
    const address = info.getPointer(ADDRINFO_ADDRESS);
    const host = address && readHost(address, info.getUint32(ADDRINFO_LENGTH));
    if (host) addresses.add(host);
    entry = info.getPointer(ADDRINFO_NEXT);
  }
  return [...addresses];
}

function readHost(address: Deno.PointerObject, lengthBytes: number): string | undefined {
  const bytes = new Uint8Array(SOCKADDR_BYTES_MAX);
  const used = bytes.subarray(0, Math.min(lengthBytes, bytes.length));
  new Deno.UnsafePointerView(address).copyInto(used);
  return decodeScopedHost(bytes);
}

/** The message is Deno's own, down to its missing capital; the reason is the C library's text. */
function lookupError(status: number): Error {
  const text = libc().gai_strerror(status);
  const reason = text === null ? `error ${status}` : Deno.UnsafePointerView.getCString(text);
  return new Error(`failed to lookup address information: ${reason}`);
}
