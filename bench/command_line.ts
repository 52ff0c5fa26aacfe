// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** A program with its arguments. */
export interface CommandLine {
  /** Name on the PATH, or path. */
  readonly program: string;
  /** Arguments, without the program. */
  readonly args: readonly string[];
}
