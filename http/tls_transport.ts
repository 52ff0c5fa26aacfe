// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { joinBytes } from "../io/copy_bytes.ts";
import { startTimer } from "../io/engine_timer.ts";
import { CLOSE_FLUSH_MS } from "../io/fd_stream.ts";
import { handshakeGate } from "../net/handshake_gate.ts";
import { StreamConn } from "../net/stream_conn.ts";
import { TlsConn } from "../net/tls_conn.ts";
import { type TlsParts, TlsSocket } from "../net/tls_socket.ts";
import type { TlsSession } from "../net/tls_session.ts";
import { TlsSessionOffer } from "../net/tls_session_offer.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Plaintext of one block, and more than one record's. */
const PLAIN_BYTES = 65_536;

/**
 * A connection with TLS on the ring: blocks are decrypted as they come and taken where the
 * plaintext is, and what is written is encrypted into the send queue. No promise for a message, as
 * `TlsConn` has them.
 *
 * A server's begins before its handshake, which is made of the first blocks: in the time that it is
 * given, and a step at a time where many want to ({@linkcode handshakeGate}).
 */
export class TlsTransport implements Transport, TransportSink {
  readonly memory: Uint8Array = new Uint8Array();
  readonly #inner: Transport;
  readonly #session: TlsSession;
  readonly #handshakeTimeoutMs: number;
  readonly #offer: TlsSessionOffer;
  #sink: TransportSink | null = null;
  #draining: Promise<void> | null = null;
  /** Ciphertext that waits for the handshake's turn. */
  #held: Uint8Array | null = null;
  #stopTimer: (() => void) | null = null;
  #paused = false;
  #over = false;

  /**
   * Takes over a session and the stream under it.
   *
   * @param handshakeTimeoutMs Longest handshake, where it is still to be made; 0 for any
   */
  constructor(inner: Transport, { session, keepSession }: TlsParts, handshakeTimeoutMs = 0) {
    this.#inner = inner;
    this.#session = session;
    this.#offer = new TlsSessionOffer(keepSession);
    this.#handshakeTimeoutMs = handshakeTimeoutMs;
  }

  start(sink: TransportSink): void {
    this.#sink = sink;
    const limitMs = this.#session.handshaking ? this.#handshakeTimeoutMs : 0;
    if (limitMs > 0) this.#stopTimer = startTimer(limitMs, () => this.#tooSlow(limitMs));
    this.#inner.start(this);
  }

  redirect(sink: TransportSink): void {
    this.#sink = sink;
  }

  /** Takes ciphertext. */
  take(bytes: Uint8Array, start: number, end: number): void {
    if (this.#over) return;
    const piece = bytes.subarray(start, end);
    if (this.#held !== null) {
      this.#held = joinBytes(this.#held, piece);
      return;
    }
    // What a server does after its first answer takes a sixth of the time: no need to wait for it.
    const turn = this.#session.awaitsHello ? handshakeGate.enter() : undefined;
    if (turn === undefined) return this.#receive(piece);
    this.#held = piece.slice();
    this.#inner.pause();
    turn.then(() => {
      this.#takeHeld();
      if (!this.#paused && !this.#over) this.#inner.resume();
    });
  }

  /** The stream under it has ended. */
  ended(error: Error | null): void {
    this.#takeHeld();
    if (this.#over) return;
    this.#session.end();
    this.#end(error);
  }

  pause(): void {
    this.#paused = true;
    this.#inner.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#held === null) this.#inner.resume();
  }

  expectBulk(byteLength: number): void {
    this.#session.keepBuffers(byteLength > 0);
    this.#inner.expectBulk?.(byteLength);
  }

  reserve(_byteLength: number): number {
    return -1;
  }

  commit(_byteLength: number): void {}

  offer(bytes: Uint8Array): number {
    if (this.#over || !this.#session.writable) return -1;
    let taken = 0;
    while (taken < bytes.length && this.#draining === null) {
      const count = this.#session.write(taken === 0 ? bytes : bytes.subarray(taken));
      this.#send();
      if (count <= 0) return taken === 0 ? -1 : taken;
      taken += count;
    }
    return taken;
  }

  async write(bytes: Uint8Array): Promise<void> {
    for (let taken = 0; taken < bytes.length;) {
      if (this.#draining !== null) await this.#draining;
      const count = this.offer(taken === 0 ? bytes : bytes.subarray(taken));
      if (count < 0) throw new Deno.errors.BrokenPipe("Connection is closed");
      taken += count;
    }
  }

  endWriting(): void {
    this.#session.sayGoodbye();
    this.#send();
    this.#afterDrained(() => this.#inner.endWriting());
  }

  finishReading(done: () => void): void {
    this.#inner.finishReading(done);
  }

  close(): void {
    this.#session.sayGoodbye();
    this.#send();
    this.#free();
    if (this.#draining === null) return this.#inner.close();
    const stop = startTimer(CLOSE_FLUSH_MS, () => this.#inner.abort());
    this.#afterDrained(() => {
      stop();
      this.#inner.close();
    });
  }

  abort(): void {
    this.#free();
    this.#inner.abort();
  }

  hold(hold: boolean): void {
    this.#inner.hold(hold);
  }

  async handOver(rest: () => Uint8Array): Promise<Deno.Conn> {
    await this.#draining;
    const conn = await this.#inner.handOver(() => new Uint8Array());
    this.#over = true;
    const session = this.#session;
    session.putBack(rest());
    const { localAddr, remoteAddr } = conn as StreamConn<Deno.NetAddr>;
    const inner = StreamConn.detach(conn as StreamConn<Deno.NetAddr>);
    const socket = new TlsSocket(inner, { session, keepSession: this.#offer.keep });
    return new TlsConn({ socket, localAddr, remoteAddr });
  }

  #takeHeld(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null && !this.#over) this.#receive(held);
  }

  /** Decrypts no more at a time than there is room for what it holds. */
  #receive(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length && !this.#over; at += PLAIN_BYTES) {
      this.#decrypt(bytes.subarray(at, Math.min(bytes.length, at + PLAIN_BYTES)));
    }
  }

  #decrypt(bytes: Uint8Array): void {
    const session = this.#session;
    let count = session.receive(bytes, plain);
    this.#send();
    if (session.handshaking) return;
    this.#endTimer();
    this.#offer.make(session);
    // Without plaintext there may still be a goodbye, or a record that is wrong.
    if (count === 0) count = this.#readKept();
    while (count > 0) {
      this.#sink!.take(plain, 0, count);
      if (this.#over) return;
      count = this.#readKept();
    }
    if (count < 0) this.#end(null);
  }

  /** Ends a handshake that takes too long. */
  #tooSlow(limitMs: number): void {
    this.#stopTimer = null;
    const reason = `Cannot shake hands: not done in ${limitMs} ms`;
    this.#session.fail(new Deno.errors.TimedOut(reason));
    if (!this.#over) this.#end(null);
  }

  #endTimer(): void {
    this.#stopTimer?.();
    this.#stopTimer = null;
  }

  /** Calls back when all that was written is in the queue of the stream under it. */
  #afterDrained(callback: () => void): void {
    if (this.#draining === null) callback();
    else this.#draining.then(() => this.#afterDrained(callback));
  }

  /** What there is for the peer leaves, in the order in which it was made. */
  #send(): void {
    const bytes = this.#session.output();
    if (bytes.length === 0) return;
    const taken = this.#draining === null ? this.#inner.offer(bytes) : 0;
    // One that takes no more says so where it is read from.
    if (taken < 0 || taken === bytes.length) return;
    const rest = bytes.slice(taken);
    const before = this.#draining ?? Promise.resolve();
    const draining = before.then(() => this.#inner.write(rest)).catch(() => {}).then(() => {
      if (this.#draining === draining) this.#draining = null;
    });
    this.#draining = draining;
  }

  /** Plaintext that was more than there was room for; -1 at the end of the stream. */
  #readKept(): number {
    try {
      const count = this.#session.read(plain);
      return count === null ? -1 : count ?? 0;
    } catch {
      return -1;
    }
  }

  #end(error: Error | null): void {
    const failure = error ?? this.#session.failure as Error | null;
    this.#over = true;
    this.#sink!.ended(failure);
  }

  #free(): void {
    this.#over = true;
    this.#held = null;
    this.#endTimer();
    this.#session[Symbol.dispose]();
  }
}

/** Shared: what is in it is taken before anything else is decrypted. */
const plain = new Uint8Array(PLAIN_BYTES);
