// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CommandDefinition, KeyPositions } from "./command_definition.ts";
import { readText } from "./command_replies.ts";
import type { Argument } from "./request_encoder.ts";

/** The keys among the arguments of a command, as they are. */
export function keysOf(
  { keys, words }: CommandDefinition,
  args: readonly Argument[],
): (string | Uint8Array)[] {
  return keyIndices(keys, words, args).map((index) => {
    const key = args[index]!;
    return key instanceof Uint8Array ? key : String(key);
  });
}

/** Indices of the keys in `args`; the table counts from the first word of the name. */
export function keyIndices(
  keys: readonly KeyPositions[],
  words: number,
  args: readonly Argument[],
): number[] {
  return keys.flatMap((positions) => indicesOf(positions, words, args));
}

function indicesOf(positions: KeyPositions, words: number, args: readonly Argument[]): number[] {
  if (positions.kind === "range") {
    const { first, last, step } = positions;
    const end = last < 0 ? args.length + last : last - words;
    return range(first - words, end, step, args.length);
  }
  if (positions.kind === "counted") {
    const at = positions.count - words;
    return range(at + 1, at + Number(args[at]), 1, args.length);
  }
  const from = positions.from < 0 ? args.length + positions.from : positions.from - words;
  const at = find(args, positions.word, Math.max(from, 0));
  if (at < 0) return [];
  if (positions.what === "one") return range(at + 1, at + 1, 1, args.length);
  const rest = args.length - at - 1;
  const count = positions.what === "half" ? Math.floor(rest / 2) : rest;
  return range(at + 1, at + count, 1, args.length);
}

function find(args: readonly Argument[], word: string, from: number): number {
  return args.findIndex((argument, index) =>
    index >= from && typeof argument !== "number" && typeof argument !== "bigint" &&
    readText(argument).toUpperCase() === word
  );
}

function range(first: number, last: number, step: number, length: number): number[] {
  const indices: number[] = [];
  for (let i = first; i <= last && i < length; i += step) indices.push(i);
  return indices;
}
