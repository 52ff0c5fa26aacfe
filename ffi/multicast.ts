// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { parseIpv4, parseIpv6, withoutBrackets } from "./ip_address.ts";
import { lastErrno, libc } from "./libc.ts";

/** Joins or leaves a group. */
export type MembershipChange = "join" | "leave";

/**
 * Joins or leaves an IPv4 multicast group (ip(7), IP_ADD_MEMBERSHIP).
 *
 * @param group The group's address
 * @param networkInterface An address of the interface, `0.0.0.0` for the system's choice
 * @throws {Error} when one is no IPv4 address, in Deno's words
 */
export function changeMembershipV4(
  fd: number,
  change: MembershipChange,
  group: string,
  networkInterface: string,
): void {
  // struct ip_mreq: the group's address, the interface's
  const request = new Uint8Array([...ipv4(group), ...ipv4(networkInterface)]);
  const name = change === "join" ? IP_ADD_MEMBERSHIP : IP_DROP_MEMBERSHIP;
  set(fd, IPPROTO_IP, name, request);
}

/**
 * Joins or leaves an IPv6 multicast group (ipv6(7), IPV6_ADD_MEMBERSHIP).
 *
 * @param group The group's address
 * @param networkInterface The number of the interface, 0 for the system's choice
 * @throws {Error} when the group is no IPv6 address, in Deno's words
 */
export function changeMembershipV6(
  fd: number,
  change: MembershipChange,
  group: string,
  networkInterface: number,
): void {
  const parsed = parseIpv6(withoutBrackets(group));
  if (!parsed) throw new Error("Invalid IPv6 address syntax");
  // struct ipv6_mreq: the group's address, the interface's number
  const request = new Uint8Array(IPV6_REQUEST_BYTES);
  request.set(parsed.bytes);
  new DataView(request.buffer).setUint32(parsed.bytes.length, networkInterface, true);
  const name = change === "join" ? IPV6_ADD_MEMBERSHIP : IPV6_DROP_MEMBERSHIP;
  set(fd, IPPROTO_IPV6, name, request);
}

const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_ADD_MEMBERSHIP = 35;
const IP_DROP_MEMBERSHIP = 36;
const IPV6_ADD_MEMBERSHIP = 20;
const IPV6_DROP_MEMBERSHIP = 21;
const IPV6_REQUEST_BYTES = 20;

function ipv4(text: string): Uint8Array {
  const bytes = parseIpv4(text);
  if (!bytes) throw new Error("Invalid IPv4 address syntax");
  return bytes;
}

function set(fd: number, level: number, name: number, value: Uint8Array<ArrayBuffer>): void {
  if (libc().setsockopt(fd, level, name, value, value.length) < 0) throw osError(lastErrno());
}
