// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openssl } from "./openssl.ts";

/**
 * What OpenSSL complained about. It says nothing to a program by itself: whoever knows what was
 * tried makes one of Deno's errors of it.
 */
export class OpenSslError extends Error {
  /** The library that complained: 20 is libssl, 9 reads PEM, 11 certificates. */
  readonly library: number;
  /** Why, in the numbers of that library. */
  readonly reason: number;

  /** Keeps the numbers and OpenSSL's own words. */
  constructor(library: number, reason: number, message: string) {
    super(message);
    this.name = "OpenSslError";
    this.library = library;
    this.reason = reason;
  }
}

/** The numbers of the libraries that this one asks about (openssl/err.h). */
export const OpenSslLibrary = { pem: 9, x509: 11, ssl: 20 } as const;

/** Reasons that mean something to a program (openssl/pemerr.h, openssl/sslerr.h). */
// deno-fmt-ignore
export const OpenSslReason = {
  pemNoStartLine:     108,
  noProtocolMatches:  235,
  certificateMissing: 199,
  certificateRefused: 134,
  /** A fatal alert of the peer is this plus its number (RFC 8446 section 6). */
  alertReceived:     1000,
} as const;

/**
 * The oldest complaint of this thread, after which there are none left.
 *
 * OpenSSL keeps a queue of them and takes a complaint of yesterday for one of now, so whoever sees
 * a call fail empties it.
 */
export function takeOpenSslError(): OpenSslError {
  const calls = openssl();
  const code = calls.ERR_get_error();
  calls.ERR_clear_error();
  if (code === 0n) return new OpenSslError(0, 0, "OpenSSL failed and did not say why");
  calls.ERR_error_string_n(code, text, BigInt(text.length));
  const message = new TextDecoder().decode(text.subarray(0, text.indexOf(0)));
  return new OpenSslError(Number(code >> 23n & 0xffn), Number(code & 0x7f_ffffn), message);
}

/** OpenSSL's words for a certificate that it did not accept, by `X509_V_ERR_*` number. */
export function verifyErrorText(result: number): string {
  const pointer = openssl().X509_verify_cert_error_string(BigInt(result));
  return pointer === null ? `error ${result}` : Deno.UnsafePointerView.getCString(pointer);
}

const text = new Uint8Array(256);
