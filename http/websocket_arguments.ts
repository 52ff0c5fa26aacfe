// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * The URL of a WebSocket: `http` and `https` stand for `ws` and `wss` (WebSockets standard 3.1).
 *
 * @throws {DOMException} `SyntaxError` when it is none
 */
export function webSocketUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url, globalThis.location?.href);
  } catch {
    throw new DOMException(`Invalid URL: '${url}'`, "SyntaxError");
  }
  if (parsed.protocol === "http:") parsed.protocol = "ws:";
  else if (parsed.protocol === "https:") parsed.protocol = "wss:";
  if (parsed.protocol !== "ws:" && parsed.protocol !== "wss:") {
    throw new DOMException(
      `Only ws & wss schemes are allowed in a WebSocket URL: received ${parsed.protocol}`,
      "SyntaxError",
    );
  }
  if (parsed.hash !== "" || parsed.href.endsWith("#")) {
    throw new DOMException("Fragments are not allowed in a WebSocket URL", "SyntaxError");
  }
  return parsed;
}

const TOKEN_REGEXP = /^[\w!#$%&'*+.^`|~-]+$/;

/**
 * Checks a client's protocols.
 *
 * @throws {DOMException} `SyntaxError` when one is no token, or there twice
 */
export function checkProtocols(protocols: string | string[]): string[] {
  const list = typeof protocols === "string" ? [protocols] : protocols;
  if (new Set(list.map((name) => name.toLowerCase())).size !== list.length) {
    throw new DOMException("Cannot supply the same protocol multiple times", "SyntaxError");
  }
  if (!list.every((name) => TOKEN_REGEXP.test(name))) {
    throw new DOMException("Invalid protocol value", "SyntaxError");
  }
  return list;
}

const REASON_BYTES_MAX = 123;

/**
 * Checks what a socket is closed with, and gives the reason in UTF-8.
 *
 * @throws {DOMException} `InvalidAccessError` for another code, `SyntaxError` for a longer reason
 */
export function checkClose(code: number | undefined, reason: string | undefined): Uint8Array {
  if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) {
    throw new DOMException(
      `The close code must be either 1000 or in the range of 3000 to 4999: received ${code}`,
      "InvalidAccessError",
    );
  }
  const bytes = new TextEncoder().encode(reason ?? "");
  if (bytes.length > REASON_BYTES_MAX) {
    throw new DOMException("The close reason may not be longer than 123 bytes", "SyntaxError");
  }
  return bytes;
}
