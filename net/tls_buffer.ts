// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Bytes that a connection reads with while it has little to read. */
const SMALL_BYTES = 4096;
/** The same for bulk data: four records of 16 KiB with what is put around them. */
const BULK_BYTES = 69_632;
/** Small reads in a row after which bulk data is taken to have ended. */
const SMALL_READS = 4;

/**
 * The buffer that one connection reads ciphertext into: small, for many connections wait with one
 * most of the time, and large while reads come back full.
 */
export class CiphertextBuffer {
  #bytes: Uint8Array = new Uint8Array(SMALL_BYTES);
  #smallReads = 0;

  /** Whether reads come back full. */
  get bulk(): boolean {
    return this.#bytes.length > SMALL_BYTES;
  }

  /** Where the next read goes. */
  room(): Uint8Array {
    return this.#bytes;
  }

  /** The first bytes, which a read brought; they hold until the next one. */
  taken(count: number): Uint8Array {
    const bytes = this.#bytes;
    if (count === bytes.length) {
      this.#smallReads = 0;
      if (count < BULK_BYTES) this.#bytes = new Uint8Array(BULK_BYTES);
    } else if (count > SMALL_BYTES) {
      this.#smallReads = 0;
    } else if (bytes.length > SMALL_BYTES && ++this.#smallReads >= SMALL_READS) {
      this.#smallReads = 0;
      this.#bytes = new Uint8Array(SMALL_BYTES);
    }
    return count === bytes.length ? bytes : bytes.subarray(0, count);
  }
}
