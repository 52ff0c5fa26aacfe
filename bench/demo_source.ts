// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { crc32 } from "node:zlib";

/** A file to be streamed, and what it holds. */
export interface Source {
  /** Where it lies. */
  readonly path: string;
  /** How long it is. */
  readonly bytes: number;
  /** CRC-32 of all of it. */
  readonly checksum: number;
}

/** The most that `crypto.getRandomValues` gives in one call. */
const BLOCK_BYTES = 64 * 1024;

/** Writes a file of random bytes, so that a lost, doubled or swapped piece changes the checksum. */
export async function makeSource(path: string, bytes: number): Promise<Source> {
  using file = await Deno.create(path);
  const block = new Uint8Array(BLOCK_BYTES);
  let checksum = 0;
  for (let written = 0; written < bytes;) {
    const piece = crypto.getRandomValues(block.subarray(0, Math.min(BLOCK_BYTES, bytes - written)));
    checksum = crc32(piece, checksum);
    for (let sent = 0; sent < piece.length;) sent += await file.write(piece.subarray(sent));
    written += piece.length;
  }
  return { path, bytes, checksum };
}
