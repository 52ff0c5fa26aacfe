// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes of an IPv4 address. */
export const IPV4_BYTES = 4;

/** Bytes of an IPv6 address. */
export const IPV6_BYTES = 16;

/**
 * Tells whether a text is an IP address: dotted IPv4, or IPv6 with an optional `%zone`.
 *
 * Strict, as RFC 6943 section 3.1.1 advises: `127.1`, `0x7f.0.0.1` and `127.0.0.01` are left to the
 * resolver, which reads them as inet_aton(3) does.
 */
export function isIpAddress(text: string): boolean {
  return parseIpv4(text) !== undefined || parseIpv6(text) !== undefined;
}

/**
 * Reads a dotted IPv4 address of four decimal numbers without leading zeros.
 *
 * @returns Its 4 bytes, or `undefined` when the text is something else
 */
export function parseIpv4(text: string): Uint8Array<ArrayBuffer> | undefined {
  const match = IPV4.exec(text);
  if (!match) return undefined;
  const bytes = new Uint8Array(IPV4_BYTES);
  for (let at = 0; at < IPV4_BYTES; at++) {
    const part = Number(match[at + 1]);
    if (part > 255) return undefined;
    bytes[at] = part;
  }
  return bytes;
}

/**
 * Reads an IPv6 address in any form of RFC 4291 section 2.2, with an optional zone (RFC 4007).
 *
 * @returns Its 16 bytes and the text after `%` (empty without one), or `undefined` when the text is
 * something else
 */
export function parseIpv6(
  text: string,
): { bytes: Uint8Array<ArrayBuffer>; zone: string } | undefined {
  const percent = text.indexOf("%");
  const zone = percent < 0 ? "" : text.slice(percent + 1);
  if (percent >= 0 && zone === "") return undefined;
  const halves = (percent < 0 ? text : text.slice(0, percent)).split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? parseGroups(halves[1]!, true) : [];
  if (!head || !tail) return undefined;
  const missing = IPV6_GROUPS - head.length - tail.length;
  // "::" stands for one group at least.
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return { bytes: Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255])), zone };
}

/** A host as it stands in a URL or in Deno's options, `[::1]`, without the brackets. */
export function withoutBrackets(hostname: string): string {
  return hostname.startsWith("[") && hostname.endsWith("]") ? hostname.slice(1, -1) : hostname;
}

/** Writes the 4 bytes at an offset as a dotted IPv4 address. */
export function formatIpv4(bytes: Uint8Array, offset: number): string {
  return `${bytes[offset]}.${bytes[offset + 1]}.${bytes[offset + 2]}.${bytes[offset + 3]}`;
}

/**
 * Writes the 16 bytes at an offset as an IPv6 address in the one form of RFC 5952: lower case, no
 * leading zeros, the first longest run of two zero groups or more as `::`, and an IPv4-mapped
 * address with its last part dotted.
 */
export function formatIpv6(bytes: Uint8Array, offset: number): string {
  const groups = new Array<number>(IPV6_GROUPS);
  for (let at = 0; at < IPV6_GROUPS; at++) {
    groups[at] = bytes[offset + 2 * at]! << 8 | bytes[offset + 2 * at + 1]!;
  }
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatIpv4(bytes, offset + IPV6_BYTES - IPV4_BYTES)}`;
  }
  const run = longestZeroRun(groups);
  if (run.length < 2) return hexadecimal(groups);
  return `${hexadecimal(groups.slice(0, run.start))}::${
    hexadecimal(groups.slice(run.start + run.length))
  }`;
}

const IPV6_GROUPS = 8;
const DECIMAL = "(0|[1-9][0-9]{0,2})";
const IPV4 = new RegExp(`^${DECIMAL}\\.${DECIMAL}\\.${DECIMAL}\\.${DECIMAL}$`);
const GROUP = /^[0-9a-f]{1,4}$/i;

/** The 16-bit groups of one side of a `::`; a dotted IPv4 part may end the address and is two. */
function parseGroups(text: string, mayEndDotted: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const groups: number[] = [];
  for (const [at, part] of parts.entries()) {
    if (GROUP.test(part)) {
      groups.push(parseInt(part, 16));
      continue;
    }
    const dotted = mayEndDotted && at === parts.length - 1 ? parseIpv4(part) : undefined;
    if (!dotted) return undefined;
    groups.push(dotted[0]! << 8 | dotted[1]!, dotted[2]! << 8 | dotted[3]!);
  }
  return groups;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let length = 0;
  for (const [at, group] of groups.entries()) {
    length = group === 0 ? length + 1 : 0;
    if (length > best.length) best = { start: at - length + 1, length };
  }
  return best;
}

function hexadecimal(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(":");
}
