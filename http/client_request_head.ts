// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ClientRequest } from "./client_request.ts";
import { octetsOf } from "./octets.ts";

/** What stands in a head beside the caller's own fields. */
export interface HeadExtras {
  /** Fields that are sent unless the caller has the same; names in lower case. */
  readonly defaults: readonly (readonly [string, string])[];
  /** Whether `Host` may be the caller's. */
  readonly allowHost: boolean;
  /** Whether the target is the whole URL, as a proxy wants it (RFC 9112 section 3.2.2). */
  readonly absolute: boolean;
  /** Further fields, which are the client's: `cookie`, `proxy-authorization`, `expect`. */
  readonly further: readonly (readonly [string, string])[];
}

/** What Deno's `fetch` says of itself and asks for. */
export const DEFAULT_FIELDS: readonly (readonly [string, string])[] = [
  ["accept", "*/*"],
  ["accept-language", "*"],
  ["user-agent", `Deno/${Deno.version.deno}`],
  ["accept-encoding", "gzip,br"],
];

/** Writes the head of a request, an octet a character. */
export function encodeRequestHead(request: ClientRequest, extras: HeadExtras): Uint8Array {
  const { target, method, headers, content } = request;
  const { defaults, allowHost, absolute, further } = extras;
  const path = absolute ? `http://${target.host}${target.path}` : target.path;
  let text = `${method} ${path} HTTP/1.1\r\n`;
  let host = target.host;
  const names = new Set<string>();
  let fields = "";
  for (const [name, value] of headers) {
    names.add(name);
    if (name === "host") {
      if (allowHost) host = value;
    } else if (!FRAMING_FIELDS.has(name)) fields += `${name}: ${value}\r\n`;
  }
  text += `host: ${host}\r\n${fields}`;
  for (const [name, value] of further) text += `${name}: ${value}\r\n`;
  for (const [name, value] of defaults) {
    if (names.has(name)) continue;
    // A part of what is compressed is of no use (Fetch standard, "HTTP-network-or-cache fetch").
    const whole = name !== "accept-encoding" || !names.has("range");
    text += `${name}: ${whole ? value : "identity"}\r\n`;
  }
  if (content !== null) {
    text += content.byteLength >= 0
      ? `content-length: ${content.byteLength}\r\n`
      : "transfer-encoding: chunked\r\n";
  } else if (method === "POST" || method === "PUT") text += "content-length: 0\r\n";
  return octetsOf(text + "\r\n");
}

/** What the caller said of the connection: it is the last request on it. */
export function asksToClose({ headers }: ClientRequest): boolean {
  return headers.some(([name, value]) => name === "connection" && /\bclose\b/i.test(value));
}

/** Fields that say where the content ends, which is for the client to say. */
const FRAMING_FIELDS: ReadonlySet<string> = new Set([
  "content-length",
  "keep-alive",
  "proxy-connection",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);
