// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { joinBytes } from "../io/copy_bytes.ts";

/** What a client says before anything is encrypted, as far as a server chooses by it. */
export interface ClientHello {
  /** Host that the client wants (RFC 6066 section 3), in lower case; null when it does not say. */
  readonly serverName: string | null;
  /** Protocols of the application that it has, best first (RFC 7301). */
  readonly alpnProtocols: readonly string[];
}

/** Bytes that a ClientHello may take; the key shares of all groups together take a few thousand. */
export const CLIENT_HELLO_BYTES_MAX = 65_536;

/**
 * Reads a ClientHello, so that a server knows the host before it chooses a certificate.
 *
 * ```
 *   record     | 22 | version 2 | length 2 | fragment of a handshake message |   one or more
 *   message    | 1  | length 3  | version 2 | random 32 | session id 1+ | suites 2+ | methods 1+ |
 *              | extensions 2+: type 2, length 2, content ... |
 * ```
 *
 * It checks no more than it needs to find its way: what is wrong beyond that, OpenSSL says.
 *
 * @param bytes What came so far, from the beginning
 * @returns The hello; `"more"` when it is not complete; `"invalid"` when it is none
 */
export function parseClientHello(bytes: Uint8Array): ClientHello | "more" | "invalid" {
  const message = joinFragments(bytes);
  if (typeof message === "string") return message;
  try {
    return readHello(new Cursor(message, HANDSHAKE_HEAD_BYTES));
  } catch (error) {
    if (error instanceof RangeError) return "invalid";
    throw error;
  }
}

const HANDSHAKE_RECORD = 22;
const CLIENT_HELLO = 1;
const RECORD_HEAD_BYTES = 5;
const HANDSHAKE_HEAD_BYTES = 4;
const RECORD_BYTES_MAX = 16_384;
const RANDOM_BYTES = 32;
const EXTENSION_SERVER_NAME = 0;
const EXTENSION_ALPN = 16;
const HOST_NAME = 0;
/** Longest host (RFC 1035 section 2.3.4) and longest protocol (RFC 7301 section 3.1). */
const NAME_BYTES_MAX = 255;

/** The whole handshake message with its head, from as many records as it takes. */
function joinFragments(bytes: Uint8Array): Uint8Array | "more" | "invalid" {
  let message: Uint8Array = new Uint8Array();
  for (let start = 0; start < bytes.length;) {
    const wrong = bytes[start] !== HANDSHAKE_RECORD ||
      (start + 1 < bytes.length && bytes[start + 1] !== 3);
    if (wrong) return "invalid";
    const end = start + RECORD_HEAD_BYTES;
    if (end > bytes.length) return "more";
    const length = bytes[start + 3] << 8 | bytes[start + 4];
    if (length === 0 || length > RECORD_BYTES_MAX) return "invalid";
    if (end + length > bytes.length) {
      return bytes.length < CLIENT_HELLO_BYTES_MAX ? "more" : "invalid";
    }
    const fragment = bytes.subarray(end, end + length);
    message = message.length === 0 ? fragment : joinBytes(message, fragment);
    if (message[0] !== CLIENT_HELLO) return "invalid";
    const wanted = HANDSHAKE_HEAD_BYTES + messageLength(message);
    if (wanted > CLIENT_HELLO_BYTES_MAX) return "invalid";
    if (message.length >= wanted) return message.subarray(0, wanted);
    start = end + length;
  }
  return "more";
}

/** The length in a message's head; more than any may have while the head is not complete. */
function messageLength(message: Uint8Array): number {
  if (message.length < HANDSHAKE_HEAD_BYTES) return RECORD_BYTES_MAX;
  return message[1] << 16 | message[2] << 8 | message[3];
}

function readHello(cursor: Cursor): ClientHello {
  cursor.skip(2 + RANDOM_BYTES);
  cursor.skip(cursor.uint8());
  cursor.skip(cursor.uint16());
  cursor.skip(cursor.uint8());
  let serverName: string | null = null;
  let alpnProtocols: string[] = [];
  // TLS 1.2 allows a hello without extensions.
  const extensions = cursor.left === 0 ? cursor : cursor.slice(cursor.uint16());
  while (extensions.left > 0) {
    const type = extensions.uint16();
    const content = extensions.slice(extensions.uint16());
    if (type === EXTENSION_SERVER_NAME) serverName = readServerName(content);
    else if (type === EXTENSION_ALPN) alpnProtocols = readProtocols(content);
  }
  return { serverName, alpnProtocols };
}

function readServerName(content: Cursor): string | null {
  const names = content.slice(content.uint16());
  while (names.left > 0) {
    const type = names.uint8();
    const name = names.slice(names.uint16());
    if (type === HOST_NAME) return name.text().toLowerCase();
  }
  return null;
}

function readProtocols(content: Cursor): string[] {
  const list = content.slice(content.uint16());
  const protocols: string[] = [];
  while (list.left > 0) protocols.push(list.slice(list.uint8()).text());
  return protocols;
}

/** A place in bytes; reading beyond their end is a RangeError. */
class Cursor {
  readonly #bytes: Uint8Array;
  #offset: number;

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes;
    this.#offset = offset;
  }

  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  skip(count: number): void {
    if (count > this.left) throw new RangeError("Cannot read beyond the end");
    this.#offset += count;
  }

  uint8(): number {
    this.skip(1);
    return this.#bytes[this.#offset - 1];
  }

  uint16(): number {
    return this.uint8() << 8 | this.uint8();
  }

  slice(count: number): Cursor {
    this.skip(count);
    return new Cursor(this.#bytes.subarray(this.#offset - count, this.#offset));
  }

  text(): string {
    if (this.left > NAME_BYTES_MAX) throw new RangeError("Cannot read a name of this length");
    // Of so few letters the platform's decoder would make as much work as the rest of the hello.
    return String.fromCharCode(...this.#bytes.subarray(this.#offset));
  }
}
