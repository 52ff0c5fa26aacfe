// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { RecordKeys } from "../ffi/kernel_tls.ts";
import {
  ENDED,
  Ssl,
  type SslAgreement,
  type SslSession,
  WANTS_MORE,
  WRITE_BYTES_MAX,
} from "../ffi/ssl.ts";
import type { SslContext } from "../ffi/ssl_context.ts";
import { joinBytes } from "../io/copy_bytes.ts";
import { type ClientHello, parseClientHello } from "./client_hello.ts";
import { KernelRecords } from "./kernel_records.ts";
import { recordKeys } from "./record_keys.ts";
import { cutOffError, newKeysError, tlsError, unfinishedError } from "./tls_error.ts";

/** How a client begins. */
export interface ClientStart {
  /** What its connections have in common. */
  readonly context: SslContext;
  /** Host or address that the server's certificate has to be for; null when any will do. */
  readonly expectedPeer: string | null;
  /** Host to ask for; null for an address, which is not asked for (RFC 6066 section 3). */
  readonly serverName: string | null;
  /** Session to resume, if the server agrees. */
  readonly session: SslSession | null;
}

/** How a server goes on once it knows what the client wants. It is disposed of after that. */
export interface ServerStart extends Disposable {
  /** What connections of the kind that the client wants have in common; null is no hello. */
  choose(hello: ClientHello | null): SslContext;
}

/**
 * TLS apart from any socket: a state machine that takes ciphertext in and gives ciphertext out, and
 * the same for plaintext. It never waits, and knows no promise.
 *
 * ```
 *              receive(bytes)                       the peer said goodbye
 *   handshaking ------------> open ------------------------------------> ended
 *        |                     |             or end(): the stream was cut off
 *        +---------------------+------------------------------------------> failed
 * ```
 *
 * What it has for the peer is in {@linkcode output} after every call, and has to be taken before
 * the next call on any session: all of them put it into the same memory.
 */
export class TlsSession implements Disposable {
  #ssl: Ssl | null = null;
  readonly #serverStart: ServerStart | null;
  #hello: Uint8Array = EMPTY;
  #state: "handshaking" | "open" | "ended" | "failed" | "freed" = "handshaking";
  #failure: unknown = null;
  #kept: Uint8Array = EMPTY;
  #serverName: string | null = null;
  #goodbyeSent = false;
  #keepsBuffers = true;
  #kernel: KernelRecords | null = null;

  /** A client, whose first bytes {@linkcode start} puts out, or a server. */
  constructor(side: ClientStart | ServerStart) {
    if ("choose" in side) {
      this.#serverStart = side;
      return;
    }
    this.#serverStart = null;
    const { context, expectedPeer, serverName, session } = side;
    const ssl = this.#ssl = new Ssl(context);
    if (context.tellsSecrets) this.#kernel = new KernelRecords();
    this.#serverName = serverName;
    if (serverName !== null) ssl.serverName = serverName;
    if (expectedPeer !== null) ssl.expectPeer(expectedPeer, serverName === null);
    if (session !== null) ssl.session = session;
  }

  /** Whether the handshake is going on. */
  get handshaking(): boolean {
    return this.#state === "handshaking";
  }

  /** Whether it was disposed of. */
  get freed(): boolean {
    return this.#state === "freed";
  }

  /** Whether bytes can be written. */
  get writable(): boolean {
    return !this.#goodbyeSent && (this.#state === "open" || this.#state === "ended");
  }

  /** Whether the next step of the handshake is the long one of a server: key and signature. */
  get awaitsHello(): boolean {
    return this.#serverStart !== null && this.#ssl === null;
  }

  /** What ended it: an error for every later call, null while there is none. */
  get failure(): unknown {
    return this.#failure;
  }

  /** Host that was asked for; null when the client did not say, or not yet. */
  get serverName(): string | null {
    return this.#serverName;
  }

  /** What was agreed on; once the handshake is done. */
  get agreement(): SslAgreement {
    return this.#ssl!.agreement;
  }

  /** The peer's certificate; once the handshake is done. */
  get peerCertificate(): Uint8Array<ArrayBuffer> | null {
    return this.#ssl!.peerCertificate;
  }

  /** What there is for the peer; a view that holds until the next call on any session. */
  output(): Uint8Array<ArrayBuffer> {
    if (this.#ssl === null) return EMPTY;
    const output = this.#ssl.output();
    return this.#kernel === null ? output : this.#passOn(output, this.#kernel);
  }

  /** Whether there are {@linkcode recordKeys}: they were asked for, and the version is 1.3. */
  get hasRecordKeys(): boolean {
    return this.#kernel !== null && this.#state === "open" && this.#ssl!.trafficSecret !== null;
  }

  /** What the kernel needs to make the records that follow {@linkcode output}. */
  get recordKeys(): RecordKeys | null {
    if (!this.hasRecordKeys) return null;
    const secret = this.#ssl!.trafficSecret!;
    return recordKeys(this.agreement.cipherSuite, secret, this.#kernel!.sequence);
  }

  /** Whether {@linkcode output} gives what is written as it is, for the kernel to encrypt. */
  get kernelSends(): boolean {
    return this.#kernel?.on ?? false;
  }

  /** The kernel makes all records from now on; it was given {@linkcode recordKeys}. */
  leaveRecords(): void {
    this.#kernel!.on = true;
  }

  /** Ends it where the kernel cannot go on: the peer asked for new keys (RFC 8446 4.6.3). */
  checkKeys(): void {
    if (this.#ssl!.owesNewKeys) this.#fail(newKeysError());
  }

  /**
   * Whether memory for records is kept while it waits: for bulk data it should be, and for one of
   * many connections that wait most of the time it should not. A handshake keeps it.
   */
  keepBuffers(keep: boolean): void {
    if (keep === this.#keepsBuffers || this.#ssl === null) return;
    this.#keepsBuffers = keep;
    this.#ssl.keepsBuffers = keep;
  }

  /** A client begins. */
  start(): void {
    try {
      this.#ssl!.handshake();
    } catch (error) {
      this.#failBy(error);
    }
  }

  /**
   * Takes ciphertext in.
   *
   * @param into Where plaintext may go at once; what does not fit is kept for {@linkcode read}
   * @returns How many bytes went there
   */
  receive(bytes: Uint8Array, into: Uint8Array = EMPTY): number {
    if (this.#state !== "handshaking" && this.#state !== "open") return 0;
    try {
      if (this.#ssl === null) return this.#receiveHello(bytes);
      this.#ssl.feed(bytes);
      if (this.#state === "handshaking") this.#shakeHands();
      return this.#state === "open" ? this.#decrypt(bytes.length, into) : 0;
    } catch (error) {
      this.#failBy(error);
      return 0;
    }
  }

  /** {@linkcode receive} after the handshake, of what was brought to {@linkcode sslInput}. */
  receiveInput(byteLength: number, into: Uint8Array): number {
    if (this.#state !== "open") return 0;
    this.#ssl!.fed(byteLength);
    return this.#decrypt(byteLength, into);
  }

  /** The stream under it has ended. */
  end(): void {
    if (this.#state === "handshaking") return this.#fail(unfinishedError());
    if (this.#state !== "open") return;
    // Only the peer's half is gone: what is written may still arrive.
    this.#state = "ended";
    this.#failure = cutOffError();
  }

  /**
   * Reads what was kept.
   *
   * @param peek Leaves it to be read again
   * @returns How many bytes; null after the peer's goodbye; undefined when there are none yet
   * @throws {unknown} what the session failed with, once all is read
   */
  read(into: Uint8Array, peek = false): number | null | undefined {
    const count = Math.min(into.length, this.#kept.length);
    if (count > 0) {
      into.set(this.#kept.subarray(0, count));
      if (!peek) this.#kept = count < this.#kept.length ? this.#kept.subarray(count) : EMPTY;
      return count;
    }
    if (this.#failure !== null) throw this.#failure;
    return this.#state === "ended" ? null : undefined;
  }

  /** Puts plaintext in front of what is still to be read. */
  putBack(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#kept = joinBytes(bytes, this.#kept);
  }

  /** Encrypts bytes and says how many of them; to be called when {@linkcode writable}. */
  write(bytes: Uint8Array): number {
    try {
      const plaintext = isPlain(bytes) ? bytes : copied(bytes);
      if (!this.#kernel?.on) return this.#ssl!.write(plaintext);
      this.checkKeys();
      return this.writable ? this.#kernel.pass(plaintext) : 0;
    } catch (error) {
      this.#failBy(error);
      return 0;
    }
  }

  /**
   * Says goodbye to the peer, who then reads the end of the stream; reading goes on. Where the
   * kernel makes the records it has to be asked for this one.
   */
  sayGoodbye(): void {
    if (!this.writable) return;
    this.#goodbyeSent = true;
    this.#ssl!.shutdown();
    // OpenSSL would not resume a session that it thinks was cut off.
    if (this.kernelSends) this.#ssl!.output();
  }

  /** Client: the session to resume later, if there is one by now; the caller frees it. */
  takeSession(): SslSession | null {
    return this.#state === "open" || this.#state === "ended" ? this.#ssl!.takeSession() : null;
  }

  /** Ends it with an error of the caller's. */
  fail(error: unknown): void {
    if (this.#failure === null && this.#state !== "freed") this.#fail(error);
  }

  /** Frees what OpenSSL holds. Plaintext that was not read is gone. */
  [Symbol.dispose](): void {
    this.#state = "freed";
    this.#kept = EMPTY;
    this.#hello = EMPTY;
    this.#serverStart?.[Symbol.dispose]();
    this.#ssl?.[Symbol.dispose]();
    this.#ssl = null;
  }

  #receiveHello(bytes: Uint8Array): number {
    this.#hello = this.#hello.length === 0 ? bytes : joinBytes(this.#hello, bytes);
    const hello = parseClientHello(this.#hello);
    if (hello === "more") {
      // The caller's bytes are the caller's again.
      if (this.#hello === bytes) this.#hello = bytes.slice();
      return 0;
    }
    const whole = this.#hello;
    this.#hello = EMPTY;
    // What is no hello is left to OpenSSL, which has the words for it.
    this.#ssl = this.#serverSsl(hello === "invalid" ? null : hello);
    return this.receive(whole);
  }

  #serverSsl(hello: ClientHello | null): Ssl {
    using start = this.#serverStart!;
    this.#serverName = hello?.serverName ?? null;
    const context = start.choose(hello);
    if (context.tellsSecrets) this.#kernel = new KernelRecords();
    return new Ssl(context);
  }

  /**
   * Counts a server's records behind the handshake. None of OpenSSL's may follow the kernel's: an
   * alert is dropped, and new keys are never sent.
   */
  #passOn(output: Uint8Array<ArrayBuffer>, kernel: KernelRecords): Uint8Array<ArrayBuffer> {
    if (!kernel.on) {
      // What a client puts out with its last step still belongs to the handshake.
      if (this.#serverStart !== null && this.#state === "open") kernel.count(output);
      return output;
    }
    return kernel.take();
  }

  #shakeHands(): void {
    if (!this.#ssl!.handshake()) return;
    this.#state = "open";
  }

  /** Decrypts all that was fed: the pipe must be empty for the next session. */
  #decrypt(fedBytes: number, into: Uint8Array): number {
    const ssl = this.#ssl!;
    const direct = isPlain(into);
    let filled = 0;
    let leftBytes = fedBytes;
    try {
      for (;;) {
        const room = direct ? into.length - filled : 0;
        const rest = filled === 0 ? into : into.subarray(filled);
        const target = room > 0 ? rest as typeof scratch : scratch;
        const count = ssl.read(target);
        if (count === ENDED) this.#state = "ended";
        if (count === ENDED || count === WANTS_MORE) return filled;
        if (room > 0) filled += count;
        else this.#keep(scratch.subarray(0, count));
        leftBytes -= count + RECORD_BYTES_MIN;
        // To find out by a read that there is no more takes three calls.
        const seemsLast = leftBytes < RECORD_BYTES_MIN && count < target.length;
        if (seemsLast && ssl.unread === 0) return filled;
      }
    } catch (error) {
      // What came before the record that is wrong is the reader's all the same.
      this.#fail(tlsError(error));
      return filled;
    }
  }

  #keep(bytes: Uint8Array): void {
    this.#kept = this.#kept.length === 0 ? bytes.slice() : joinBytes(this.#kept, bytes);
  }

  /** A call of OpenSSL's has failed, and so has the session. */
  #failBy(error: unknown): void {
    this.#fail(tlsError(error, this.#ssl?.verifyResult));
  }

  #fail(error: unknown): void {
    this.#state = "failed";
    this.#failure = error;
  }
}

const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array();
/** What a record takes beside its plaintext (RFC 8446 section 5.2): head, type, tag. */
const RECORD_BYTES_MIN = 22;
/** A record's plaintext, when nobody waits for it. */
const scratch = new Uint8Array(16_384);

/** Whether OpenSSL can be shown the memory: not shared, and not to be resized. */
function isPlain(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer && !bytes.buffer.resizable;
}

function copied(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(0, WRITE_BYTES_MAX));
}
