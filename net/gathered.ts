// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Small buffers are joined up to one record of TLS, so that they travel as one. */
const GATHERED_BYTES_MAX = 16_384;

/** The buffers of one write, joined into one where they are small. */
export function gathered(buffers: readonly Uint8Array[]): readonly Uint8Array[] {
  const total = buffers.reduce((bytes, buffer) => bytes + buffer.length, 0);
  if (buffers.length < 2 || total > GATHERED_BYTES_MAX) return buffers;
  const joined = new Uint8Array(total);
  let offset = 0;
  for (const buffer of buffers) {
    joined.set(buffer, offset);
    offset += buffer.length;
  }
  return [joined];
}
