// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

const FIRST_IDS = 1024;
/** Ids for which memory is kept when the list is emptied. */
const KEPT_IDS_MAX = 2 ** 18;

/** Ids in the order in which they were pushed, in memory that is used again. */
export class IdList {
  /** How many there are. */
  length = 0;
  #ids = new Uint32Array(FIRST_IDS);

  /** Takes all of them out. */
  clear(): void {
    this.length = 0;
    if (this.#ids.length > KEPT_IDS_MAX) this.#ids = new Uint32Array(FIRST_IDS);
  }

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
