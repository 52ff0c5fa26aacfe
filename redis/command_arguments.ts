// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Argument } from "./request_encoder.ts";

/** A key. */
export type Key = string | Uint8Array;
/** One of them or several. */
export type Many<T> = T | readonly T[];
/** A number, or text such as `"(1"`, `"-inf"`. */
export type Score = number | string;
/** Names with values. */
export type Pairs<A, B> =
  | Iterable<readonly [A, B]>
  | (string extends A ? Readonly<Record<string, B>> : never);
/** Several of what belongs together. */
export type Tuples<T extends readonly Argument[]> = Iterable<T>;
/** What an option of a command may be. */
export type OptionValue = Argument | boolean | readonly Argument[] | undefined;

/** Adds one or several. */
export function pushMany(args: Argument[], values: Many<Argument>): void {
  if (Array.isArray(values)) { for (const value of values) args.push(value); }
  else args.push(values as Argument);
}

/** Adds how many, and these. */
export function pushCounted(args: Argument[], values: Many<Argument>): void {
  args.push(Array.isArray(values) ? values.length : 1);
  pushMany(args, values);
}

/** Adds what belongs together, one after the other; says how many. */
export function pushTuples(
  args: Argument[],
  tuples: Iterable<readonly Argument[]> | Readonly<Record<string, Argument>>,
): number {
  let count = 0;
  const rows = Symbol.iterator in tuples ? tuples : Object.entries(tuples);
  for (const row of rows as Iterable<readonly Argument[]>) {
    for (const value of row) args.push(value);
    count++;
  }
  return count;
}

/** Adds how many, and what belongs together. */
export function pushCountedTuples(
  args: Argument[],
  tuples: Iterable<readonly Argument[]> | Readonly<Record<string, Argument>>,
): void {
  const at = args.push(0) - 1;
  args[at] = pushTuples(args, tuples);
}

/** Adds an option by its word: alone for true, else with its values. */
export function pushOption(args: Argument[], word: string, value: OptionValue): void {
  if (value === undefined || value === false) return;
  args.push(word);
  if (value !== true) pushMany(args, value);
}

/** Adds an option that has no word. */
export function pushValue(args: Argument[], value: OptionValue): void {
  if (value !== undefined && typeof value !== "boolean") pushMany(args, value);
}

/** Adds an option as often as it has values. */
export function pushRepeated(
  args: Argument[],
  word: string,
  values: Many<Argument> | undefined,
): void {
  if (values === undefined) return;
  for (const value of Array.isArray(values) ? values : [values]) args.push(word, value);
}

/** Adds one of several ways to say something: `{ FROMMEMBER: "Rome" }`. */
export function pushChoice(args: Argument[], choice: string | object): void {
  if (typeof choice === "string") args.push(choice);
  else pushWords(args, choice);
}

function pushWords(args: Argument[], choice: object): void {
  for (const [word, value] of Object.entries(choice)) {
    // The numbers of a vector: how many there are comes first.
    pushOption(args, word, word === "VALUES" ? [value.length, ...value] : value);
  }
}
