// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Follows one answer and says which tokens may come next. */
export interface TokenMatcher {
  /** Whether the answer may end here. */
  readonly mayEnd: boolean;

  /** Whether nothing but the end may come. */
  readonly mustEnd: boolean;

  /**
   * The tokens that may come next, a bit each: token `t` is bit `t % 32` of word `t / 32`. The
   * words are shared by all that are in the same state: read them only. Tokens that end the answer
   * are not among them.
   */
  allowed(): Uint32Array;

  /**
   * Goes on by a token that is part of the answer.
   *
   * @returns false when the token was not allowed; the state is as before then
   */
  accept(token: number): boolean;

  /** Another in the same state, which goes its own way. */
  fork(): TokenMatcher;
}
