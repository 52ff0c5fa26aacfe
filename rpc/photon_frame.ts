// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Bytes in front of each frame of C++ PhotonLibOS (`rpc/rpc.h`), all little-endian:
 *
 * ```
 *   0              8          12         16              20           24        32           40
 *   +--------------+----------+----------+---------------+------------+---------+------------+
 *   | magic        | version  | size     | interface     | method     | tag     | reserved   |
 *   | u64          | u32 = 0  | u32      | u32           | u32        | u64     | u64 = 0    |
 *   +--------------+----------+----------+---------------+------------+---------+------------+
 * ```
 *
 * `size` counts what follows the 40 bytes. A reply carries the numbers and the tag of its request;
 * there is no place for an error, so a server that cannot answer closes the connection.
 */
export const PHOTON_HEAD_BYTES = 40;

const MAGIC = 0x87de5d02e6ab95c7n;

/** First bytes of every frame, and so of a connection. */
export const PHOTON_MAGIC_BYTES: Uint8Array = new Uint8Array(new BigUint64Array([MAGIC]).buffer);

/** A frame's head. */
export interface PhotonFrame {
  interfaceId: number;
  methodId: number;
  tag: bigint;
}

/**
 * Bytes of the whole frame whose head lies at this place.
 *
 * @throws {Deno.errors.InvalidData} When it is no such head
 */
export function photonFrameBytes(view: DataView, at: number): number {
  if (view.getBigUint64(at, true) !== MAGIC || view.getUint32(at + 8, true) !== 0) {
    throw new Deno.errors.InvalidData(
      "Cannot read frame: it does not begin with magic and version",
    );
  }
  return PHOTON_HEAD_BYTES + view.getUint32(at + 12, true);
}

/** Reads the head at this place. */
export function readPhotonFrame(view: DataView, at: number): PhotonFrame {
  return {
    interfaceId: view.getUint32(at + 16, true),
    methodId: view.getUint32(at + 20, true),
    tag: view.getBigUint64(at + 24, true),
  };
}

/** The head of a frame with so many bytes behind it. */
export function photonHead(frame: PhotonFrame, payloadBytes: number): Uint8Array {
  const bytes = new Uint8Array(PHOTON_HEAD_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, MAGIC, true);
  view.setUint32(12, payloadBytes, true);
  view.setUint32(16, frame.interfaceId, true);
  view.setUint32(20, frame.methodId, true);
  view.setBigUint64(24, frame.tag, true);
  return bytes;
}
