// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Fields that are for one connection only (RFC 9110 section 7.6.1), beside those it names. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  ...["connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"],
  ...["te", "trailer", "transfer-encoding", "upgrade"],
]);
/** What the proxy says itself. */
const OWN: ReadonlySet<string> = new Set(["host", "content-length", "expect"]);
/** Where a client could claim to be somebody else. */
const FORWARDED_REGEXP = /^(?:forwarded|x-forwarded-.*|x-real-ip|x-client-ip|true-client-ip)$/;

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
): Headers {
  const fields = new Headers();
  const named = connectionOptions(headers);
  for (const [name, value] of headers) {
    if (HOP_BY_HOP.has(name) || OWN.has(name) || named.has(name)) continue;
    if (!trustForwarded && FORWARDED_REGEXP.test(name)) continue;
    fields.append(name, value);
  }
  const address = "hostname" in client.remoteAddr ? client.remoteAddr.hostname : "unix:";
  fields.append("x-forwarded-for", address);
  setUnlessTrusted(fields, "x-forwarded-proto", client.scheme, trustForwarded);
  setUnlessTrusted(fields, "x-forwarded-host", client.host, trustForwarded);
  fields.append("forwarded", forwardedElement(address, client));
  return fields;
}

/** The fields that go back to the client, each name as often as it came. */
export function responseFields(headers: Headers): Headers {
  const fields = new Headers();
  const named = connectionOptions(headers);
  for (const [name, value] of headers) {
    if (!HOP_BY_HOP.has(name) && !named.has(name)) fields.append(name, value);
  }
  return fields;
}

/** The fields that `Connection` names. */
function connectionOptions(headers: Headers): ReadonlySet<string> {
  const value = headers.get("connection");
  if (value === null) return NONE;
  return new Set(value.split(",").map((name) => name.trim().toLowerCase()));
}

const NONE: ReadonlySet<string> = new Set();

function setUnlessTrusted(fields: Headers, name: string, value: string, trusts: boolean): void {
  if (!trusts || !fields.has(name)) fields.set(name, value);
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
