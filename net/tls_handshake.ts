// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sslInput } from "../ffi/ssl.ts";
import { startTimer } from "../io/engine_timer.ts";
import { handshakeGate } from "./handshake_gate.ts";
import type { StreamSocket } from "./stream_socket.ts";
import { sharedRoom } from "./tls_buffer.ts";
import type { TlsOutlet } from "./tls_outlet.ts";
import type { TlsSession } from "./tls_session.ts";

/** Bytes of a read where ciphertext cannot be brought to where OpenSSL takes it in. */
const READ_BYTES = 4096;

/** Between whom hands are shaken. */
export interface TlsHandshakeParts {
  /** The state machine, freed when the connection is closed. */
  readonly session: TlsSession;
  /** What the peer's bytes are read from. */
  readonly transport: StreamSocket;
  /** What takes the bytes for the peer. */
  readonly outlet: TlsOutlet;
  /** Which side it is. */
  readonly isClient: boolean;
}

/** Moves bytes between a socket and a {@linkcode TlsSession} until both sides have agreed. */
export class TlsHandshake {
  readonly #session: TlsSession;
  readonly #transport: StreamSocket;
  readonly #outlet: TlsOutlet;
  readonly #isClient: boolean;
  /** While the next step waits for its turn. */
  #crowded: Promise<void> | undefined;
  readonly #taken = (count: number) => {
    this.#crowded = this.#goOn(sslInput().subarray(0, count));
  };

  /** Of a connection on which nothing was said. */
  constructor({ session, transport, outlet, isClient }: TlsHandshakeParts) {
    this.#session = session;
    this.#transport = transport;
    this.#outlet = outlet;
    this.#isClient = isClient;
  }

  /**
   * Shakes hands, and has the kernel make the records from then on where it is asked to and can.
   *
   * @param timeoutMs Longest time for all of it; 0 for any
   * @throws {unknown} What the session failed with, or `Interrupted` when it was closed meanwhile
   */
  async run(timeoutMs: number): Promise<void> {
    // A peer that takes nothing keeps what was said, and the kernel may keep its answer.
    const { promise: late, reject } = Promise.withResolvers<never>();
    const stop = timeoutMs === 0
      ? null
      : startTimer(timeoutMs, () => this.#giveUp(timeoutMs, reject));
    try {
      await Promise.race([this.#shakeHands(), late]);
    } catch (error) {
      this.#session.fail(error);
    } finally {
      stop?.();
    }
    this.#check();
  }

  async #shakeHands(): Promise<void> {
    const session = this.#session;
    if (this.#isClient) {
      session.start();
      this.#outlet.send(session.output());
    }
    while (session.handshaking) {
      if (this.#outlet.busy) await this.#outlet.settled();
      const count = await this.#receive();
      if (this.#crowded !== undefined) await this.#crowded;
      if (count === null) session.end();
    }
    this.#check();
    if (session.hasRecordKeys) await this.#leaveRecords();
  }

  /** Waits for the next bytes, and goes on with them as soon as it may. */
  #receive(): Promise<number | null> {
    const transport = this.#transport;
    if (transport.readShared !== undefined) return transport.readShared(sharedRoom(0), this.#taken);
    const bytes = new Uint8Array(READ_BYTES);
    return transport.read(bytes).then((count) => {
      if (count !== null) this.#crowded = this.#goOn(bytes.subarray(0, count));
      return count;
    });
  }

  /** At once, or when the promise resolves. */
  #goOn(bytes: Uint8Array): Promise<void> | undefined {
    // What a server does after its first answer takes a sixth of the time: no need to wait for it.
    const crowded = this.#isClient || this.#session.awaitsHello ? handshakeGate.enter() : undefined;
    if (crowded === undefined) return this.#step(bytes);
    // By then the memory is another connection's.
    const kept = bytes.slice();
    return crowded.then(() => this.#step(kept));
  }

  #step(bytes: Uint8Array): undefined {
    this.#session.receive(bytes);
    this.#outlet.send(this.#session.output());
  }

  /** Has the kernel make the records, where it can. */
  async #leaveRecords(): Promise<void> {
    await this.#outlet.drained();
    const keys = this.#session.recordKeys;
    if (keys !== null && await this.#transport.encrypt?.(keys)) this.#session.leaveRecords();
  }

  /** Ends what takes too long: a read finds the end of the stream. */
  #giveUp(timeoutMs: number, tell: (reason: unknown) => void): void {
    const reason = `Cannot shake hands: not done in ${timeoutMs} ms`;
    const error = new Deno.errors.TimedOut(reason);
    this.#session.fail(error);
    tell(error);
    this.#transport.shutdown("read").catch(() => {});
  }

  #check(): void {
    if (this.#session.freed) throw new Deno.errors.Interrupted("operation canceled");
    if (this.#session.failure !== null) throw this.#session.failure;
  }
}
