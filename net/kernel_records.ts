// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Most bytes of a write that pass at once: what the socket has no room for is copied. */
export const PASS_BYTES_MAX = 262_144;

/**
 * The sending half of a session that may leave its records to the kernel: how many were made by
 * then, and what is written afterwards, on its way through as it is.
 */
export class KernelRecords {
  /** Whether the kernel makes them. */
  on = false;
  #count = 0;
  #passing: Uint8Array<ArrayBuffer> = EMPTY;

  /** Number of the next record. */
  get sequence(): bigint {
    return BigInt(this.#count);
  }

  /** Counts whole records (RFC 8446 section 5.1: type, version, length in two bytes). */
  count(records: Uint8Array): void {
    for (let at = 0; at < records.length;) {
      at += RECORD_HEAD_BYTES + (records[at + 3] << 8 | records[at + 4]);
      this.#count++;
    }
  }

  /** Takes plaintext in, which {@linkcode take} gives out, and says how many bytes. */
  pass(bytes: Uint8Array<ArrayBuffer>): number {
    this.#passing = bytes.length > PASS_BYTES_MAX ? bytes.subarray(0, PASS_BYTES_MAX) : bytes;
    return this.#passing.length;
  }

  /** What was taken in last. */
  take(): Uint8Array<ArrayBuffer> {
    const bytes = this.#passing;
    this.#passing = EMPTY;
    return bytes;
  }
}

const RECORD_HEAD_BYTES = 5;
const EMPTY: Uint8Array<ArrayBuffer> = new Uint8Array();
