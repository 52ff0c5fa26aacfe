// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type crypto from "node:crypto";
import process from "node:process";
import type { RecordKeys } from "../ffi/kernel_tls.ts";

/**
 * What records are made with under a traffic secret (RFC 8446 section 7.3).
 *
 * @param suite Cipher suite in the words of the standard
 * @param sequence Number of the next record
 * @returns null for a suite that is not of TLS 1.3
 */
export function recordKeys(
  suite: string,
  secret: Uint8Array,
  sequence: bigint,
): RecordKeys | null {
  const found = SUITES[suite];
  if (found === undefined) return null;
  const expand = (label: string, byteLength: number) =>
    expandLabel(found.hash, secret, label, byteLength);
  return { suite, sequence, key: expand("key", found.keyBytes), iv: expand("iv", IV_BYTES) };
}

const IV_BYTES = 12;

// Data: RFC 8446 appendix B.4.
// deno-fmt-ignore
const SUITES: Record<string, { readonly hash: "sha256" | "sha384"; readonly keyBytes: number }> = {
  TLS_AES_128_GCM_SHA256:       { hash: "sha256", keyBytes: 16 },
  TLS_AES_256_GCM_SHA384:       { hash: "sha384", keyBytes: 32 },
  TLS_CHACHA20_POLY1305_SHA256: { hash: "sha256", keyBytes: 32 },
};

/**
 * HKDF-Expand-Label without a context (RFC 8446 section 7.1), of no more than one block of the
 * hash (RFC 5869 section 2.3).
 */
function expandLabel(
  hash: "sha256" | "sha384",
  secret: Uint8Array,
  label: string,
  byteLength: number,
): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(`tls13 ${label}`);
  // uint16 length, the label and the context with their lengths, the number of the block.
  const info = [byteLength >> 8, byteLength & 0xff, name.length, ...name, 0, 1];
  const { createHmac } = process.getBuiltinModule("node:crypto") as typeof crypto;
  const block = createHmac(hash, secret).update(new Uint8Array(info)).digest();
  return new Uint8Array(block.subarray(0, byteLength));
}
