// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { SslSession } from "../ffi/ssl.ts";
import type { TlsParts } from "../net/tls_socket.ts";
import type { TlsSession } from "../net/tls_session.ts";
import type { Transport, TransportSink } from "./transport.ts";

/** Plaintext of one block, and more than one record's. */
const PLAIN_BYTES = 65_536;
/** Blocks after which a server is taken to give no session to resume. */
const SESSION_BLOCKS_MAX = 8;

/**
 * A connection with TLS on the ring: blocks are decrypted as they come and taken where the
 * plaintext is, and what is written is encrypted into the send queue. No promise for a message, as
 * `TlsConn` has them.
 */
export class TlsTransport implements Transport, TransportSink {
  readonly memory: Uint8Array = new Uint8Array();
  readonly #inner: Transport;
  readonly #session: TlsSession;
  #keepSession: ((session: SslSession) => void) | null;
  #sink: TransportSink | null = null;
  #draining: Promise<void> | null = null;
  #blocks = 0;
  #over = false;

  /** Takes over a session whose handshake is done, and the stream under it. */
  constructor(inner: Transport, { session, keepSession }: TlsParts) {
    this.#inner = inner;
    this.#session = session;
    this.#keepSession = keepSession;
  }

  start(sink: TransportSink): void {
    this.#sink = sink;
    this.#inner.start(this);
  }

  redirect(sink: TransportSink): void {
    this.#sink = sink;
  }

  /** Takes ciphertext, no more at a time than there is room for what it holds. */
  take(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end && !this.#over; at += PLAIN_BYTES) {
      this.#decrypt(bytes.subarray(at, Math.min(end, at + PLAIN_BYTES)));
    }
  }

  /** The stream under it has ended. */
  ended(error: Error | null): void {
    if (this.#over) return;
    this.#session.end();
    this.#end(error);
  }

  pause(): void {
    this.#inner.pause();
  }

  resume(): void {
    this.#inner.resume();
  }

  expectBulk(byteLength: number): void {
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
    this.#inner.endWriting();
  }

  finishReading(done: () => void): void {
    this.#inner.finishReading(done);
  }

  close(): void {
    if (!this.#over && this.#draining === null) {
      this.#session.sayGoodbye();
      this.#send();
    }
    this.#free();
    this.#inner.close();
  }

  abort(): void {
    this.#free();
    this.#inner.abort();
  }

  hold(hold: boolean): void {
    this.#inner.hold(hold);
  }

  handOver(): Promise<Deno.Conn> {
    return Promise.reject(new TypeError("Cannot hand over the connection of a client"));
  }

  #decrypt(bytes: Uint8Array): void {
    let count = this.#session.receive(bytes, plain);
    this.#send();
    if (this.#keepSession !== null) this.#offerSession();
    while (count > 0) {
      this.#sink!.take(plain, 0, count);
      if (this.#over) return;
      count = this.#readKept();
    }
    if (count < 0) this.#end(null);
  }

  /** What there is for the server leaves, in the order in which it was made. */
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

  /** A session comes some time after the handshake (RFC 8446 section 4.6.1), if at all. */
  #offerSession(): void {
    const taken = this.#session.takeSession();
    if (taken !== null) this.#keepSession!(taken);
    if (taken !== null || ++this.#blocks >= SESSION_BLOCKS_MAX) this.#keepSession = null;
  }

  #free(): void {
    this.#over = true;
    this.#session[Symbol.dispose]();
  }
}

/** Shared: what is in it is taken before anything else is decrypted. */
const plain = new Uint8Array(PLAIN_BYTES);
