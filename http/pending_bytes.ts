// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const START_BYTES = 512;

/**
 * Bytes that wait for more of their kind, or for their turn: the beginning of a head, or requests
 * behind the one that is being answered. An idle connection has none.
 */
export class PendingBytes {
  /** The bytes, from {@linkcode start} to {@linkcode end}. */
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(START_BYTES);
  /** The first that still counts. */
  start = 0;
  /** Behind the last. */
  end = 0;

  /** How many there are. */
  get length(): number {
    return this.end - this.start;
  }

  /** Adds bytes behind the last. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const added = end - start;
    if (this.end + added > this.bytes.length) this.#makeRoom(added);
    this.bytes.set(bytes.subarray(start, end), this.end);
    this.end += added;
  }

  /** All of them, in an array of their own. */
  takeAll(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(this.start, this.end);
  }

  #makeRoom(added: number): void {
    const length = this.length;
    const enough = Math.max(2 * this.bytes.length, length + added);
    const larger = new Uint8Array(
      length + added <= this.bytes.length / 2 ? this.bytes.length : enough,
    );
    larger.set(this.bytes.subarray(this.start, this.end));
    this.bytes = larger;
    this.start = 0;
    this.end = length;
  }
}
