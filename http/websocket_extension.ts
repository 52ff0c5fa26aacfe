// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { DeflateParameters, WebSocketCompression } from "./websocket_deflate.ts";

const NAME = "permessage-deflate";
const BITS_MIN = 8;
const BITS_MAX = 15;
/** Extensions that are looked at; further ones are passed over. */
const OFFERS_MAX = 16;

/** What both sides agreed on. */
export interface DeflateAgreement {
  /** What the client sends. */
  readonly client: DeflateParameters;
  /** What the server sends. */
  readonly server: DeflateParameters;
  /** Value of the server's `Sec-WebSocket-Extensions`. */
  readonly header: string;
}

/**
 * Accepts the first offer of permessage-deflate that can be met (RFC 7692 section 5.1).
 *
 * @param header `Sec-WebSocket-Extensions` of the request
 * @returns null when there is none
 */
export function acceptDeflate(
  header: string | null,
  compression: WebSocketCompression,
): DeflateAgreement | null {
  for (const offer of header === null ? [] : parseExtensions(header)) {
    const agreement = offer === null ? null : accept(offer, compression);
    if (agreement !== null) return agreement;
  }
  return null;
}

/** The client's offer. */
export function offerDeflate(compression: WebSocketCompression): string {
  const { windowBits, noContextTakeover, peerWindowBits, peerNoContextTakeover } = compression;
  return [
    NAME,
    windowBits === undefined ? "client_max_window_bits" : `client_max_window_bits=${windowBits}`,
    ...noContextTakeover ? ["client_no_context_takeover"] : [],
    ...peerWindowBits === undefined ? [] : [`server_max_window_bits=${peerWindowBits}`],
    ...peerNoContextTakeover ? ["server_no_context_takeover"] : [],
  ].join("; ");
}

/**
 * Reads the server's answer to {@linkcode offerDeflate}.
 *
 * @param header `Sec-WebSocket-Extensions` of the response
 * @returns null when the server does not compress
 * @throws {Error} when it answers something that was not offered
 */
export function readDeflateAnswer(
  header: string | null,
  compression: WebSocketCompression | null,
): DeflateAgreement | null {
  if (header === null || header.trim() === "") return null;
  const answers = parseExtensions(header);
  const [answer] = answers;
  const fits = answers.length === 1 && answer !== null && compression !== null;
  const agreement = fits ? readAnswer(answer!, compression!) : null;
  if (agreement === null) {
    throw new Error(`Cannot agree on extensions: the server answered '${header}'`);
  }
  return { ...agreement, header };
}

/** One extension of a list: its name, and its parameters. */
interface Extension {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, string | null>;
}

function accept(offer: Extension, compression: WebSocketCompression): DeflateAgreement | null {
  if (offer.name !== NAME) return null;
  const { parameters } = offer;
  for (const [name, value] of parameters) if (!isParameter(name, value, true)) return null;
  const asked = parameters.get("server_max_window_bits");
  const serverBits = Math.min(Number(asked ?? BITS_MAX), compression.windowBits ?? BITS_MAX);
  const serverAlone = parameters.has("server_no_context_takeover") ||
    compression.noContextTakeover === true;
  const clientAlone = parameters.has("client_no_context_takeover") ||
    compression.peerNoContextTakeover === true;
  // Only a client that names its window can be asked for a smaller one.
  const canLimit = parameters.has("client_max_window_bits");
  const hinted = Number(parameters.get("client_max_window_bits") ?? BITS_MAX);
  const clientBits = canLimit ? Math.min(hinted, compression.peerWindowBits ?? BITS_MAX) : BITS_MAX;
  const header = [
    NAME,
    ...serverAlone ? ["server_no_context_takeover"] : [],
    ...clientAlone ? ["client_no_context_takeover"] : [],
    ...asked !== undefined || serverBits < BITS_MAX ? [`server_max_window_bits=${serverBits}`] : [],
    ...clientBits < BITS_MAX ? [`client_max_window_bits=${clientBits}`] : [],
  ].join("; ");
  return {
    client: { windowBits: clientBits, takesOver: !clientAlone },
    server: { windowBits: serverBits, takesOver: !serverAlone },
    header,
  };
}

function readAnswer(
  answer: Extension,
  offered: WebSocketCompression,
): Omit<DeflateAgreement, "header"> | null {
  if (answer.name !== NAME) return null;
  const { parameters } = answer;
  for (const [name, value] of parameters) if (!isParameter(name, value, false)) return null;
  const serverBits = Number(parameters.get("server_max_window_bits") ?? BITS_MAX);
  const serverAlone = parameters.has("server_no_context_takeover");
  if (serverBits > (offered.peerWindowBits ?? BITS_MAX)) return null;
  if (offered.peerNoContextTakeover && !serverAlone) return null;
  const limit = Number(parameters.get("client_max_window_bits") ?? BITS_MAX);
  const clientAlone = parameters.has("client_no_context_takeover") ||
    offered.noContextTakeover === true;
  return {
    client: {
      windowBits: Math.min(limit, offered.windowBits ?? BITS_MAX),
      takesOver: !clientAlone,
    },
    server: { windowBits: serverBits, takesOver: !serverAlone },
  };
}

/** Whether a parameter is known and its value allowed (RFC 7692 section 7.1). */
function isParameter(name: string, value: string | null, inOffer: boolean): boolean {
  if (name === "server_no_context_takeover" || name === "client_no_context_takeover") {
    return value === null;
  }
  if (name !== "server_max_window_bits" && name !== "client_max_window_bits") return false;
  if (value === null) return inOffer && name === "client_max_window_bits";
  return /^(?:[89]|1[0-5])$/.test(value) && Number(value) >= BITS_MIN;
}

const EXTENSION_REGEXP = /^[\w!#$%&'*+.^`|~-]+$/;

/** Reads a list of extensions (RFC 6455 section 9.1); null in place of a malformed one. */
function parseExtensions(header: string): (Extension | null)[] {
  return header.split(",", OFFERS_MAX).map((item) => {
    const [name, ...rest] = item.split(";").map((part) => part.trim());
    const parameters = new Map<string, string | null>();
    for (const part of rest) {
      const equals = part.indexOf("=");
      const key = equals < 0 ? part : part.slice(0, equals).trim();
      const value = equals < 0 ? null : part.slice(equals + 1).trim().replace(/^"(.*)"$/, "$1");
      if (!EXTENSION_REGEXP.test(key) || parameters.has(key)) return null;
      parameters.set(key, value);
    }
    return EXTENSION_REGEXP.test(name!) ? { name: name!, parameters } : null;
  });
}
