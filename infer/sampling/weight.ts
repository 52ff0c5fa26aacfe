// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

// What a draw computes with, as sample_math.h has it in C: every operation is rounded once, as
// IEEE 754 has it, so that a token that is drawn is the same wherever it is drawn. `Math.exp` and
// `Math.log` may differ in the last bit from one engine, or processor, to another.

/**
 * What is less likely beside the likeliest token, whose weight is 1, is never drawn: that one runs
 * for 22.9 at most, and nothing for less than 2^-33.
 */
export const LOG_WEIGHT_LEAST = -27;

/** What a weight of 1 is as a mass; the masses of 2^20 tokens have an exact sum. */
export const MASS_ONE = 2 ** 32;

const { fround } = Math;
const LOG2_E = fround(Math.LOG2E);
/** The logarithm of 2 in two pieces; the first has so few bits that its multiples are exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = fround(Math.LN2 - LN2_HIGH);
const [C3, C4, C5, C6, C7] = [1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040].map(fround) as [
  ...[number, number, number, number, number],
];
const POWERS_OF_HALF = Float64Array.from({ length: 40 }, (_, i) => 2 ** -i);

/**
 * The exponential of an F32 from {@linkcode LOG_WEIGHT_LEAST} to 0, an F32 within two units of its
 * last place: 2^n times the Taylor polynomial of what is left, which is half of log 2 at most.
 */
export function weightOf(log: number): number {
  const n = Math.floor(fround(fround(log * LOG2_E) + 0.5));
  const r = fround(fround(log - fround(n * LN2_HIGH)) - fround(n * LN2_LOW));
  let sum = fround(fround(C7 * r) + C6);
  sum = fround(fround(sum * r) + C5);
  sum = fround(fround(sum * r) + C4);
  sum = fround(fround(sum * r) + C3);
  sum = fround(fround(sum * r) + 0.5);
  sum = fround(fround(sum * r) + 1);
  sum = fround(fround(sum * r) + 1);
  return sum * POWERS_OF_HALF[-n]!;
}

/** A weight up to 1 as a whole number: sums of masses do not depend on their order. */
export function massOf(weight: number): number {
  return Math.floor(weight * MASS_ONE + 0.5);
}

/**
 * How long a token runs in a race of exponential times, `-log((noise + 0.5) / 2^32)`: the series of
 * `2 atanh(f / (2 + f))` for a mantissa `1 + f` between the roots of a half and of 2.
 */
export function raceTime(noise: number): number {
  number[0] = (noise + 0.5) / 2 ** 32;
  const high = words[1]!;
  let exponent = (high >>> 20) - 1023;
  words[1] = high & 0xf_ffff | 0x3ff0_0000;
  let mantissa = number[0]!;
  if (mantissa > Math.SQRT2) [mantissa, exponent] = [mantissa * 0.5, exponent + 1];
  const f = mantissa - 1;
  const s = f / (2 + f);
  const z = s * s;
  let sum = ODD_FRACTIONS[0]!;
  for (let i = 1; i < ODD_FRACTIONS.length; i++) sum = sum * z + ODD_FRACTIONS[i]!;
  return -(exponent * Math.LN2 + 2 * s * sum);
}

const number = new Float64Array(1);
/** Little-endian, as all processors are that Deno runs on. */
const words = new Uint32Array(number.buffer);
/** 1/21 to 1. */
const ODD_FRACTIONS = Float64Array.from({ length: 11 }, (_, i) => 1 / (21 - 2 * i));
