// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { startTimer } from "../io/engine_timer.ts";
import type { Transport, TransportSink } from "./transport.ts";
import { WebSocketDecoder, type WebSocketDecoderSink } from "./websocket_decoder.ts";
import type { WebSocketData } from "./websocket_decoder.ts";
import { type DeflateParameters, MessageDeflater, MessageInflater } from "./websocket_deflate.ts";
import { FrameBit, Opcode, WebSocketFailure } from "./websocket_frame.ts";
import { FrameWriter } from "./websocket_writer.ts";

/** How long the peer may take to answer our close. */
export const CLOSE_TIMEOUT_MS = 10_000;
/** How long a peer that broke the protocol may go on sending, so that it gets to read why. */
export const LINGER_MS = 2000;

/** How a connection ended. */
export interface WebSocketEnd {
  /** The close code of the peer, 1005 when it gave none, 1006 when it did not say goodbye. */
  readonly code: number;
  /** What it gave as a reason. */
  readonly reason: string;
  /** Whether both sides said goodbye. */
  readonly wasClean: boolean;
  /** What went wrong, if anything did. */
  readonly error: Error | null;
}

/** Who uses a {@linkcode WebSocketLink}. */
export interface WebSocketLinkOwner {
  /** A message came. */
  onMessage(data: WebSocketData): void;
  /** The peer answered a ping. */
  onPong(payload: Uint8Array): void;
  /** The peer closes, or something failed: no message can be sent any more. */
  onClosing(): void;
  /** The connection is over. Called once. */
  onEnd(end: WebSocketEnd): void;
}

/** What a connection is told. */
export interface WebSocketLinkOptions {
  /** Whether this side is the client, which masks. */
  readonly isClient: boolean;
  /** Bytes of a message. */
  readonly messageBytesMax: number;
  /** Bytes that may wait for the peer to take them. */
  readonly bufferedBytesMax: number;
  /** Seconds without a sign of the peer after which it is taken to be gone; 0 for any. */
  readonly idleTimeout: number;
  /** How both sides compress; null where they do not. */
  readonly deflate: {
    readonly send: DeflateParameters;
    readonly receive: DeflateParameters;
    readonly level: number;
    readonly minBytes: number;
  } | null;
}

/** What a connection is doing. */
type Phase = "open" | "closing" | "lingering" | "over";

/**
 * One WebSocket connection over a transport (RFC 6455): frames in, frames out, and how it ends.
 *
 * ```
 *         close()                the peer's close, or CLOSE_TIMEOUT_MS
 *   open ---------> closing ---------------------------+
 *    |                                                 v
 *    | the peer's close: answered -------------------> over
 *    | a failure: told, then LINGER_MS  > lingering ---^
 *    | the end of the stream: 1006 --------------------^
 * ```
 */
export class WebSocketLink implements TransportSink, WebSocketDecoderSink {
  readonly #transport: Transport;
  readonly #owner: WebSocketLinkOwner;
  readonly #options: WebSocketLinkOptions;
  readonly #decoder: WebSocketDecoder;
  readonly #writer: FrameWriter;
  readonly #deflater: MessageDeflater | null;
  #phase: Phase = "open";
  #end: WebSocketEnd = LOST;
  #heard = false;
  #paused = false;
  #awaitsPong = false;
  #stopTimer: (() => void) | null = null;

  /** Takes over a transport; {@linkcode begin} has to follow. */
  constructor(transport: Transport, owner: WebSocketLinkOwner, options: WebSocketLinkOptions) {
    const { isClient, messageBytesMax, deflate } = options;
    this.#transport = transport;
    this.#owner = owner;
    this.#options = options;
    this.#deflater = deflate && new MessageDeflater(deflate.send, deflate.level);
    this.#decoder = new WebSocketDecoder(this, {
      fromClient: !isClient,
      messageBytesMax,
      inflater: deflate && new MessageInflater(deflate.receive),
    });
    this.#writer = new FrameWriter(transport, isClient, (error) => this.#lost(error));
  }

  /** Takes the bytes that came too early; what comes next comes from the transport. */
  begin(rest: Uint8Array): void {
    if (this.#phase === "open") this.#watch();
    if (rest.length > 0) this.take(rest, 0, rest.length);
  }

  /** Bytes of messages that the transport has not taken yet. */
  get bufferedBytes(): number {
    return this.#writer.bufferedBytes;
  }

  /** Resolves when the transport has taken all messages, or will not any more. */
  drained(): Promise<void> {
    return this.#writer.drained();
  }

  /** Sends a message. One that a slow reader leaves no room for ends the connection. */
  send(data: string | Uint8Array): void {
    if (this.#phase !== "open") return;
    const { deflate, bufferedBytesMax } = this.#options;
    if (this.#writer.bufferedBytes > bufferedBytesMax) {
      const message = `Cannot send: the peer left ${bufferedBytesMax} bytes unread`;
      return this.#abort(new Deno.errors.TimedOut(message));
    }
    const first = FrameBit.FIN | (typeof data === "string" ? Opcode.TEXT : Opcode.BINARY);
    // Of an empty message zlib makes nothing, which is no message (RFC 7692 section 7.2.3.6).
    if (deflate !== null && data.length >= Math.max(deflate.minBytes, 1)) {
      const bytes = typeof data === "string" ? encoder.encode(data) : data;
      const deflated = this.#deflater!.deflate(bytes);
      if (deflated === null) this.#writer.write(first, bytes);
      else this.#writer.write(first | FrameBit.RSV1, deflated);
    } else if (typeof data === "string") this.#writer.writeText(first, data);
    else this.#writer.write(first, data);
  }

  /** Asks the peer for a sign. */
  ping(payload: Uint8Array): void {
    if (this.#phase === "open") this.#writer.write(FrameBit.FIN | Opcode.PING, payload);
  }

  /** Says goodbye, and waits for the peer to do so. */
  close(code: number | undefined, reason: Uint8Array): void {
    if (this.#phase !== "open") return;
    this.#phase = "closing";
    this.#writeClose(code, reason);
    // A peer whose messages wait would never be heard.
    this.#transport.resume();
    this.#limit(CLOSE_TIMEOUT_MS, () => this.#abort(null));
  }

  /** Brings no more messages for now. */
  pause(): void {
    if (this.#phase !== "open") return;
    this.#paused = true;
    this.#transport.pause();
  }

  /** Goes on. */
  resume(): void {
    this.#paused = false;
    if (this.#phase !== "over") this.#transport.resume();
  }

  /** Ends at once. */
  terminate(): void {
    this.#abort(null);
  }

  /** For the transport. */
  take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#phase === "lingering" || this.#phase === "over") return;
    this.#heard = true;
    try {
      this.#decoder.push(bytes, start, end);
    } catch (error) {
      if (!(error instanceof WebSocketFailure)) throw error;
      this.#fail(error);
    }
  }

  /** For the transport. */
  ended(error: Error | null): void {
    this.#finish(error === null || this.#end !== LOST ? this.#end : { ...LOST, error });
    this.#transport.close();
  }

  /** For the decoder. */
  onMessage(data: WebSocketData): void {
    if (this.#phase === "open") this.#owner.onMessage(data);
  }

  /** For the decoder. */
  onPing(payload: Uint8Array): void {
    if (this.#phase === "open") this.#writer.answer(payload);
  }

  /** For the decoder. */
  onPong(payload: Uint8Array): void {
    this.#owner.onPong(payload);
  }

  /** For the decoder. */
  onClose(code: number, reason: string): void {
    this.#decoder.stop();
    const answers = this.#phase === "open";
    this.#end = { code, reason, wasClean: true, error: null };
    if (answers) {
      this.#phase = "closing";
      this.#owner.onClosing();
      this.#writeClose(code === 1005 ? undefined : code, NO_BYTES);
    }
    // The server closes first, so that the port in TIME_WAIT is not the client's (section 7.1.1).
    if (this.#options.isClient) return this.#limit(LINGER_MS, () => this.#close());
    this.#close();
  }

  /** The peer broke the protocol: it is told, and what it still sends is let pass. */
  #fail(failure: WebSocketFailure): void {
    this.#decoder.stop();
    this.#end = { code: failure.code, reason: failure.message, wasClean: false, error: failure };
    const tells = this.#phase === "open";
    this.#owner.onClosing();
    if (tells) this.#writeClose(failure.code, encoder.encode(failure.message));
    this.#linger();
  }

  #writeClose(code: number | undefined, reason: Uint8Array): void {
    const payload = new Uint8Array(code === undefined ? 0 : 2 + reason.length);
    if (code !== undefined) {
      payload[0] = code >> 8;
      payload[1] = code & 0xff;
      payload.set(reason, 2);
    }
    this.#writer.write(FrameBit.FIN | Opcode.CLOSE, payload);
  }

  /** Closes behind what waits to be sent. */
  #close(): void {
    const end = () => {
      if (this.#phase === "over") return;
      this.#finish(this.#end);
      this.#transport.close();
    };
    if (this.#writer.idle) return end();
    this.#limit(CLOSE_TIMEOUT_MS, () => this.#abort(null));
    this.#writer.drained().then(end);
  }

  /** The transport takes no more. */
  #lost(error: unknown): void {
    this.#abort(error instanceof Error ? error : new Error(String(error)));
  }

  #abort(error: Error | null): void {
    if (this.#phase === "over") return;
    this.#finish(error === null ? this.#end : { ...this.#end, error });
    this.#transport.abort();
  }

  #finish(end: WebSocketEnd): void {
    if (this.#phase === "over") return;
    this.#phase = "over";
    this.#stopTimer?.();
    this.#stopTimer = null;
    this.#decoder.stop();
    this.#writer.drop();
    this.#deflater?.close();
    this.#owner.onEnd(end);
  }

  #limit(delayMs: number, expired: () => void): void {
    this.#stopTimer?.();
    this.#stopTimer = startTimer(delayMs, expired);
  }

  /** Twice in the time allowed: who was not heard is asked, and then given up. */
  #watch(): void {
    const { idleTimeout } = this.#options;
    if (idleTimeout === 0) return;
    this.#limit(idleTimeout * 500, () => {
      if (this.#phase !== "open") return;
      // Nobody is heard while nobody listens.
      const heard = this.#heard || this.#paused;
      if (!heard && this.#awaitsPong) return this.#giveUp();
      this.#awaitsPong = !heard;
      if (!heard) this.#writer.write(FrameBit.FIN | Opcode.PING, NO_BYTES);
      this.#heard = false;
      this.#watch();
    });
  }

  #giveUp(): void {
    const reason = "No response from ping frame.";
    this.#writeClose(1001, encoder.encode(reason));
    this.#end = { code: 1001, reason, wasClean: false, error: new Error(reason) };
    this.#owner.onClosing();
    this.#linger();
  }

  /** Nothing more is said, and what still comes is let pass. */
  #linger(): void {
    this.#phase = "lingering";
    this.#transport.resume();
    this.#limit(LINGER_MS, () => this.#abort(null));
    this.#writer.drained().then(() => {
      if (this.#phase === "lingering") this.#transport.endWriting();
    });
  }
}

const NO_BYTES = new Uint8Array();
const encoder = new TextEncoder();
/** The end of a connection whose peer did not say goodbye. */
const LOST: WebSocketEnd = { code: 1006, reason: "", wasClean: false, error: null };
