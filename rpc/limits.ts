// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Longest message by default, in bytes. */
export const MESSAGE_BYTES_MAX = 67_108_864;
/** Bytes that a stream may send before the receiver has taken some, by default. */
export const WINDOW_BYTES = 262_144;
