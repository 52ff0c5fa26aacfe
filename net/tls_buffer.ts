// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { sslInput } from "../ffi/ssl.ts";

/** Bytes that a connection reads with while it has little to read. */
const SMALL_BYTES = 4096;
/** The same for bulk data: four records of 16 KiB with what is put around them. */
const BULK_BYTES = 69_632;
/** Room for a record and some, when less is wanted: it cannot be read in parts. */
const RECORD_ROOM_BYTES = 20_480;
/** Small reads in a row after which bulk data is taken to have ended. */
const SMALL_READS = 4;

/** Tells bulk data, of which reads come back full, from messages. */
export class BulkWatch {
  #smallReads = SMALL_READS;

  /** Whether reads come back full. */
  get bulk(): boolean {
    return this.#smallReads < SMALL_READS;
  }

  /** A read brought so many bytes. */
  came(byteLength: number): void {
    if (byteLength > SMALL_BYTES || (byteLength === SMALL_BYTES && !this.bulk)) {
      this.#smallReads = 0;
    } else if (this.bulk) this.#smallReads++;
  }
}

/**
 * The buffer that one connection reads ciphertext into where {@linkcode sharedRoom} cannot be had:
 * small, for many connections wait with one most of the time, and large for bulk data.
 */
export class CiphertextBuffer {
  #bytes: Uint8Array = EMPTY;

  /** Where the next read goes. */
  room(bulk: boolean): Uint8Array {
    const byteLength = bulk ? BULK_BYTES : SMALL_BYTES;
    if (this.#bytes.length !== byteLength) this.#bytes = new Uint8Array(byteLength);
    return this.#bytes;
  }

  /** The first bytes, which a read brought; they hold until the next one. */
  taken(count: number): Uint8Array {
    return this.#bytes.subarray(0, count);
  }

  /** Lets go of the memory. */
  free(): void {
    this.#bytes = EMPTY;
  }
}

/**
 * Where ciphertext is brought for OpenSSL to take it in at once: memory that all connections share,
 * as much as makes so much plaintext.
 */
export function sharedRoom(plainBytes: number): Uint8Array {
  const input = sslInput();
  const wanted = Math.max(RECORD_ROOM_BYTES, plainBytes + (plainBytes >>> 4));
  if (wanted >= input.length) return input;
  if (lastRoom.length !== wanted) lastRoom = input.subarray(0, wanted);
  return lastRoom;
}

const EMPTY: Uint8Array = new Uint8Array();
let lastRoom: Uint8Array = EMPTY;
