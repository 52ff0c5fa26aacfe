// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type OpenSsl, openssl } from "./openssl.ts";
import { takeOpenSslError } from "./openssl_error.ts";
import { encodeCertificate, type Handle } from "./openssl_pem.ts";
import { choosingFrom } from "./ssl_alpn.ts";
import { encodeName, HOST_FLAGS, type SslContext, type TlsVersion } from "./ssl_context.ts";
import { secretOf } from "./ssl_key_log.ts";
import { type SslPipe, sslPipe } from "./ssl_pipe.ts";

/** {@linkcode Ssl.read} needs more bytes of the peer. */
export const WANTS_MORE = 0;
/** {@linkcode Ssl.read} got the peer's goodbye (close_notify). */
export const ENDED = -1;

/** What was agreed on in a handshake. */
export interface SslAgreement {
  /** Protocol of the application (RFC 7301). */
  readonly alpnProtocol: string | null;
  /** Version of TLS. */
  readonly version: TlsVersion;
  /** Cipher suite in the words of the standard: `TLS_AES_128_GCM_SHA256`. */
  readonly cipherSuite: string;
  /** Whether a session of before was resumed. */
  readonly resumed: boolean;
}

/** `SSL` objects that were made and not yet freed in this isolate, and sessions that are kept. */
export const sslObjects = { connections: 0, sessions: 0 };

/**
 * An `SSL`: one connection, as far as bytes go. It is fed what came from the peer and gives what
 * goes to it; it knows no socket and never waits.
 *
 * After each call that may have put something out, {@linkcode output} has to be taken.
 */
export class Ssl implements Disposable {
  readonly #calls: OpenSsl = openssl();
  readonly #pipe: SslPipe = sslPipe();
  readonly #alpnChoice: readonly string[];
  readonly #secretName: string | null;
  #secret: Uint8Array<ArrayBuffer> | null = null;
  #handle: Handle | null;

  /** Begins a connection; nothing is put out yet. */
  constructor(context: SslContext) {
    const calls = this.#calls;
    this.#alpnChoice = context.alpnChoice;
    this.#secretName = context.tellsSecrets ? SECRET_NAMES[context.role] : null;
    this.#handle = calls.SSL_new(context.handle);
    if (this.#handle === null) throw takeOpenSslError();
    sslObjects.connections++;
    // Both directions are one BIO, of which the connection frees one reference.
    calls.BIO_up_ref(this.#pipe.inner);
    calls.SSL_set_bio(this.#handle, this.#pipe.inner, this.#pipe.inner);
    if (context.role === "server") calls.SSL_set_accept_state(this.#handle);
    else calls.SSL_set_connect_state(this.#handle);
  }

  /** Client: tells the server which host is wanted (RFC 6066 section 3). */
  set serverName(name: string) {
    this.#calls.SSL_ctrl_bytes(this.#handle, CTRL_SERVER_NAME, 0n, encodeName(name));
  }

  /** Client: the host or address that the peer's certificate has to be for. */
  expectPeer(host: string, isAddress: boolean): void {
    const calls = this.#calls;
    const parameters = calls.SSL_get0_param(this.#handle);
    const name = encodeName(host);
    calls.X509_VERIFY_PARAM_set_hostflags(parameters, HOST_FLAGS);
    const accepted = isAddress
      ? calls.X509_VERIFY_PARAM_set1_ip_asc(parameters, name)
      : calls.X509_VERIFY_PARAM_set1_host(parameters, name, BigInt(name.length - 1));
    if (accepted !== 1) throw takeOpenSslError();
  }

  /** Client: resumes a session, if the server agrees. */
  set session(session: SslSession) {
    this.#calls.SSL_set_session(this.#handle, session.handle);
  }

  /** Takes in bytes of the peer; to be followed by a call that reads them. */
  feed(bytes: Uint8Array): void {
    this.#pipe.feed(bytes);
  }

  /** Takes in the first bytes of {@linkcode sslInput}, as {@linkcode feed} does. */
  fed(byteLength: number): void {
    this.#pipe.fed(byteLength);
  }

  /** Bytes that were fed and not yet read. */
  get unread(): number {
    return this.#pipe.unread;
  }

  /** What there is to be sent, as a view that holds until the next call on any connection. */
  output(): Uint8Array<ArrayBuffer> {
    return this.#pipe.take();
  }

  /**
   * Goes on with the handshake.
   *
   * @returns Whether it is done; else it needs more bytes
   * @throws {OpenSslError} when it failed
   */
  handshake(): boolean {
    const calls = this.#calls;
    calls.ERR_clear_error();
    let call = () => calls.SSL_do_handshake(this.#handle);
    if (this.#secretName !== null) call = this.#listening(this.#secretName, call);
    const result = this.#alpnChoice.length > 0 ? choosingFrom(this.#alpnChoice, call) : call();
    if (result === 1) return true;
    this.#failUnlessWanting(result);
    return false;
  }

  /**
   * Reads what was decrypted, a record at most.
   *
   * @returns How many bytes, {@linkcode WANTS_MORE} or {@linkcode ENDED}
   * @throws {OpenSslError} when a record was not what it should have been, or an alert came
   */
  read(into: Uint8Array<ArrayBuffer>): number {
    const result = this.#calls.SSL_read(this.#handle, into, into.length);
    if (result > 0) return result;
    if (this.#calls.SSL_get_error(this.#handle, result) === SSL_ERROR_ZERO_RETURN) {
      this.#pipe.drain();
      return ENDED;
    }
    this.#failUnlessWanting(result);
    return WANTS_MORE;
  }

  /**
   * Encrypts bytes: at most what one {@linkcode output} can hold.
   *
   * @returns How many of them
   */
  write(bytes: Uint8Array<ArrayBuffer>): number {
    const length = Math.min(bytes.length, WRITE_BYTES_MAX);
    const result = this.#calls.SSL_write(this.#handle, bytes, length);
    if (result <= 0) this.#failUnlessWanting(result);
    return Math.max(0, result);
  }

  /**
   * Whether the memory of the records, 33 KiB, is kept between calls. Making it anew takes about a
   * microsecond a call, and 8 us a handshake.
   */
  set keepsBuffers(keeps: boolean) {
    const calls = this.#calls;
    const command = keeps ? CTRL_CLEAR_MODE : CTRL_SET_MODE;
    calls.SSL_ctrl(this.#handle, command, MODE_RELEASE_BUFFERS, null);
    if (!keeps) calls.SSL_free_buffers(this.#handle);
  }

  /** Whether the peer asked for new keys, which the next {@linkcode write} would send. */
  get owesNewKeys(): boolean {
    return this.#calls.SSL_get_key_update_type(this.#handle) !== KEY_UPDATE_NONE;
  }

  /** Says goodbye to the peer (close_notify). */
  shutdown(): void {
    this.#calls.SSL_shutdown(this.#handle);
    this.#calls.ERR_clear_error();
  }

  /** What the verification of the peer's certificate gave: 0 when it was accepted. */
  get verifyResult(): number {
    return Number(this.#calls.SSL_get_verify_result(this.#handle));
  }

  /** What was agreed on; once the handshake is done. */
  get agreement(): SslAgreement {
    const calls = this.#calls;
    return {
      alpnProtocol: this.#alpnProtocol(),
      version: textAt(calls.SSL_get_version(this.#handle)) as TlsVersion,
      cipherSuite: textAt(
        calls.SSL_CIPHER_standard_name(calls.SSL_get_current_cipher(this.#handle)),
      ),
      resumed: calls.SSL_session_reused(this.#handle) === 1,
    };
  }

  /**
   * The secret that this side's records are made with (RFC 8446 section 7.1); null when the context
   * does not ask for it, or the version is an older one.
   */
  get trafficSecret(): Uint8Array<ArrayBuffer> | null {
    return this.#secret;
  }

  /** The peer's own certificate as it travels (DER); null when it showed none. */
  get peerCertificate(): Uint8Array<ArrayBuffer> | null {
    const certificate = this.#calls.SSL_get1_peer_certificate(this.#handle);
    if (certificate === null) return null;
    try {
      return encodeCertificate(certificate);
    } finally {
      this.#calls.X509_free(certificate);
    }
  }

  /** Client: the session, if it can be resumed by now; the caller frees it. */
  takeSession(): SslSession | null {
    const handle = this.#calls.SSL_get1_session(this.#handle);
    if (handle === null) return null;
    if (this.#calls.SSL_SESSION_is_resumable(handle) === 1) return new SslSession(handle);
    this.#calls.SSL_SESSION_free(handle);
    return null;
  }

  /** Frees it. */
  [Symbol.dispose](): void {
    if (this.#handle === null) return;
    this.#calls.SSL_free(this.#handle);
    this.#handle = null;
    sslObjects.connections--;
  }

  /** A call that listens for this side's secret. */
  #listening<T>(name: string, call: () => T): () => T {
    return () => secretOf(name, (secret) => this.#secret = secret, call);
  }

  #alpnProtocol(): string | null {
    this.#calls.SSL_get0_alpn_selected(this.#handle, alpnPointer, alpnLength);
    const pointer = Deno.UnsafePointer.create(alpnPointer[0]);
    if (pointer === null || alpnLength[0] === 0) return null;
    const bytes = new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, alpnLength[0]));
    return new TextDecoder().decode(bytes.slice());
  }

  #failUnlessWanting(result: number): void {
    const error = this.#calls.SSL_get_error(this.#handle, result);
    if (error === SSL_ERROR_WANT_READ || error === SSL_ERROR_WANT_WRITE) return;
    this.#pipe.drain();
    throw takeOpenSslError();
  }
}

/**
 * Memory of this isolate that bytes of a peer may be brought to, for {@linkcode Ssl.fed} to take
 * them in before anything else happens to any connection.
 */
export function sslInput(): Uint8Array<ArrayBuffer> {
  return sslPipe().input;
}

/** An `SSL_SESSION`: what it takes to resume. */
export class SslSession implements Disposable {
  /** The `SSL_SESSION`. */
  readonly handle: Handle;
  #freed = false;

  /** Takes over a reference. */
  constructor(handle: Handle) {
    this.handle = handle;
    sslObjects.sessions++;
  }

  /** Frees it. */
  [Symbol.dispose](): void {
    if (this.#freed) return;
    this.#freed = true;
    openssl().SSL_SESSION_free(this.handle);
    sslObjects.sessions--;
  }
}

/** Four records of 16 KiB; with what is put around them they fit into the pipe twice over. */
export const WRITE_BYTES_MAX = 65_536;

/** In the key log, of each side's records behind the handshake. */
const SECRET_NAMES = { client: "CLIENT_TRAFFIC_SECRET_0", server: "SERVER_TRAFFIC_SECRET_0" };

// openssl/ssl.h
const SSL_ERROR_WANT_READ = 2;
const SSL_ERROR_WANT_WRITE = 3;
const SSL_ERROR_ZERO_RETURN = 6;
const KEY_UPDATE_NONE = -1;
const CTRL_SET_MODE = 33;
const CTRL_SERVER_NAME = 55;
const CTRL_CLEAR_MODE = 78;
const MODE_RELEASE_BUFFERS = 0x10n;

const alpnPointer = new BigUint64Array(1);
const alpnLength = new Uint32Array(1);

function textAt(pointer: Deno.PointerValue): string {
  return pointer === null ? "" : Deno.UnsafePointerView.getCString(pointer);
}
