// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type crypto from "node:crypto";
import process from "node:process";

/** What `Sec-WebSocket-Accept` proves knowledge of (RFC 6455 section 1.3). */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** The one version that there is. */
export const WEBSOCKET_VERSION = "13";

/** The answer to a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2). */
export function acceptKey(key: string): string {
  loaded ??= process.getBuiltinModule("node:crypto");
  return loaded.createHash("sha1").update(key + GUID).digest("base64");
}

let loaded: typeof crypto | undefined;

/** Whether a comma-separated field holds a word, in either case. */
export function hasWord(value: string | null, lowerWord: string): boolean {
  return value !== null &&
    value.split(",").some((word) => word.trim().toLowerCase() === lowerWord);
}
