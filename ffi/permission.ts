// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { formatIpv6, parseIpv4, parseIpv6, withoutBrackets } from "./ip_address.ts";

// A foreign function call passes Deno's sandbox by, so every entry of this library asks first, as
// Deno's own function would. Grants are not kept: the program may revoke a permission at any time.
// Deno itself keeps one record of 600 bytes for each distinct host and path that it is ever asked
// about, so the unrestricted grant is looked for first. That is a look at a live object, which says
// what a revocation has changed: 50 ns, where the question costs 2 us.

/**
 * Checks that the program may listen at or connect to a host and port.
 *
 * A name is checked as a name; {@linkcode checkNetResolved} then checks what it resolved to.
 *
 * @throws {Deno.errors.NotCapable} when it may not, in Deno's words
 * @throws {URIError} when the host can be neither an address nor a name
 */
export function checkNet(hostname: string, port: number): void {
  const host = netHost(hostname, port);
  if (PLAIN_HOST.test(host) && isUnrestricted("net")) return;
  requireGrant("net", { name: "net", host }, host);
}

/** Whether the program may reach every host and port, so that no other question is needed. */
export function mayReachEveryHost(): boolean {
  return isUnrestricted("net");
}

/**
 * Checks that the address a name was resolved to is not denied by `--deny-net`.
 *
 * The grant for the name is enough: the address needs none of its own.
 *
 * @throws {Deno.errors.NotCapable} when the address is denied
 */
export function checkNetResolved(address: string, port: number): void {
  if (isUnrestricted("net")) return;
  const host = netHost(address, port);
  const { state } = Deno.permissions.querySync({ name: "net", host });
  if (state === "denied") throw notCapable("net", host);
}

/**
 * Checks that the program may listen at or connect to a Unix socket, which takes read and write
 * access to its path and net access to `unix:` with the absolute path.
 *
 * An abstract name, one that starts with `"\0"`, is no file and takes net access only. No flag can
 * name it, so only access to every host will do.
 *
 * @returns The path to use: the one that was checked, which a link before a `..` cannot lead astray
 * @throws {Deno.errors.NotCapable} when it may not, in Deno's words
 */
export function checkUnix(path: string): string {
  if (path.startsWith("\0")) {
    requireGrant("net", { name: "net" }, `unix:${path}`);
    return path;
  }
  checkRead(path);
  checkWrite(path);
  if (!isUnrestricted("net")) {
    const host = `unix:${absolute(path)}`;
    requireGrant("net", { name: "net", host }, host);
  }
  // With all granted (`-A`) Deno checks no path and uses it as it is.
  return PLAIN_PATH.test(path) || isEverythingGranted() ? path : absolute(path);
}

/**
 * Checks that the program may read a file or directory.
 *
 * @throws {Deno.errors.NotCapable} when it may not, in Deno's words
 */
export function checkRead(path: string): void {
  checkPath("read", path);
}

/**
 * Checks that the program may write, create or remove a file or directory.
 *
 * @throws {Deno.errors.NotCapable} when it may not, in Deno's words
 */
export function checkWrite(path: string): void {
  checkPath("write", path);
}

/** Whether the program may do everything (`-A`), so that Deno checks no path. */
export function isEverythingGranted(): boolean {
  return EVERYTHING.every(isUnrestricted);
}

type Access = "net" | "read" | "write";

/** Hosts that are certainly well-formed; only Deno can tell for the rest. */
const PLAIN_HOST = /^(?=.{1,64}$)(\[[0-9a-f.:]+\]|[a-z0-9]+([.-][a-z0-9]+)*):[0-9]+$/;

/** Paths from the root without `.` and `..`: there is one reading of them only. */
const PLAIN_PATH = /^\/(?!(.*\/)?\.\.?(\/|$))/;

const EVERYTHING: Deno.PermissionName[] = ["read", "write", "net", "env", "sys", "run", "ffi"];

const statuses: { [name in Deno.PermissionName]?: Deno.PermissionStatus } = {};

function isUnrestricted(name: Deno.PermissionName): boolean {
  const kept = statuses[name];
  // One that was not granted is asked for again: a grant given at a prompt does not show in it.
  const status = kept?.state === "granted"
    ? kept
    : statuses[name] = Deno.permissions.querySync({ name });
  return status.state === "granted" && !status.partial;
}

/** Asks the user where Deno would. */
function requireGrant(access: Access, descriptor: Deno.PermissionDescriptor, shown: string): void {
  const { state } = Deno.permissions.querySync(descriptor);
  // To request without a terminal would turn "prompt" into "denied" for the rest of the program.
  const isUnanswerable = state === "prompt" && !Deno.stdin.isTerminal();
  // A granted host is requested too: only that refuses what is no host at all.
  if (isUnanswerable || Deno.permissions.requestSync(descriptor).state !== "granted") {
    throw notCapable(access, shown);
  }
}

function notCapable(access: Access, shown: string): Error {
  return new Deno.errors.NotCapable(
    `Requires ${access} access to "${shown}", run again with the --allow-${access} flag`,
  );
}

function checkPath(access: "read" | "write", path: string): void {
  if (isUnrestricted(access)) return;
  requireGrant(access, { name: access, path }, path.startsWith("/") ? absolute(path) : path);
}

/**
 * The host as Deno names it in messages: canonical, without a zone, a mapped address as IPv4.
 *
 * What would be read as something else once the port is appended is refused here, in Deno's words.
 */
function netHost(hostname: string, port: number): string {
  const ipv6 = parseIpv6(withoutBrackets(hostname));
  if (ipv6) {
    const text = formatIpv6(ipv6.bytes, 0);
    const dotted = text.startsWith(MAPPED) ? text.slice(MAPPED.length) : "";
    return parseIpv4(dotted) ? `${dotted}:${port}` : `[${text}]:${port}`;
  }
  if (BRACKETED.test(hostname)) throw new URIError(`invalid IPv6 address: '${hostname}'`);
  if (NO_NAME.test(hostname)) {
    throw new URIError(`invalid host '${hostname}': invalid char found in FQDN`);
  }
  const name = hostname.toLowerCase().replace(/\.$/, "");
  if (name !== hostname && parseIpv4(name)) throw new URIError(`invalid host: '${name}'`);
  return `${name}:${port}`;
}

const MAPPED = "::ffff:";
const BRACKETED = /^\[.*\]$/;
const NO_NAME = /[^A-Za-z0-9._-]/;

/** The path from the root, without `.`, `..`, double and closing slashes. */
function absolute(path: string): string {
  if (path === "") throw new Error("Empty path is not allowed");
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${Deno.cwd()}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}
