// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import process from "node:process";
import { RpcError } from "./rpc_error.ts";

/** When messages are compressed. */
export interface CompressionOptions {
  /**
   * Shortest message that is worth it, in bytes.
   *
   * @default {1024}
   */
  minBytes?: number;
}

/** Shortest message that is compressed by default. */
export const COMPRESSED_BYTES_MIN = 1024;

/** One way to make messages shorter. */
export interface Compressor {
  /** Its name in the HELLO. */
  readonly name: string;
  /** Makes bytes shorter, or longer when they are not compressible. */
  compress(bytes: Uint8Array): Uint8Array;
  /** Gives back the bytes; it throws when they are malformed or more than so many. */
  decompress(bytes: Uint8Array, bytesMax: number): Uint8Array;
}

/** What this Deno can do, best first. */
export function compressors(): readonly Compressor[] {
  return available ??= findCompressors();
}

/** The best way that the peer can undo; undefined for none. */
export function chooseCompressor(peers: readonly string[] | undefined): Compressor | undefined {
  return peers && compressors().find(({ name }) => peers.includes(name));
}

/**
 * A message as it was before it was compressed.
 *
 * @throws {RpcError} `INTERNAL` when it is malformed or longer than it may be
 */
export function decompress(
  compressor: Compressor | undefined,
  bytes: Uint8Array,
  bytesMax: number,
): Uint8Array {
  if (compressor === undefined) {
    throw new RpcError("INTERNAL", "Cannot read message: it is compressed, which was not agreed");
  }
  try {
    const plain = compressor.decompress(bytes, bytesMax);
    // Node gives a Buffer, which the user's byte strings must not be.
    return new Uint8Array(plain.buffer, plain.byteOffset, plain.byteLength);
  } catch (cause) {
    throw new RpcError("INTERNAL", "Cannot read message: it cannot be decompressed", { cause });
  }
}

let available: readonly Compressor[] | undefined;

/** zstd where node's module has it, and gzip; level 1, as the network is seldom that slow. */
function findCompressors(): readonly Compressor[] {
  // Loaded at the first use: the module takes milliseconds.
  const zlib = process.getBuiltinModule("node:zlib");
  const found: Compressor[] = [];
  if (typeof zlib.zstdCompressSync === "function") {
    found.push({
      name: "zstd",
      compress: (bytes) => zlib.zstdCompressSync(bytes),
      decompress: (bytes, maxOutputLength) => zlib.zstdDecompressSync(bytes, { maxOutputLength }),
    });
  }
  found.push({
    name: "gzip",
    compress: (bytes) => zlib.gzipSync(bytes, { level: 1 }),
    decompress: (bytes, maxOutputLength) => zlib.gunzipSync(bytes, { maxOutputLength }),
  });
  return found;
}
