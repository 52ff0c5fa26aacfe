// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { openssl } from "./openssl.ts";

/** Suites in OpenSSL's words, best first. */
export interface CipherOrder {
  /** Of TLS 1.3. */
  readonly suites: string;
  /** Of TLS 1.2: forward secrecy and authenticated encryption only, as in Deno. */
  readonly ciphers: string;
}

/**
 * In which order suites are preferred: the faster one of AES-128-GCM and ChaCha20-Poly1305 comes
 * first, and AES-256-GCM last, whose handshake is slower too, for SHA-384.
 *
 * Which one is faster depends on the processor and on the OpenSSL: with AVX-512 and OpenSSL 3.0,
 * ChaCha20 makes 4.2 GB/s and AES-128-GCM 3.0; from OpenSSL 3.2 on it is the other way round. So it
 * is measured, once, in a tenth of a millisecond.
 */
export function cipherOrder(): CipherOrder {
  return order ??= measuredOrder();
}

let order: CipherOrder | undefined;

/** A record. */
const BYTES = 16_384;
const ROUNDS = 4;

function measuredOrder(): CipherOrder {
  const calls = openssl();
  const aesMs = encryptionMs(calls.EVP_aes_128_gcm());
  const chachaMs = encryptionMs(calls.EVP_chacha20_poly1305());
  calls.ERR_clear_error();
  const [suites, ciphers] = chachaMs < aesMs
    ? [[CHACHA, AES_128], ["ECDHE+CHACHA20", "ECDHE+AESGCM"]]
    : [[AES_128, CHACHA], ["ECDHE+AESGCM", "ECDHE+CHACHA20"]];
  return { suites: [...suites, AES_256].join(":"), ciphers: ciphers.join(":") };
}

const AES_128 = "TLS_AES_128_GCM_SHA256";
const AES_256 = "TLS_AES_256_GCM_SHA384";
const CHACHA = "TLS_CHACHA20_POLY1305_SHA256";

/** What it takes to encrypt a record, at best; infinite for a cipher that is not there. */
function encryptionMs(cipher: Deno.PointerValue): number {
  const calls = openssl();
  const context = calls.EVP_CIPHER_CTX_new();
  const [key, iv, length] = [new Uint8Array(32), new Uint8Array(12), new Int32Array(1)];
  const [input, output] = [new Uint8Array(BYTES), new Uint8Array(BYTES)];
  let bestMs = Infinity;
  try {
    if (calls.EVP_EncryptInit_ex(context, cipher, null, key, iv) !== 1) return bestMs;
    for (let round = 0; round < ROUNDS; round++) {
      const startMs = performance.now();
      if (calls.EVP_EncryptUpdate(context, output, length, input, BYTES) !== 1) return Infinity;
      bestMs = Math.min(bestMs, performance.now() - startMs);
    }
  } finally {
    calls.EVP_CIPHER_CTX_free(context);
  }
  return bestMs;
}
