// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a frame is (RFC 6455 section 5.2). */
export const Opcode = {
  CONTINUATION: 0x0,
  TEXT: 0x1,
  BINARY: 0x2,
  CLOSE: 0x8,
  PING: 0x9,
  PONG: 0xa,
} as const;

/** Bits beside the opcode in the first octet of a frame. */
export const FrameBit = {
  /** The last frame of its message. */
  FIN: 0x80,
  /** With permessage-deflate: the message is compressed. */
  RSV1: 0x40,
} as const;

/** Payload of a ping, a pong or a close frame. */
export const CONTROL_BYTES_MAX = 125;
/** The longest head: two octets, a length of eight, a masking key of four. */
export const FRAME_HEAD_BYTES_MAX = 14;

/** Why a connection fails, with the code that the peer is told (RFC 6455 section 7.4.1). */
export class WebSocketFailure extends Error {
  /** Close code. */
  readonly code: number;

  /** Says what the peer did wrong. */
  constructor(code: number, message: string) {
    super(message);
    this.name = "WebSocketFailure";
    this.code = code;
  }
}

/** Octets of the head of a frame, its masking key included. */
export function frameHeadLength(payloadLength: number, masked: boolean): number {
  const key = masked ? 4 : 0;
  return key + (payloadLength < 126 ? 2 : payloadLength < 65_536 ? 4 : 10);
}

/**
 * Writes the head of a frame without its masking key.
 *
 * ```
 * octet 0  FIN RSV1 0 0 opcode
 * octet 1  MASK, length: itself up to 125, 126 for the next 2 octets, 127 for the next 8
 * ```
 *
 * @param first The first octet: `FrameBit` and `Opcode`
 * @returns Where it ends: the masking key goes there, or the payload
 */
export function writeFrameHead(
  bytes: Uint8Array,
  at: number,
  first: number,
  payloadLength: number,
  masked: boolean,
): number {
  const mask = masked ? 0x80 : 0;
  bytes[at] = first;
  if (payloadLength < 126) {
    bytes[at + 1] = mask | payloadLength;
    return at + 2;
  }
  const wide = payloadLength >= 65_536;
  bytes[at + 1] = mask | (wide ? 127 : 126);
  let end = at + 2;
  const octets = wide ? 8 : 2;
  let rest = payloadLength;
  for (let i = octets - 1; i >= 0; i--) {
    bytes[end + i] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  end += octets;
  return end;
}

/** Below this many octets a view of words costs more than it saves. */
const WORDS_BYTES_MIN = 32;
let wordsBuffer: ArrayBufferLike | null = null;
const NO_WORDS = new Int32Array();
let words: Int32Array = NO_WORDS;

/**
 * Masks octets in place, or unmasks them, which is the same (RFC 6455 section 5.3).
 *
 * @param key The masking key, its first octet lowest
 * @param phase How many octets of the payload came before
 */
export function applyMask(
  bytes: Uint8Array,
  start: number,
  end: number,
  key: number,
  phase: number,
): void {
  let at = start;
  let turned = turn(key, phase);
  if (end - start >= WORDS_BYTES_MIN) {
    for (; (bytes.byteOffset + at) % 4 !== 0; at++) {
      bytes[at] ^= turned & 0xff;
      turned = turn(turned, 1);
    }
    // Receive blocks and queues are parts of few large buffers: the last view is mostly the next.
    if (wordsBuffer !== bytes.buffer) {
      wordsBuffer = bytes.buffer;
      words = new Int32Array(bytes.buffer, 0, bytes.buffer.byteLength >>> 2);
    }
    const lastWord = (bytes.byteOffset + end) >>> 2;
    for (let word = (bytes.byteOffset + at) >>> 2; word < lastWord; word++) words[word] ^= turned;
    at = lastWord * 4 - bytes.byteOffset;
  }
  for (; at < end; at++) {
    bytes[at] ^= turned & 0xff;
    turned = turn(turned, 1);
  }
  // A user's buffer is not kept from being collected.
  if (words.byteLength > 0 && words.byteLength < KEPT_BUFFER_BYTES_MIN) {
    wordsBuffer = null;
    words = NO_WORDS;
  }
}

/** Buffers of engines are larger than this. */
const KEPT_BUFFER_BYTES_MIN = 4_194_304;

/** The key for a payload whose first octets are done. */
function turn(key: number, octets: number): number {
  const shift = (octets & 3) * 8;
  return shift === 0 ? key | 0 : key >>> shift | key << (32 - shift);
}

/** Whether a peer may give this as the reason of its close (RFC 6455 section 7.4, IANA). */
export function isCloseCode(code: number): boolean {
  if (code >= 3000) return code <= 4999;
  return code >= 1000 && code <= 1014 && code !== 1004 && code !== 1005 && code !== 1006;
}
