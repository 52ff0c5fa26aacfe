// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type OpenSsl, openssl } from "./openssl.ts";
import { takeOpenSslError } from "./openssl_error.ts";
import type { Handle } from "./openssl_pem.ts";

/** Most bytes that wait in either direction of the pipe. */
export const PIPE_BYTES = 163_840;

/**
 * The one pair of memory BIOs through which all connections of this isolate send and receive.
 *
 * OpenSSL only ever runs within a call of ours. Each call takes in all that it was fed, and all
 * that it put out is taken before the next one, so between calls the pipe is empty, and need not
 * be one for each connection: it takes 320 KiB.
 *
 * ```
 *   feed(bytes) --> | ciphertext from the peer | --> SSL_read, SSL_do_handshake
 *   take()      <-- | ciphertext for the peer  | <-- SSL_write, SSL_do_handshake
 * ```
 */
export class SslPipe {
  /** The end that the `SSL` objects hold. */
  readonly inner: Handle;

  readonly #calls: OpenSsl;
  readonly #outer: Handle;
  readonly #pointer: BigUint64Array<ArrayBuffer> = new BigUint64Array(1);
  /** The same as numbers, which are cheaper; both directions take less than 4 GiB. */
  readonly #pointerLow: Uint32Array<ArrayBuffer> = new Uint32Array(this.#pointer.buffer);
  /** Where {@linkcode feed} puts bytes; who has them there already says so with `fed`. */
  readonly input: Uint8Array<ArrayBuffer>;
  #output: Uint8Array<ArrayBuffer> | undefined;
  #outputLow = 0;

  /** Makes the pair. */
  constructor() {
    const calls = this.#calls = openssl();
    const ends = new BigUint64Array(2);
    const bytes = BigInt(PIPE_BYTES);
    if (
      calls.BIO_new_bio_pair(ends.subarray(0, 1), bytes, ends.subarray(1, 2), bytes) !== 1
    ) throw takeOpenSslError();
    this.inner = Deno.UnsafePointer.create(ends[0])!;
    this.#outer = Deno.UnsafePointer.create(ends[1])!;
    calls.BIO_nwrite0(this.#outer, this.#pointer);
    this.input = viewOf(this.#pointer[0]);
  }

  /** Puts bytes of the peer in, for the call that comes next; {@linkcode PIPE_BYTES} at most. */
  feed(bytes: Uint8Array): void {
    this.input.set(bytes);
    this.fed(bytes.length);
  }

  /** The first bytes of {@linkcode input} are of the peer, for the call that comes next. */
  fed(byteLength: number): void {
    // Empty before, so there is room, and it begins at its beginning.
    this.#calls.BIO_nwrite(this.#outer, this.#pointer, byteLength);
  }

  /** Bytes of the peer that no call has taken. */
  get unread(): number {
    return this.#calls.BIO_ctrl_pending(this.inner);
  }

  /** Drops what a call that failed did not take. */
  drain(): void {
    this.#calls.BIO_nread(this.inner, this.#pointer, PIPE_BYTES);
  }

  /** What there is for the peer, taken out; a view that holds until the next call. */
  take(): Uint8Array<ArrayBuffer> {
    const length = this.#calls.BIO_nread(this.#outer, this.#pointer, PIPE_BYTES);
    if (length <= 0) return EMPTY;
    const low = this.#pointerLow[0]!;
    if (this.#output === undefined) {
      this.#output = viewOf(this.#pointer[0]);
      this.#outputLow = low;
    }
    const offset = (low - this.#outputLow) >>> 0;
    return this.#output.subarray(offset, offset + length);
  }
}

/** The pipe of this isolate. */
export function sslPipe(): SslPipe {
  return pipe ??= new SslPipe();
}

let pipe: SslPipe | undefined;
const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array();

function viewOf(address: bigint): Uint8Array<ArrayBuffer> {
  const pointer = Deno.UnsafePointer.create(address)!;
  return new Uint8Array(Deno.UnsafePointerView.getArrayBuffer(pointer, PIPE_BYTES));
}
