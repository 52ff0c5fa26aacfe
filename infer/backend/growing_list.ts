// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Arrays of numbers that have an address. */
type Words = Int32Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;

/** Numbers that are added one by one and then read by C; never empty memory. */
export class GrowingList {
  /** How many there are. */
  length = 0;
  #values: Words;

  /** Makes an empty one of a kind of array. */
  constructor(kind: new (length: number) => Words) {
    this.#values = new kind(16);
  }

  /** The memory of all. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#values.buffer);
  }

  /** Adds one. */
  push(value: number): void {
    if (this.length === this.#values.length) {
      const more = new (this.#values.constructor as new (length: number) => Words)(2 * this.length);
      more.set(this.#values);
      this.#values = more;
    }
    this.#values[this.length++] = value;
  }
}
