// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { osError } from "./errno.ts";
import { lastErrno, libc } from "./libc.ts";

/** Whether a descriptor is a terminal. */
export function isTerminal(fd: number): boolean {
  return libc().isatty(fd) === 1;
}

/**
 * Sets the raw mode of a terminal, or what it was before (termios(3)).
 *
 * @param cbreak Leave Ctrl-C and the like to the terminal
 * @param before What an earlier call gave, null for the first
 * @returns The settings to go back to
 * @throws {Error} when it is no terminal
 */
export function setRawMode(
  fd: number,
  raw: boolean,
  cbreak: boolean,
  before: Uint8Array<ArrayBuffer> | null,
): Uint8Array<ArrayBuffer> {
  const settings = new Uint8Array(TERMIOS_BYTES);
  if (libc().tcgetattr(fd, settings) < 0) throw osError(lastErrno());
  const original = before ?? settings.slice();
  if (raw) {
    libc().cfmakeraw(settings);
    if (cbreak) settings[LOCAL_FLAGS] = settings[LOCAL_FLAGS]! | ISIG;
  }
  const wanted = raw ? settings : original;
  if (libc().tcsetattr(fd, TCSADRAIN, wanted) < 0) throw osError(lastErrno());
  return original;
}

// struct termios: input, output, control and local flags, u32 each; 60 bytes with glibc and musl
const TERMIOS_BYTES = 64;
const LOCAL_FLAGS = 12;
const ISIG = 1;
const TCSADRAIN = 1;
