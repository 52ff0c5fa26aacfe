// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Told of bytes in the moment in which they were read. */
export type Taken = (count: number) => void;

/** A read that waits for its bytes. */
export interface ReadRequest {
  /** Where they go. */
  readonly buffer: Uint8Array;
  /** Whether the next read is to get them too. */
  readonly peek: boolean;
  /** Whom to tell of them at once. */
  readonly taken: Taken | null;
  /** Answers it: with how many, or null at the end of the stream. */
  readonly resolve: (count: number | null) => void;
  /** Answers it with an error. */
  readonly reject: (reason: unknown) => void;
  /** Set when it was given up: it rejects with this at the last completion. */
  abandoned: { reason: unknown } | null;
}

/** What a read rejects with whose buffer was given away meanwhile. */
export function detachedError(): TypeError {
  return new TypeError("Cannot read into buffer: it was detached while waiting");
}
