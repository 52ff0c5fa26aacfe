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
 * In which order suites are preferred: AES-128-GCM first, unless ChaCha20-Poly1305 is far faster
 * here, and AES-256-GCM last, whose handshake is slower too, for SHA-384.
 *
 * Which one is faster depends on the processor and on the OpenSSL, so it is measured, once, in a
 * tenth of a millisecond. It takes whole records, as TLS seals them: with AVX-512 and OpenSSL 3.0
 * ChaCha20 is the faster one of a long stream (5.2 GB/s beside 4.8) and the slower one of TLS (603
 * us beside 504 for a MiB that is opened and sealed again), as each record takes a key of
 * Poly1305's.
 */
export function cipherOrder(): CipherOrder {
  return order ??= measuredOrder();
}

let order: CipherOrder | undefined;

/** The plaintext of a record, with the byte that says what it is (RFC 8446 section 5.2). */
const BYTES = 16_385;
/** What is authenticated beside it: the record's head. */
const HEAD_BYTES = 5;
const TAG_BYTES = 16;
const ROUNDS = 8;
/** Peers have AES in hardware more often than not, so ChaCha20 has to be worth it. */
const CHACHA_SHARE_MAX = 0.8;
const CTRL_GET_TAG = 0x10; // openssl/evp.h

function measuredOrder(): CipherOrder {
  const calls = openssl();
  const aesMs = sealMs(calls.EVP_aes_128_gcm());
  const chachaMs = sealMs(calls.EVP_chacha20_poly1305());
  calls.ERR_clear_error();
  const [suites, ciphers] = chachaMs < aesMs * CHACHA_SHARE_MAX
    ? [[CHACHA, AES_128], ["ECDHE+CHACHA20", "ECDHE+AESGCM"]]
    : [[AES_128, CHACHA], ["ECDHE+AESGCM", "ECDHE+CHACHA20"]];
  return { suites: [...suites, AES_256].join(":"), ciphers: ciphers.join(":") };
}

const AES_128 = "TLS_AES_128_GCM_SHA256";
const AES_256 = "TLS_AES_256_GCM_SHA384";
const CHACHA = "TLS_CHACHA20_POLY1305_SHA256";

/** What it takes to seal a record, at best; infinite for a cipher that is not there. */
function sealMs(cipher: Deno.PointerValue): number {
  const calls = openssl();
  const context = calls.EVP_CIPHER_CTX_new();
  const [key, iv, length] = [new Uint8Array(32), new Uint8Array(12), new Int32Array(1)];
  const [input, output] = [new Uint8Array(BYTES), new Uint8Array(BYTES)];
  const [head, tag] = [new Uint8Array(HEAD_BYTES), new Uint8Array(TAG_BYTES)];
  let bestMs = Infinity;
  try {
    if (calls.EVP_EncryptInit_ex(context, cipher, null, key, null) !== 1) return Infinity;
    for (let round = 0; round < ROUNDS; round++) {
      const startMs = performance.now();
      iv[0] = round;
      const sealed = calls.EVP_EncryptInit_ex(context, null, null, null, iv) === 1 &&
        calls.EVP_EncryptUpdate(context, null, length, head, HEAD_BYTES) === 1 &&
        calls.EVP_EncryptUpdate(context, output, length, input, BYTES) === 1 &&
        calls.EVP_EncryptFinal_ex(context, output, length) === 1 &&
        calls.EVP_CIPHER_CTX_ctrl(context, CTRL_GET_TAG, TAG_BYTES, tag) === 1;
      if (!sealed) return Infinity;
      bestMs = Math.min(bestMs, performance.now() - startMs);
    }
  } finally {
    calls.EVP_CIPHER_CTX_free(context);
  }
  return bestMs;
}
