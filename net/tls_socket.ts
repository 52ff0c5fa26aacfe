// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { KeepAlive, PeerCredentials } from "../ffi/socket_option.ts";
import { Mutex } from "../thread/mutex.ts";
import { abortable } from "./abortable.ts";
import { gathered } from "./gathered.ts";
import { sendByWrites } from "./send_file.ts";
import type { FilePart, ShutdownHow, StreamSocket } from "./stream_socket.ts";
import { BulkWatch, CiphertextBuffer, sharedRoom } from "./tls_buffer.ts";
import type { SecureSocket, TlsHandshakeInfo } from "./tls_conn.ts";
import { TlsHandshake } from "./tls_handshake.ts";
import { TlsOutlet } from "./tls_outlet.ts";
import { type ClientStart, type ServerStart, TlsSession } from "./tls_session.ts";
import { type KeepSession, TlsSessionOffer } from "./tls_session_offer.ts";

/** What a {@linkcode TlsSocket} is told beside its session. */
export interface TlsSocketOptions {
  /** How a client begins, or how a server chooses. */
  readonly side: ClientStart | ServerStart;
  /** Longest handshake in milliseconds; 0 for any. */
  readonly handshakeTimeoutMs: number;
  /** Client: takes over each session that may be resumed later. */
  readonly keepSession?: KeepSession | undefined;
}

/** What a protocol needs that moves the bytes of a connection by itself. */
export interface TlsParts {
  /** The state machine, its handshake done. */
  readonly session: TlsSession;
  /** Client: takes over a session that may be resumed later; null when none is wanted any more. */
  readonly keepSession: KeepSession | null;
}

/** Reads that may wait on one connection; one more is refused with `Deno.errors.Busy`. */
const WAITING_MAX = 1024;

/**
 * TLS over another stream socket: moves bytes between that and a {@linkcode TlsSession}.
 *
 * The handshake begins at once. Reads and writes wait for it, and fail with it.
 */
export class TlsSocket implements SecureSocket {
  /** Ends when the handshake does. */
  readonly handshake: Promise<void>;
  /** The state machine. */
  readonly session: TlsSession;

  readonly #transport: StreamSocket;
  readonly #outlet: TlsOutlet;
  readonly #isClient: boolean;
  readonly #buffer = new CiphertextBuffer();
  readonly #watch = new BulkWatch();
  /** Where the plaintext of the read that waits goes, and how much went there. */
  #into: Uint8Array = EMPTY;
  #filled = 0;
  readonly #reading = new Mutex();
  readonly #writing = new Mutex();
  readonly #offer: TlsSessionOffer;
  #info: TlsHandshakeInfo | null = null;
  /** Until the keys are with whom makes the records: nothing may be written before. */
  #handshaking = true;
  #sendsFile = false;
  #closed = false;
  readonly #takenShared = (count: number) => {
    if (!this.#closed) this.#takeIn(count, true);
  };

  /** Takes over an open socket, or puts together again what {@linkcode takeApart} gave away. */
  constructor(transport: StreamSocket, options: TlsSocketOptions | TlsParts) {
    this.#transport = transport;
    this.#outlet = new TlsOutlet(transport);
    this.#offer = new TlsSessionOffer(options.keepSession ?? null);
    this.#isClient = "side" in options && !("choose" in options.side);
    if ("session" in options) {
      this.session = options.session;
      this.#handshaking = false;
      this.handshake = Promise.resolve();
      return;
    }
    this.session = new TlsSession(options.side);
    this.handshake = this.#shakeHands(options.handshakeTimeoutMs);
    // Whoever reads or writes hears of it; nobody has to.
    this.handshake.catch(() => {});
  }

  get fd(): number {
    return this.#transport.fd;
  }

  async handshakeInfo(): Promise<TlsHandshakeInfo> {
    await this.handshake;
    this.#checkOpen();
    const { agreement, serverName, peerCertificate, kernelSends: kernelTls } = this.session;
    return this.#info ??= { ...agreement, serverName, peerCertificate, kernelTls };
  }

  /** The stream under the session. */
  get inner(): StreamSocket {
    return this.#transport;
  }

  /**
   * Gives session and {@linkcode inner} away; null while a handshake or a call is under way, and
   * where the kernel makes the records.
   */
  takeApart(): TlsParts | null {
    const { session } = this;
    if (this.#closed || this.#handshaking || this.#outlet.busy) return null;
    if (session.kernelSends) return null;
    const turns = [this.#reading.tryLock(), this.#writing.tryLock()];
    if (turns.includes(undefined)) {
      for (const turn of turns) turn?.unlock();
      return null;
    }
    this.#closed = true;
    session.keepBuffers(false);
    return { session, keepSession: this.#offer.keep };
  }

  read(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#read(p, signal, false);
  }

  peek(p: Uint8Array, signal?: AbortSignal): Promise<number | null> {
    return this.#read(p, signal, true);
  }

  write(p: Uint8Array, signal?: AbortSignal): Promise<number> {
    return this.#writeAtOnce(p, signal) ?? this.#writeInTurn(p, signal);
  }

  async writev(buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<number> {
    signal?.throwIfAborted();
    using _turn = this.#writing.tryLock() ?? await this.#turn(this.#writing, signal);
    if (this.#handshaking) await abortable(this.handshake, signal);
    let total = 0;
    for (const piece of gathered(buffers)) {
      for (let written = 0; written < piece.length;) {
        written += await this.#writeSome(piece.subarray(written), signal);
      }
      total += piece.length;
    }
    return total;
  }

  async sendFile(part: FilePart): Promise<number> {
    const { signal } = part;
    using _turn = this.#writing.tryLock() ?? await this.#turn(this.#writing, signal);
    if (this.#handshaking) await abortable(this.handshake, signal);
    this.#sendsFile = true;
    try {
      if (!this.session.kernelSends) {
        return await sendByWrites(part, (piece, limit) => this.#writeSome(piece, limit));
      }
      if (this.#outlet.busy) await abortable(this.#outlet.drained(), signal);
      this.#checkOpen();
      this.session.checkKeys();
      this.#checkWritable();
      return await this.#transport.sendFile(part);
    } finally {
      this.#sendsFile = false;
    }
  }

  async shutdown(how: ShutdownHow): Promise<void> {
    if (how !== "read") {
      using _turn = this.#writing.tryLock() ?? await this.#turn(this.#writing);
      if (this.#handshaking) await this.handshake;
      this.#checkOpen();
      if (this.session.failure !== null && !this.session.writable) throw this.session.failure;
      const leavesGoodbye = this.session.kernelSends && this.session.writable;
      this.session.sayGoodbye();
      this.#outlet.send(this.session.output());
      await this.#outlet.drained();
      if (leavesGoodbye) await this.#transport.sayGoodbye!();
    }
    await this.#transport.shutdown(how);
  }

  close(): void {
    this.#closed = true;
    const { session } = this;
    const leavesGoodbye = session.kernelSends && session.writable && !this.#sendsFile;
    // Behind bytes that were given up in the middle of a record a goodbye would make no sense;
    // behind half a file it would tell of a whole one; while the keys are handed over it might be
    // encrypted twice.
    if (!this.#outlet.busy && !this.#sendsFile && !this.#handshaking) {
      session.sayGoodbye();
      this.#outlet.send(session.output());
    }
    this.#offer.make(session);
    session[Symbol.dispose]();
    if (leavesGoodbye) this.#outlet.closeBehindGoodbye();
    else this.#transport.close();
  }

  ref(): void {
    this.#transport.ref();
  }

  unref(): void {
    this.#transport.unref();
  }

  setNoDelay(noDelay: boolean): void {
    this.#transport.setNoDelay(noDelay);
  }

  setKeepAlive(keepAlive: boolean | KeepAlive): void {
    this.#transport.setKeepAlive(keepAlive);
  }

  setBufferSizes(sizes: { receiveBytes?: number; sendBytes?: number }): void {
    this.#transport.setBufferSizes(sizes);
  }

  setLinger(seconds: number | undefined): void {
    this.#transport.setLinger(seconds);
  }

  peerCredentials(): PeerCredentials {
    return this.#transport.peerCredentials();
  }

  async #shakeHands(timeoutMs: number): Promise<void> {
    const session = this.session;
    const transport = this.#transport;
    const outlet = this.#outlet;
    const isClient = this.#isClient;
    try {
      await new TlsHandshake({ session, transport, outlet, isClient }).run(timeoutMs);
      this.#offer.make(session);
    } finally {
      this.#handshaking = false;
    }
  }

  /** One function for all of it: every further one that waits costs as much as a small message. */
  async #read(p: Uint8Array, signal: AbortSignal | undefined, peek: boolean) {
    signal?.throwIfAborted();
    if (p.length === 0) return 0;
    const { session } = this;
    const turn = this.#reading.tryLock() ?? await this.#turn(this.#reading, signal);
    try {
      if (this.#handshaking) await abortable(this.handshake, signal);
      for (;;) {
        this.#checkOpen();
        if (p.length === 0) throw detachedError("read into");
        const kept = session.read(p, peek);
        if (kept !== undefined) return kept;
        // Answers to what the peer sends, such as new keys, must not pile up.
        if (this.#outlet.busy) await abortable(this.#outlet.settled(), signal);
        session.keepBuffers(this.#watch.bulk);
        this.#into = peek ? EMPTY : p;
        this.#filled = 0;
        const transport = this.#transport;
        const count = transport.readShared === undefined
          ? await transport.read(this.#buffer.room(this.#watch.bulk), signal)
          : await transport.readShared(sharedRoom(p.length), this.#takenShared, signal);
        this.#checkOpen();
        if (count === null) session.end();
        else if (transport.readShared === undefined) this.#takeIn(count, false);
        if (this.#filled > 0) return this.#filled;
      }
    } finally {
      turn.unlock();
    }
  }

  /** Takes in what a read brought, at once or to this connection's own buffer. */
  #takeIn(count: number, isShared: boolean): void {
    const { session } = this;
    const into = this.#into;
    this.#into = EMPTY;
    this.#watch.came(count);
    this.#filled = isShared
      ? session.receiveInput(count, into)
      : session.receive(this.#buffer.taken(count), into);
    this.#outlet.send(session.output());
    this.#offer.make(session);
  }

  /** Writes when there is nothing to wait for, which is most often; else undefined. */
  #writeAtOnce(p: Uint8Array, signal: AbortSignal | undefined): Promise<number> | undefined {
    const { session } = this;
    const outlet = this.#outlet;
    const waits = this.#handshaking || this.#closed || !session.writable || outlet.busy ||
      this.#writing.locked;
    if (waits || signal !== undefined || p.length === 0) return undefined;
    const count = session.write(p);
    outlet.send(session.output());
    // Writes that come meanwhile wait for the outlet as well.
    if (outlet.busy) return outlet.drained().then(() => this.#written(count));
    try {
      return Promise.resolve(this.#written(count));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #writeInTurn(p: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    signal?.throwIfAborted();
    if (p.length === 0) return 0;
    using _turn = this.#writing.tryLock() ?? await this.#turn(this.#writing, signal);
    if (this.#handshaking) await abortable(this.handshake, signal);
    return await this.#writeSome(p, signal);
  }

  async #writeSome(p: Uint8Array, signal: AbortSignal | undefined): Promise<number> {
    const outlet = this.#outlet;
    this.#checkOpen();
    if (outlet.busy) await abortable(outlet.drained(), signal);
    this.#checkWritable();
    if (p.length === 0) throw detachedError("write");
    const count = this.session.write(p);
    outlet.send(this.session.output());
    if (outlet.busy) await abortable(outlet.drained(), signal);
    return this.#written(count);
  }

  /** What a write answers that made so many bytes into records. */
  #written(count: number): number {
    this.#outlet.check();
    if (count === 0 && this.session.failure !== null) throw this.session.failure;
    return count;
  }

  #turn(mutex: Mutex, signal?: AbortSignal) {
    if (mutex.waiting < WAITING_MAX) return mutex.lock(signal && { signal });
    throw new Deno.errors.Busy(`Cannot wait for the connection: ${WAITING_MAX} calls do already`);
  }

  #checkOpen(): void {
    if (this.#closed) throw interrupted();
  }

  #checkWritable(): void {
    this.#checkOpen();
    if (!this.session.writable) throw this.session.failure ?? notConnected();
  }
}

const EMPTY: Uint8Array = new Uint8Array();

function interrupted(): Error {
  return new Deno.errors.Interrupted("operation canceled");
}

function detachedError(action: string): TypeError {
  return new TypeError(`Cannot ${action} buffer: it was detached while waiting`);
}

/** What Deno says of a connection whose writing half was ended. */
function notConnected(): Error {
  return Object.assign(new Deno.errors.NotConnected("not connected"), { code: "ENOTCONN" });
}
