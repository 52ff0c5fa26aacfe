// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RequestHeaders } from "./request_headers.ts";

/** Fields that are for one connection only (RFC 9110 section 7.6.1), beside those it names. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);
/** What the proxy says itself. */
const OWN: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);
/** Where a client could claim to be somebody else. */
const FORWARDED_REGEXP = /^(?:forwarded|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip)$/;

/** Fields of requests that are not passed on, beside those that `Connection` names and claims. */
export const REQUEST_FIELDS_DROPPED: ReadonlySet<string> = new Set([...HOP_BY_HOP, ...OWN]);
/** Fields of responses that are not passed on, beside those that `Connection` names. */
export const RESPONSE_FIELDS_DROPPED: ReadonlySet<string> = HOP_BY_HOP;

/** Whether a field is one where a client could claim to be somebody else. */
export function isClaim(lowerName: string): boolean {
  return FORWARDED_REGEXP.test(lowerName);
}

/** A header field. */
export type Field = [name: string, value: string];

/** Who asks, as a proxy knows. */
export interface ForwardedFor {
  /** The client's address. */
  readonly remoteAddr: Deno.Addr;
  /** `http` or `https`. */
  readonly scheme: string;
  /** The host that the client asked for. */
  readonly host: string;
}

/**
 * The fields that go to the server behind. What is for this connection only stays here; what a
 * client says of where it comes from is replaced, or continued where the client is trusted.
 */
export function requestFields(
  headers: Headers,
  client: ForwardedFor,
  trustForwarded: boolean,
): Field[] {
  const fields: Field[] = [];
  const named = connectionOptions(headers);
  const said = new Map<string, string>();
  for (const [name, value] of RequestHeaders.pairsOf(headers)) {
    if (REQUEST_FIELDS_DROPPED.has(name) || named?.has(name)) continue;
    if (!isClaim(name)) fields.push([name, value]);
    else if (trustForwarded) said.set(name, said.has(name) ? `${said.get(name)}, ${value}` : value);
  }
  fields.push(...claims(client, said));
  return fields;
}

/** What a proxy says of where a request comes from, behind what was said before. */
export function claims(client: ForwardedFor, said: Map<string, string> = new Map()): Field[] {
  const address = "hostname" in client.remoteAddr ? client.remoteAddr.hostname : "unix:";
  continueWith(said, "x-forwarded-for", address);
  if (!said.has("x-forwarded-proto")) said.set("x-forwarded-proto", client.scheme);
  if (!said.has("x-forwarded-host")) said.set("x-forwarded-host", client.host);
  continueWith(said, "forwarded", forwardedElement(address, client));
  return [...said];
}

/** The fields that go back to the client, each name as often as it came. */
export function responseFields(headers: Headers): Field[] {
  const named = connectionOptions(headers);
  return RequestHeaders.pairsOf(headers).filter(([name]) =>
    !RESPONSE_FIELDS_DROPPED.has(name) && !named?.has(name)
  );
}

function continueWith(said: Map<string, string>, name: string, value: string): void {
  const before = said.get(name);
  said.set(name, before === undefined ? value : `${before}, ${value}`);
}

/** The fields that `Connection` names; null for none. */
function connectionOptions(headers: Headers): ReadonlySet<string> | null {
  const value = headers.get("connection");
  if (value === null) return null;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

/** `for=192.0.2.60;proto=http;host=example.com` (RFC 7239 section 4). */
function forwardedElement(address: string, { scheme, host }: ForwardedFor): string {
  const node = address === "unix:" ? "unknown" : address.includes(":") ? `"[${address}]"` : address;
  const parts = [`for=${node}`, `proto=${scheme}`];
  if (host !== "") parts.push(`host=${/^[\w.-]+$/.test(host) ? host : quoted(host)}`);
  return parts.join(";");
}

function quoted(text: string): string {
  return `"${text.replace(/["\\]/g, "\\$&")}"`;
}
