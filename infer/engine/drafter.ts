// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Guesses how answers go on. The model looks at all of a guess in one step. */
export interface Drafter {
  /**
   * Guesses.
   *
   * @param tokens the first `length` are the sequence so far
   * @returns tokens that may follow, in order; none where it has no idea
   */
  propose(tokens: Int32Array, length: number): ArrayLike<number>;
}
