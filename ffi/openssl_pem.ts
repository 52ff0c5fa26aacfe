// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { type OpenSsl, openssl } from "./openssl.ts";
import { OpenSslReason, takeOpenSslError } from "./openssl_error.ts";

/** Something of OpenSSL's; whoever is given one frees it. */
export type Handle = Deno.PointerObject;

/** Reads the certificates in a text, in order; none when there are none. */
export function readCertificates(pem: string): Handle[] {
  return readAll(pem, (calls, bio) => calls.PEM_read_bio_X509(bio, null, null, null), (one) => {
    openssl().X509_free(one);
  });
}

/** Reads the revocation lists in a text; none when there are none. */
export function readRevocationLists(pem: string): Handle[] {
  return readAll(pem, (calls, bio) => calls.PEM_read_bio_X509_CRL(bio, null, null, null), (one) => {
    openssl().X509_CRL_free(one);
  });
}

/** Reads a private key that is not encrypted; null when the text has none. */
export function readPrivateKey(pem: string): Handle | null {
  const calls = openssl();
  const bytes = new TextEncoder().encode(pem);
  const bio = calls.BIO_new_mem_buf(bytes, bytes.length);
  try {
    // An empty passphrase: without one, OpenSSL would ask at the terminal.
    return calls.PEM_read_bio_PrivateKey(bio, null, null, new Uint8Array(1));
  } finally {
    calls.BIO_free(bio);
    calls.ERR_clear_error();
  }
}

/** A certificate as it travels (DER). */
export function encodeCertificate(certificate: Handle): Uint8Array<ArrayBuffer> {
  const calls = openssl();
  const bytes = new Uint8Array(calls.i2d_X509(certificate, null));
  // It takes the address of an address, which it then moves on.
  const address = new BigUint64Array([BigInt(Deno.UnsafePointer.value(pointerOf(bytes)))]);
  calls.i2d_X509(certificate, address);
  return bytes;
}

function pointerOf(bytes: Uint8Array<ArrayBuffer>): Deno.PointerValue {
  return Deno.UnsafePointer.of(bytes);
}

function readAll(
  pem: string,
  read: (calls: OpenSsl, bio: Deno.PointerValue) => Deno.PointerValue,
  free: (one: Handle) => void,
): Handle[] {
  const calls = openssl();
  const bytes = new TextEncoder().encode(pem);
  const bio = calls.BIO_new_mem_buf(bytes, bytes.length);
  const found: Handle[] = [];
  try {
    for (let one = read(calls, bio); one !== null; one = read(calls, bio)) found.push(one);
  } finally {
    calls.BIO_free(bio);
  }
  const error = takeOpenSslError();
  if (error.reason === 0 || error.reason === OpenSslReason.pemNoStartLine) return found;
  found.forEach(free);
  throw error;
}
