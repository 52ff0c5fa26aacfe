// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** Whole numbers from 0 up to but not including `limit`, the same ones for the same seed. */
export type RandomInteger = (limit: number) => number;

/** A generator of random numbers that a failure can be repeated with (mulberry32). */
export function seededRandom(seed: number): RandomInteger {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let bits = Math.imul(state ^ state >>> 15, state | 1);
    bits ^= bits + Math.imul(bits ^ bits >>> 7, bits | 61);
    return ((bits ^ bits >>> 14) >>> 0) % limit;
  };
}

/**
 * Lengths of pieces, small and large mixed as real programs do: most fit a small block, some fill
 * several large ones.
 */
export function randomLength(random: RandomInteger, bytesMax: number): number {
  const scale = [16, 600, 5_000, 70_000][random(4)];
  return 1 + random(Math.min(scale, bytesMax));
}
