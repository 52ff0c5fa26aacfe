// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { NetApi } from "./servers.ts";

/** The part of a connection that the functions here use. */
export type ByteConn = Pick<Awaited<ReturnType<NetApi["connect"]>>, "read" | "write">;

/** Bytes that differ by position and seed, so that a lost, doubled or swapped block shows. */
export function patternBytes(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed;
  for (let i = 0; i < length; i++) {
    // Numerical Recipes' linear congruential generator, modulo 2^32.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

/** Writes all of `bytes`, however many calls that takes. */
export async function writeAll(conn: Pick<ByteConn, "write">, bytes: Uint8Array): Promise<void> {
  for (let sent = 0; sent < bytes.length;) sent += await conn.write(bytes.subarray(sent));
}

/** Reads exactly `length` bytes; rejects when the stream ends before. */
export async function readExactly(
  conn: Pick<ByteConn, "read">,
  length: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(length);
  for (let received = 0; received < length;) {
    const n = await conn.read(bytes.subarray(received));
    if (n === null) throw new Error(`Stream ended after ${received} of ${length} bytes`);
    received += n;
  }
  return bytes;
}

/** Reads until the stream ends, at most `blockBytes` a call. */
export async function readToEnd(
  conn: Pick<ByteConn, "read">,
  blockBytes = 64 * 1024,
): Promise<Uint8Array<ArrayBuffer>> {
  const blocks: Uint8Array<ArrayBuffer>[] = [];
  for (;;) {
    const block = new Uint8Array(blockBytes);
    const n = await conn.read(block);
    if (n === null) return await new Blob(blocks).bytes();
    blocks.push(block.subarray(0, n));
  }
}

/** Encodes text as UTF-8. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
