// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Operations that can be in flight at once; one more is refused with `Deno.errors.Busy`. */
export const SLOTS_MAX = 32_768;

/** Gets every completion of one operation. */
export interface Completion {
  /**
   * Takes one completion. The slot is free again when `flags` lacks `CqeFlag.MORE`.
   *
   * @param result The kernel's result, a negative errno on failure
   * @param flags `CqeFlag` bits, the buffer id in the upper half
   */
  complete(result: number, flags: number): void;
}

/**
 * The operations in flight: who gets their completions, and which of them keep the process alive.
 *
 * ```
 *   slot            0      1      2     ...        user_data of an entry:
 *   handler       [ recv | null | send | ... ]     low word = slot, high word = generation
 *   generation    [  7   |  3   |  9   | ... ]     a late completion of an earlier tenant differs
 * ```
 */
export class SlotTable {
  readonly #handlers: (Completion | null)[] = [];
  readonly #generations: Uint32Array = new Uint32Array(SLOTS_MAX);
  readonly #held: Uint8Array = new Uint8Array(SLOTS_MAX);
  readonly #free: Int32Array = new Int32Array(SLOTS_MAX);
  #freeCount = 0;
  #used = 0;
  #heldCount = 0;

  /** Operations in flight. */
  get used(): number {
    return this.#used;
  }

  /** Operations in flight that keep the process alive. */
  get held(): number {
    return this.#heldCount;
  }

  /** Whether no slot is free. */
  get full(): boolean {
    return this.#used === SLOTS_MAX;
  }

  /**
   * Takes a slot for an operation.
   *
   * @throws {Deno.errors.Busy} when {@linkcode SLOTS_MAX} operations are in flight
   */
  take(handler: Completion, hold: boolean): number {
    let slot: number;
    if (this.#freeCount > 0) slot = this.#free[--this.#freeCount];
    else if (this.#handlers.length < SLOTS_MAX) slot = this.#handlers.push(null) - 1;
    else throw new Deno.errors.Busy(`Cannot start operation: ${SLOTS_MAX} are in flight`);
    this.#handlers[slot] = handler;
    this.#held[slot] = hold ? 1 : 0;
    this.#used++;
    if (hold) this.#heldCount++;
    return slot;
  }

  /** The operation's handler, or null when this generation of the slot is gone. */
  handler(slot: number, generation: number): Completion | null {
    return this.#generations[slot] === generation >>> 0 ? this.#handlers[slot] : null;
  }

  /** The generation that the slot's `user_data` carries. */
  generation(slot: number): number {
    return this.#generations[slot];
  }

  /** Whether the slot still belongs to this handler's operation. */
  owns(slot: number, handler: Completion): boolean {
    return slot >= 0 && this.#handlers[slot] === handler;
  }

  /** Frees the slot after the last completion. */
  free(slot: number): void {
    this.#handlers[slot] = null;
    this.#generations[slot]++;
    this.#used--;
    this.#heldCount -= this.#held[slot];
    this.#free[this.#freeCount++] = slot;
  }

  /** Whether the operation keeps the process alive from now on. */
  hold(slot: number, hold: boolean): void {
    const now = hold ? 1 : 0;
    this.#heldCount += now - this.#held[slot];
    this.#held[slot] = now;
  }

  /** The slots in use. */
  *slots(): Generator<number> {
    for (let slot = 0; slot < this.#handlers.length; slot++) {
      if (this.#handlers[slot] !== null) yield slot;
    }
  }
}
