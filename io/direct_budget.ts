// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Buffers of this size and more are read and written in place: copying them would cost more. */
export const DIRECT_BYTES_MIN = 16_384;
/** Most bytes that one direct call moves, 60 us or so: the loop has others to serve. */
export const DIRECT_BYTES_MAX = 262_144;
/** Direct calls of one round, of the most bytes each; further ones wait for the next. */
const CALLS_PER_ROUND = 16;
/** Microseconds that the direct calls of one round may take which touch no user's buffer. */
const QUICK_US_PER_ROUND = 200;
/** Rounds after which bulk data is taken to have ended. */
const QUIET_ROUNDS = 8;

/**
 * Bulk data goes between the user's buffer and a socket by a system call that never waits, made
 * when the socket is ready: the kernel is done with the buffer when the call returns, so no block
 * of the engine and no copy is needed. A call that finds its socket ready is answered at once,
 * which is why each round of the engine allows only so many.
 */
export class DirectBudget {
  #left = CALLS_PER_ROUND;
  #quickUs = QUICK_US_PER_ROUND;
  #round = 0;
  #quietRounds = QUIET_ROUNDS;
  #bulkCame = false;

  /** Whether bulk data moved in one of the last rounds. */
  get busy(): boolean {
    return this.#quietRounds < QUIET_ROUNDS;
  }

  /**
   * Whether one more call may be made in this round; it is taken from the budget.
   *
   * @param calls What it counts for, when it moves more than {@linkcode DIRECT_BYTES_MAX}, or less
   */
  take(calls = 1): boolean {
    if (this.#left < calls) return false;
    this.#left -= calls;
    return true;
  }

  /** {@linkcode take} for a call with this buffer. */
  takeFor(buffer: Uint8Array): boolean {
    return this.take(Math.min(1, buffer.length / DIRECT_BYTES_MAX));
  }

  /** Notes that bulk data came by another way: what waits for more of it need not watch. */
  noteBulk(): void {
    this.#bulkCame = true;
  }

  /** Rounds so far: what happens in one of them may be taken to happen at one time. */
  get round(): number {
    return this.#round;
  }

  /**
   * Whether a call on a file that takes about so long may be made in this round; the time is taken
   * from the budget of {@linkcode QUICK_US_PER_ROUND}. Such calls are promised not to wait, but
   * what they do takes the thread's time.
   */
  takeTime(microseconds: number): boolean {
    if (this.#quickUs <= 0) return false;
    this.#quickUs -= microseconds;
    return true;
  }

  /** Whether {@linkcode takeTime} would say yes. */
  get hasTime(): boolean {
    return this.#quickUs > 0;
  }

  /** Begins a round. */
  refill(): void {
    this.#round++;
    this.#quickUs = QUICK_US_PER_ROUND;
    const moved = this.#bulkCame || this.#left < CALLS_PER_ROUND;
    this.#quietRounds = moved ? 0 : this.#quietRounds + 1;
    this.#bulkCame = false;
    this.#left = CALLS_PER_ROUND;
  }
}

/** Whether the buffer is large enough, and of memory that the kernel can be shown. */
export function goesDirect(buffer: Uint8Array): boolean {
  if (buffer.length < DIRECT_BYTES_MIN) return false;
  const memory = buffer.buffer;
  return memory instanceof ArrayBuffer && !memory.resizable;
}
