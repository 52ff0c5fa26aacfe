// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { RESERVE_BYTES_MAX, type Transport } from "./transport.ts";
import {
  applyMask,
  FRAME_HEAD_BYTES_MAX,
  FrameBit,
  frameHeadLength,
  Opcode,
  writeFrameHead,
} from "./websocket_frame.ts";

/** Pongs that may wait for a peer that pings and does not read; more are not sent. */
const PONGS_WAITING_MAX = 64;
const PONG = FrameBit.FIN | Opcode.PONG;
/** Payloads of so many bytes are not joined with their heads, unless they have to be masked. */
const APART_BYTES_MIN = 16_384;
/** Random bytes that are drawn at a time. */
const RANDOM_BYTES = 4096;

/**
 * Writes frames to a transport, in order. What it has no room for waits here, and counts.
 *
 * Short frames are written into the transport's own memory, where it has some.
 */
export class FrameWriter {
  readonly #transport: Transport;
  readonly #masks: boolean;
  readonly #onError: (error: unknown) => void;
  #waiting: WaitingFrame[] = [];
  #bufferedBytes = 0;
  #pongs = 0;
  #pumping = false;
  #dropped = false;
  #drained: PromiseWithResolvers<void> | null = null;

  /** Writes to a transport; `onError` is called when that takes no more. */
  constructor(transport: Transport, masks: boolean, onError: (error: unknown) => void) {
    this.#transport = transport;
    this.#masks = masks;
    this.#onError = onError;
  }

  /** Bytes of payload that wait. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** Whether nothing waits. */
  get idle(): boolean {
    return this.#waiting.length === 0 && !this.#pumping;
  }

  /** Resolves when nothing waits. */
  drained(): Promise<void> {
    if (this.idle) return Promise.resolve();
    return (this.#drained ??= Promise.withResolvers<void>()).promise;
  }

  /** Forgets what waits. */
  drop(): void {
    this.#dropped = true;
    this.#waiting = [];
    this.#bufferedBytes = 0;
    this.#settle();
  }

  /** Writes a frame; its payload is copied, or sent before this returns. */
  write(first: number, payload: Uint8Array): void {
    if (this.#dropped) return;
    const head = frameHeadLength(payload.length, this.#masks);
    const length = head + payload.length;
    const at = this.#reserve(length);
    if (at >= 0) {
      const { memory } = this.#transport;
      memory.set(payload, at + head);
      this.#complete(memory, at, first, payload.length);
      return this.#transport.commit(length);
    }
    if (payload.length >= APART_BYTES_MIN && !this.#masks) return this.#writeLarge(first, payload);
    const frame = new Uint8Array(length);
    frame.set(payload, head);
    this.#complete(frame, 0, first, payload.length);
    this.#push({ bytes: frame, payloadLength: payload.length, isPong: first === PONG });
  }

  /** Writes a frame of text. */
  writeText(first: number, text: string): void {
    if (this.#dropped) return;
    const lengthMax = FRAME_HEAD_BYTES_MAX + 3 * text.length;
    const at = this.#reserve(lengthMax);
    if (at < 0) return this.write(first, encoder.encode(text));
    // Most text is ASCII: the head is as long as it would be for that, or the payload is moved.
    const { memory } = this.#transport;
    const guess = frameHeadLength(text.length, this.#masks);
    const payloadLength = encodeInto(text, memory, at + guess, at + lengthMax);
    const head = frameHeadLength(payloadLength, this.#masks);
    const start = at + guess;
    if (head !== guess) memory.copyWithin(at + head, start, start + payloadLength);
    this.#complete(memory, at, first, payloadLength);
    this.#transport.commit(head + payloadLength);
  }

  /** Answers a ping, unless the peer has not taken too many answers already. */
  answer(payload: Uint8Array): void {
    if (this.#pongs >= PONGS_WAITING_MAX) return;
    this.write(PONG, payload);
  }

  /** Room in the transport's memory; -1 when there is none, or others wait. */
  #reserve(byteLength: number): number {
    if (byteLength > RESERVE_BYTES_MAX || this.#pumping) return -1;
    return this.#transport.reserve(byteLength);
  }

  /** Writes the head in front of a payload, and masks that. */
  #complete(bytes: Uint8Array, at: number, first: number, payloadLength: number): void {
    const keyAt = writeFrameHead(bytes, at, first, payloadLength, this.#masks);
    if (!this.#masks) return;
    const random = randomAt();
    for (let i = 0; i < 4; i++) bytes[keyAt + i] = randomBytes[random + i];
    const key = bytes[keyAt] | bytes[keyAt + 1] << 8 | bytes[keyAt + 2] << 16 |
      bytes[keyAt + 3] << 24;
    applyMask(bytes, keyAt + 4, keyAt + 4 + payloadLength, key, 0);
  }

  #writeLarge(first: number, payload: Uint8Array): void {
    const head = new Uint8Array(frameHeadLength(payload.length, false));
    writeFrameHead(head, 0, first, payload.length, false);
    this.#push({ bytes: head, payloadLength: 0, isPong: false });
    // The caller may change its bytes as soon as this returns: what is not taken now is copied.
    const taken = this.#pumping ? 0 : Math.max(this.#transport.offer(payload), 0);
    if (taken === payload.length) return;
    const rest = payload.slice(taken);
    this.#push({ bytes: rest, payloadLength: rest.length, isPong: false });
  }

  #push(frame: WaitingFrame): void {
    let { bytes } = frame;
    if (!this.#pumping) {
      const count = this.#transport.offer(bytes);
      // A negative count tells that the peer is gone, which reading tells as well.
      if (count === bytes.length || count < 0) return;
      bytes = bytes.subarray(count);
    }
    this.#waiting.push({ ...frame, bytes });
    this.#bufferedBytes += frame.payloadLength;
    if (frame.isPong) this.#pongs++;
    if (!this.#pumping) this.#pump();
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    try {
      while (this.#waiting.length > 0) {
        const frames = this.#waiting;
        this.#waiting = [];
        for (const { bytes, payloadLength, isPong } of frames) {
          await this.#transport.write(bytes);
          if (this.#dropped) return;
          this.#bufferedBytes -= payloadLength;
          if (isPong) this.#pongs--;
        }
      }
    } catch (error) {
      if (!this.#dropped) this.#onError(error);
    } finally {
      this.#pumping = false;
      this.#settle();
    }
  }

  #settle(): void {
    this.#drained?.resolve();
    this.#drained = null;
  }
}

interface WaitingFrame {
  readonly bytes: Uint8Array;
  readonly payloadLength: number;
  readonly isPong: boolean;
}

/** Up to this length a loop is faster than a view and an encoder. */
const LOOP_LENGTH_MAX = 32;
const encoder = new TextEncoder();

/** Encodes text into memory, and says how many bytes. */
function encodeInto(text: string, memory: Uint8Array, start: number, end: number): number {
  if (text.length <= LOOP_LENGTH_MAX) {
    let at = 0;
    for (; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) break;
      memory[start + at] = code;
    }
    if (at === text.length) return at;
  }
  return encoder.encodeInto(text, memory.subarray(start, end)).written;
}

const randomBytes = new Uint8Array(RANDOM_BYTES);
let randomNext = RANDOM_BYTES;

/** Where four random bytes are that nobody has used: who can guess a mask can forge requests. */
function randomAt(): number {
  if (randomNext + 4 > RANDOM_BYTES) {
    crypto.getRandomValues(randomBytes);
    randomNext = 0;
  }
  randomNext += 4;
  return randomNext - 4;
}
