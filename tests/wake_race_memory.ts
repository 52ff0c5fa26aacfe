// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Places, in 32-bit words, of the memory through which two threads race each other. */
export const RaceWord = { ROUND: 0, FD: 1, BYTE_AFTER_US: 2, MESSAGE_AFTER_US: 3 } as const;
/** Size of that memory. */
export const RACE_BYTES = 16;
/** The round that ends the other thread. */
export const LAST_ROUND = -1;
