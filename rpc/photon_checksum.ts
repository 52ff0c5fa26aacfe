// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { crc32c } from "../fs/crc32c.ts";
import { RpcError } from "./rpc_error.ts";

const WORD_BYTES = 4;
const ZERO_WORD = new Uint8Array(WORD_BYTES);

/**
 * Sets the checksum of a message of C++'s `CheckedMessage`, the first word of its struct:
 *
 * ```
 *   +-------------------------+--------------+-------------------------+
 *   | variable fields         | checksum u32 | the rest of the struct  |
 *   +-------------------------+--------------+-------------------------+
 *     over all of these bytes, in this order, with the word itself 0
 * ```
 *
 * @param pieces The payload, the struct last; its word is 0
 */
export function setPhotonChecksum(pieces: readonly Uint8Array[]): void {
  const struct = pieces.at(-1)!;
  const checksum = pieces.reduce(extend, 0);
  new DataView(struct.buffer, struct.byteOffset).setUint32(0, checksum, true);
}

/**
 * Checks it; the pointers in the struct count as they came.
 *
 * @param structAt Where the struct begins in the payload
 * @throws {RpcError} `DATA_LOSS` when it does not match
 */
export function checkPhotonChecksum(payload: Uint8Array, structAt: number): void {
  const view = new DataView(payload.buffer, payload.byteOffset + structAt, WORD_BYTES);
  const before = extend(0, payload.subarray(0, structAt));
  const word = extend(before, ZERO_WORD);
  if (extend(word, payload.subarray(structAt + WORD_BYTES)) === view.getUint32(0, true)) return;
  throw new RpcError("DATA_LOSS", "Cannot decode message: its checksum does not match");
}

/**
 * CRC-32C as the `crc32c_extend` of C++ has it: it begins with 0 and is not inverted, where the
 * usual one begins with all ones and is inverted at the end (RFC 3720, section 12.1).
 */
function extend(checksum: number, bytes: Uint8Array): number {
  return ~crc32c(bytes, ~checksum) >>> 0;
}
