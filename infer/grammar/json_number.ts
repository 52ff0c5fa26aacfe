// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { choice, type GrammarNode, oneOf, sequence, text } from "./grammar_node.ts";

/** Between which a number must be; exclusive ones are not allowed themselves. */
export interface NumberBounds {
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

/** Digits that a number has at most: decimals of as many are all different as binary numbers. */
const DIGITS_MAX = 15;

/** Digits behind the point that are allowed beyond those of the bounds. */
const MORE_DECIMALS = 3;

/** Where a bound is missing: as many digits before the point, or all numbers that are exact. */
const WIDEST = 10n ** BigInt(DIGITS_MAX) - 1n;
const WIDEST_WHOLE = BigInt(Number.MAX_SAFE_INTEGER);

/** Whether a bound can be kept to: what a document's digits say is then what a reader sees. */
export function isExact(bound: number): boolean {
  return Number.isSafeInteger(bound) || wholeDigitsOf(bound) + decimalsOf(bound) <= DIGITS_MAX;
}

/** Whole numbers within bounds, exactly. */
export function integersWithin(bounds: NumberBounds): GrammarNode {
  return decimalsWithin(bounds, 0);
}

/**
 * Numbers within bounds, written without an exponent, with up to three digits more behind the point
 * than the bounds have.
 */
export function numbersWithin(bounds: NumberBounds): GrammarNode {
  const values: number[] = Object.values(bounds);
  const most = Math.min(
    Math.max(...values.map(decimalsOf)) + MORE_DECIMALS,
    Math.max(0, DIGITS_MAX - Math.max(...values.map(wholeDigitsOf))),
  );
  return choice(...Array.from({ length: most + 1 }, (_, i) => decimalsWithin(bounds, i)));
}

/** Digits before the point. */
function wholeDigitsOf(value: number): number {
  return `${Math.trunc(Math.abs(value))}`.length + (Math.abs(value) < 1e21 ? 0 : DIGITS_MAX);
}

/** Digits behind the point of a number as JavaScript writes it. */
function decimalsOf(value: number): number {
  const [, fraction = "", exponent = "0"] = /^-?\d+\.?(\d*)(?:e([-+]\d+))?$/.exec(`${value}`)!;
  return Math.max(fraction.length - Number(exponent), 0);
}

/** Numbers within bounds with exactly so many digits behind the point. */
function decimalsWithin(bounds: NumberBounds, decimals: number): GrammarNode {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum } = bounds;
  const widest = decimals === 0 ? WIDEST_WHOLE : WIDEST * 10n ** BigInt(decimals);
  let [low, high] = [-widest, widest];
  const raise = (to: bigint) => low = to > low ? to : low;
  const lower = (to: bigint) => high = to < high ? to : high;
  if (minimum !== undefined) raise(-floorScaled(-minimum, decimals));
  if (maximum !== undefined) lower(floorScaled(maximum, decimals));
  if (exclusiveMinimum !== undefined) raise(floorScaled(exclusiveMinimum, decimals) + 1n);
  if (exclusiveMaximum !== undefined) lower(-floorScaled(-exclusiveMaximum, decimals) - 1n);
  const negative = magnitudes(high < 0n ? -high : 1n, -low, decimals);
  const positive = magnitudes(low > 0n ? low : 0n, high, decimals);
  return choice(...negative.map((node) => sequence(text("-"), node)), ...positive);
}

/** The number times a power of ten, rounded down. */
function floorScaled(value: number, decimals: number): bigint {
  const places = decimalsOf(value);
  const [mantissa, exponent = "0"] = `${value}`.split("e");
  const digits = BigInt(mantissa!.replace(".", ""));
  const fraction = mantissa!.split(".")[1]?.length ?? 0;
  // value = digits * 10 ** (exponent - fraction)
  const power = Number(exponent) - fraction + decimals;
  if (power >= 0) return digits * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(Math.min(-power, places + decimals));
  const quotient = digits / divisor;
  return digits < 0n && digits % divisor !== 0n ? quotient - 1n : quotient;
}

/** Numbers from one to another, neither negative, scaled, by their lengths in digits. */
function magnitudes(low: bigint, high: bigint, decimals: number): GrammarNode[] {
  const nodes: GrammarNode[] = [];
  const lengthMin = decimals + 1;
  for (let length = lengthMin; low <= high && length <= `${high}`.length + decimals; length++) {
    const least = length === lengthMin ? 0n : 10n ** BigInt(length - 1);
    const most = 10n ** BigInt(length) - 1n;
    const [from, to] = [low > least ? low : least, high < most ? high : most];
    if (from > to) continue;
    const digits = (value: bigint) => `${value}`.padStart(length, "0");
    nodes.push(between(digits(from), digits(to), length - decimals));
  }
  return nodes;
}

/** Digits from one text to another of the same length, with a point before the place `point`. */
function between(low: string, high: string, point: number): GrammarNode {
  if (low === "") return text("");
  if (point === 0) return sequence(text("."), between(low, high, -1));
  const [first, last] = [Number(low[0]), Number(high[0])];
  const [lowRest, highRest] = [low.slice(1), high.slice(1)];
  const next = (from: string, to: string) => between(from, to, point - 1);
  if (first === last) return sequence(text(low[0]!), next(lowRest, highRest));
  const [nines, zeros] = ["9".repeat(lowRest.length), "0".repeat(lowRest.length)];
  const options: GrammarNode[] = [];
  const [isFromLeast, isToMost] = [lowRest === zeros, highRest === nines];
  if (!isFromLeast) options.push(sequence(text(low[0]!), next(lowRest, nines)));
  const [from, to] = [isFromLeast ? first : first + 1, isToMost ? last : last - 1];
  if (from <= to) options.push(sequence(oneOf(`${from}${to}`), next(zeros, nines)));
  if (!isToMost) options.push(sequence(text(high[0]!), next(zeros, highRest)));
  return choice(...options);
}
