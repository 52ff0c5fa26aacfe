// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Ids in the order in which they were pushed, in memory that is used again. */
export class IdList {
  /** How many there are. */
  length = 0;
  #ids = new Uint32Array(1024);

  /** Puts one at the end. */
  push(id: number): void {
    if (this.length === this.#ids.length) this.#grow();
    this.#ids[this.length++] = id;
  }

  /** The one at an index. */
  at(index: number): number {
    return this.#ids[index]!;
  }

  /** A copy of all of them. */
  toArray(): Uint32Array<ArrayBuffer> {
    return this.#ids.slice(0, this.length);
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
  }
}
