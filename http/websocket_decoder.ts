// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Buffer } from "node:buffer";
import { PendingBytes } from "./pending_bytes.ts";
import type { MessageInflater } from "./websocket_deflate.ts";
import {
  applyMask,
  CONTROL_BYTES_MAX,
  FRAME_HEAD_BYTES_MAX,
  FrameBit,
  isCloseCode,
  Opcode,
  WebSocketFailure,
} from "./websocket_frame.ts";

/** What a message holds: text, or bytes in an array of their own. */
export type WebSocketData = string | Uint8Array<ArrayBuffer>;

/** Who takes what a {@linkcode WebSocketDecoder} finds. */
export interface WebSocketDecoderSink {
  /** A message is complete. */
  onMessage(data: WebSocketData): void;
  /** The peer asks for an answer; the bytes are gone when the call returns. */
  onPing(payload: Uint8Array): void;
  /** The peer answers a ping. */
  onPong(payload: Uint8Array): void;
  /** The peer closes: 1005 when it gives no code. */
  onClose(code: number, reason: string): void;
}

/** How to decode. */
export interface WebSocketDecoderOptions {
  /** Whether the peer is a client, whose frames have to be masked; others must not be. */
  readonly fromClient: boolean;
  /** Bytes of a message, as it arrives and decompressed. */
  readonly messageBytesMax: number;
  /** Undoes compression, where it was agreed on. */
  readonly inflater: MessageInflater | null;
}

const { toString: bufferToString } = Buffer.prototype;
const wholeText = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * Finds messages in the octets of a peer: pure, synchronous, whole at every split of its input
 * (RFC 6455 section 5).
 *
 * A frame that is all there is read where it is. Text is decoded as it comes, so that the first
 * octet that is not UTF-8 fails the connection, not the end of the message (section 8.1).
 *
 * Payloads are unmasked in place: what is pushed is not what it was afterwards.
 */
export class WebSocketDecoder {
  readonly #sink: WebSocketDecoderSink;
  readonly #fromClient: boolean;
  readonly #messageBytesMax: number;
  readonly #inflater: MessageInflater | null;

  // The head of a frame that is not all there.
  readonly #head = new Uint8Array(FRAME_HEAD_BYTES_MAX);
  #headLength = 0;

  // The frame under way.
  #inFrame = false;
  #first = 0;
  #payloadLeft = 0;
  #key = 0;
  #phase = 0;

  // The message under way: its opcode, 0 when there is none.
  #message = 0;
  #compressed = false;
  #messageBytes = 0;
  #pieces: PendingBytes | null = null;
  #text = "";
  #textDecoder: TextDecoder | null = null;
  readonly #control = new Uint8Array(CONTROL_BYTES_MAX);
  #controlLength = 0;
  #stopped = false;

  /** Finds messages for a sink. */
  constructor(sink: WebSocketDecoderSink, options: WebSocketDecoderOptions) {
    this.#sink = sink;
    this.#fromClient = options.fromClient;
    this.#messageBytesMax = options.messageBytesMax;
    this.#inflater = options.inflater;
  }

  /** Takes no further octet. */
  stop(): void {
    this.#stopped = true;
    this.#endMessage();
  }

  /**
   * Takes octets.
   *
   * @throws {WebSocketFailure} when they break the protocol; nothing may be pushed afterwards
   */
  push(bytes: Uint8Array, start: number, end: number): void {
    let at = start;
    while (!this.#stopped) {
      if (this.#inFrame) {
        const count = Math.min(this.#payloadLeft, end - at);
        if (count === 0 && this.#payloadLeft > 0) return;
        this.#takePayload(bytes, at, at + count);
        at += count;
      } else {
        if (at >= end) return;
        const next = this.#message === 0 ? this.#takeShort(bytes, at, end) : 0;
        at = next > 0 ? next : this.#takeHead(bytes, at, end);
      }
    }
  }

  /**
   * Takes a message of one short frame that is all there, as most are.
   *
   * @returns Where it ends; 0 for all others, of which nothing was taken
   */
  #takeShort(bytes: Uint8Array, start: number, end: number): number {
    const first = bytes[start];
    if ((first & ~Opcode.BINARY & ~Opcode.TEXT) !== FrameBit.FIN) return 0;
    const head = this.#fromClient ? 6 : 2;
    if (this.#headLength > 0 || end - start < head) return 0;
    const opcode = first & 0x0f;
    // Of a frame that is masked, and should not be, or the other way round, this is no length.
    const length = bytes[start + 1] - (this.#fromClient ? 0x80 : 0);
    const isShort = length >= 0 && length < 126 && length <= this.#messageBytesMax;
    const from = start + head;
    const to = from + length;
    if (!isShort || to > end || opcode === 0 || opcode > Opcode.BINARY) return 0;
    if (this.#fromClient) {
      const key = bytes[from - 4] | bytes[from - 3] << 8 | bytes[from - 2] << 16 |
        bytes[from - 1] << 24;
      applyMask(bytes, from, to, key, 0);
    }
    const isText = opcode === Opcode.TEXT;
    this.#sink.onMessage(isText ? decodeWhole(bytes, from, to) : copyOf(bytes, from, to));
    return to;
  }

  /** Reads a head, or as much of it as is there; gives where it stopped. */
  #takeHead(bytes: Uint8Array, start: number, end: number): number {
    if (this.#headLength === 0 && end - start >= 2) {
      const length = headLength(bytes[start + 1]);
      if (start + length <= end) {
        this.#begin(bytes, start);
        return start + length;
      }
    }
    let at = start;
    while (at < end) {
      this.#head[this.#headLength++] = bytes[at++];
      // What the first octets break is said before the last one is there.
      if (this.#headLength === 2) this.#check(this.#head[0], this.#head[1]);
      if (this.#headLength < 2 || this.#headLength < headLength(this.#head[1])) continue;
      this.#headLength = 0;
      this.#begin(this.#head, 0);
      break;
    }
    return at;
  }

  #begin(bytes: Uint8Array, start: number): void {
    const first = bytes[start];
    const second = bytes[start + 1];
    this.#check(first, second);
    const short = second & 0x7f;
    let at = start + 2;
    let length = short;
    if (short === 126) {
      length = bytes[at] << 8 | bytes[at + 1];
      at += 2;
      if (length < 126) throw violation("its length takes more octets than it needs");
    } else if (short === 127) {
      length = wideLength(bytes, at);
      at += 8;
    }
    if (this.#fromClient) {
      this.#key = bytes[at] | bytes[at + 1] << 8 | bytes[at + 2] << 16 | bytes[at + 3] << 24;
    }
    this.#inFrame = true;
    this.#first = first;
    this.#payloadLeft = length;
    this.#phase = 0;
    const opcode = first & 0x0f;
    if (opcode >= Opcode.CLOSE) {
      this.#controlLength = 0;
      return;
    }
    if (opcode !== Opcode.CONTINUATION) {
      this.#message = opcode;
      this.#compressed = (first & FrameBit.RSV1) !== 0;
    }
    this.#messageBytes += length;
    if (this.#messageBytes > this.#messageBytesMax) throw tooBig(this.#messageBytesMax);
  }

  /** What the first two octets of a frame tell. */
  #check(first: number, second: number): void {
    const opcode = first & 0x0f;
    const isFinal = (first & FrameBit.FIN) !== 0;
    if ((first & 0x30) !== 0) throw violation("a reserved bit is set");
    if ((second & 0x80) !== 0 !== this.#fromClient) {
      throw violation(this.#fromClient ? "it is not masked" : "it is masked");
    }
    const isFirst = opcode === Opcode.TEXT || opcode === Opcode.BINARY;
    if ((first & FrameBit.RSV1) !== 0 && (this.#inflater === null || !isFirst)) {
      throw violation("a reserved bit is set");
    }
    if (opcode >= Opcode.CLOSE && opcode <= Opcode.PONG) {
      if (!isFinal) throw violation("a control frame is fragmented");
      if ((second & 0x7f) > CONTROL_BYTES_MAX) throw violation("a control frame is too long");
    } else if (opcode === Opcode.CONTINUATION) {
      if (this.#message === 0) throw violation("it continues no message");
    } else if (!isFirst) {
      throw violation("its opcode is reserved");
    } else if (this.#message !== 0) {
      throw violation("it begins a message inside another");
    }
  }

  /** Takes payload of the frame under way, all that is left of it or a part. */
  #takePayload(bytes: Uint8Array, start: number, end: number): void {
    if (this.#fromClient && start < end) {
      applyMask(bytes, start, end, this.#key, this.#phase);
      this.#phase = (this.#phase + end - start) & 3;
    }
    this.#payloadLeft -= end - start;
    const frameEnds = this.#payloadLeft === 0;
    if (frameEnds) this.#inFrame = false;
    const opcode = this.#first & 0x0f;
    if (opcode >= Opcode.CLOSE) {
      this.#control.set(bytes.subarray(start, end), this.#controlLength);
      this.#controlLength += end - start;
      if (frameEnds) this.#endControl(opcode, this.#control.subarray(0, this.#controlLength));
      return;
    }
    const messageEnds = frameEnds && (this.#first & FrameBit.FIN) !== 0;
    const isWhole = messageEnds && end - start === this.#messageBytes;
    if (isWhole && !this.#compressed) return this.#giveWhole(bytes, start, end);
    if (this.#message === Opcode.TEXT && !this.#compressed) {
      this.#decodeText(bytes, start, end, messageEnds);
    } else if (start < end) {
      (this.#pieces ??= new PendingBytes()).append(bytes, start, end);
    }
    if (messageEnds) this.#give();
  }

  /** A message that came in one piece. */
  #giveWhole(bytes: Uint8Array, start: number, end: number): void {
    const isText = this.#message === Opcode.TEXT;
    const data = isText ? decodeWhole(bytes, start, end) : copyOf(bytes, start, end);
    this.#endMessage();
    this.#sink.onMessage(data);
  }

  #give(): void {
    const isText = this.#message === Opcode.TEXT;
    const text = this.#text;
    const pieces = this.#pieces?.takeAll() ?? new Uint8Array();
    const compressed = this.#compressed;
    this.#endMessage();
    if (!compressed) return this.#sink.onMessage(isText ? text : pieces);
    const bytes = this.#inflater!.inflate(pieces, this.#messageBytesMax);
    this.#sink.onMessage(isText ? decodeWhole(bytes, 0, bytes.length) : bytes);
  }

  #endMessage(): void {
    this.#message = 0;
    this.#messageBytes = 0;
    this.#compressed = false;
    this.#pieces = null;
    this.#text = "";
    this.#textDecoder = null;
  }

  #decodeText(bytes: Uint8Array, start: number, end: number, last: boolean): void {
    this.#textDecoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    try {
      this.#text += this.#textDecoder.decode(bytes.subarray(start, end), { stream: !last });
    } catch {
      throw notText();
    }
  }

  #endControl(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.PING) return this.#sink.onPing(payload);
    if (opcode === Opcode.PONG) return this.#sink.onPong(payload);
    if (payload.length === 0) return this.#sink.onClose(1005, "");
    const code = payload.length === 1 ? 0 : payload[0] << 8 | payload[1];
    if (!isCloseCode(code)) throw violation("it closes with a code that none may send");
    this.#sink.onClose(code, decodeWhole(payload, 2, payload.length));
  }
}

/** Octets of a head, by its second octet. */
function headLength(second: number): number {
  const short = second & 0x7f;
  return (second >= 0x80 ? 4 : 0) + (short === 126 ? 4 : short === 127 ? 10 : 2);
}

/** A length of eight octets; one that no message can have fails. */
function wideLength(bytes: Uint8Array, at: number): number {
  if (bytes[at] >= 0x80) throw violation("its length has the highest bit set");
  let length = 0;
  for (let i = 0; i < 8; i++) length = length * 256 + bytes[at + i];
  if (length < 65_536) throw violation("its length takes more octets than it needs");
  return length;
}

function copyOf(bytes: Uint8Array, start: number, end: number): Uint8Array<ArrayBuffer> {
  return bytes.slice(start, end) as Uint8Array<ArrayBuffer>;
}

/**
 * The text of octets that are all there. `Buffer` takes a fifth of what the decoder does for short
 * ones, and less for all others, but does not fail: what is no UTF-8 becomes U+FFFD, as what was
 * sent may be.
 */
function decodeWhole(bytes: Uint8Array, start: number, end: number): string {
  try {
    const text = bufferToString.call(bytes, "utf8", start, end);
    return text.includes("\uFFFD") ? wholeText.decode(bytes.subarray(start, end)) : text;
  } catch {
    throw notText();
  }
}

function violation(what: string): WebSocketFailure {
  return new WebSocketFailure(1002, `Cannot read frame: ${what}`);
}

function notText(): WebSocketFailure {
  return new WebSocketFailure(1007, "Cannot read text: it is not UTF-8");
}

/** The failure for a message beyond the bound. */
export function tooBig(messageBytesMax: number): WebSocketFailure {
  return new WebSocketFailure(1009, `Cannot read message: it is above ${messageBytesMax} bytes`);
}
