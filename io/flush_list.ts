// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Something that puts its operations into the ring at the last moment, once a turn. */
export interface Flushable {
  /**
   * Called once, before the next entries are handed to the kernel.
   *
   * @param alone Whether no other entries would be handed over with its own, so that a system call
   * of its own costs nothing more
   */
  flush(alone: boolean): void;
}

/**
 * Who wants to be flushed before the next entries are handed over. Each adds itself once a turn,
 * so there are no more of them than streams.
 */
export class FlushList {
  #wanting: Flushable[] = [];
  #spare: Flushable[] = [];

  /** Whether nobody does. */
  get empty(): boolean {
    return this.#wanting.length === 0;
  }

  /** Adds one. */
  add(flushable: Flushable): void {
    this.#wanting.push(flushable);
  }

  /**
   * Flushes all while `mayFlush` says so; the others stay for the next time.
   *
   * @param ringEmpty Whether no entries wait to be handed over
   */
  run(mayFlush: () => boolean, ringEmpty: boolean): void {
    if (this.#wanting.length === 0) return;
    const flushing = this.#wanting;
    this.#wanting = this.#spare;
    const alone = ringEmpty && flushing.length === 1;
    for (const flushable of flushing) {
      if (mayFlush()) flushable.flush(alone);
      else this.#wanting.push(flushable);
    }
    flushing.length = 0;
    this.#spare = flushing;
  }
}
