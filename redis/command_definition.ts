// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { encodeHead } from "./request_encoder.ts";

/** Where the keys of a command are among its words; 0 is the name itself. */
export type KeyPositions =
  | { readonly kind: "range"; readonly first: number; readonly last: number; readonly step: number }
  | { readonly kind: "counted"; readonly count: number }
  | { readonly kind: "after"; readonly word: string; readonly from: number; readonly what: string };

/**
 * Reads the short form of the table: `1`, `1..-1`, `1..-1/2`, `#2` (a count, and so many behind
 * it), `STREAMS+4:half` (behind the word, looked for from place 4 on), `?` (nobody knows).
 */
export function parseKeys(text: string): KeyPositions[] {
  return text.split(" ").filter((part) => part !== "" && part !== "?").map((part) => {
    if (part.startsWith("#")) return { kind: "counted", count: Number(part.slice(1)) };
    const after = /^(\w+)\+(-?\d+):(\w+)$/.exec(part);
    if (after) return { kind: "after", word: after[1]!, from: Number(after[2]), what: after[3]! };
    const [, first, last, step] = /^(\d+)(?:\.\.(-?\d+))?(?:\/(\d+))?$/.exec(part)!;
    return {
      ...{ kind: "range", first: Number(first), last: Number(last ?? first) },
      step: Number(step ?? 1),
    };
  });
}

/** What is known of a command. */
export interface CommandDefinition {
  /** Its name and, where it has one, its subcommand: `CLIENT SETNAME`. */
  readonly name: string;
  /** Words of the whole request; negative when there may be more. */
  readonly arity: number;
  /** Flags as the server's `COMMAND INFO` names them. */
  readonly flags: ReadonlySet<string>;
  /** Where its keys are. */
  readonly keys: readonly KeyPositions[];
  /** The name as it leaves. */
  readonly head: Uint8Array;
  /** Words of the name. */
  readonly words: number;
  /** May be repeated when its answer was lost: it changes nothing. */
  readonly isReplayable: boolean;
  /** Changes what its connection is, so it cannot be sent on one that others share. */
  readonly isExclusive: boolean;
  /** Has no reply, or one of its own kind: only what this module has for it may send it. */
  readonly isWithoutReply: boolean;
  /** May hold its connection until something happens. */
  readonly isBlocking: boolean;
}

/** Makes a definition from one row of the table. */
export function defineCommand(
  name: string,
  arity: number,
  flags: string,
  keys: readonly KeyPositions[],
): CommandDefinition {
  const words = name.split(" ");
  const flagSet = new Set(flags === "" ? [] : flags.split(" "));
  return {
    name,
    arity,
    flags: flagSet,
    keys,
    head: encodeHead(...words),
    words: words.length,
    isReplayable: flagSet.has("readonly") && !flagSet.has("blocking"),
    isExclusive: EXCLUSIVE.has(name) || WITHOUT_REPLY.has(name),
    isWithoutReply: WITHOUT_REPLY.has(name),
    // WAIT and WAITAOF are about what was written on the same connection.
    isBlocking: flagSet.has("blocking") && !name.startsWith("WAIT"),
  };
}

// Data: commands after which a connection is not what it was.
const EXCLUSIVE = new Set([
  ...["MULTI", "EXEC", "DISCARD", "WATCH", "UNWATCH", "SELECT", "HELLO", "AUTH", "RESET", "QUIT"],
  "ASKING",
]);

// Data: commands that are not answered one by one.
const WITHOUT_REPLY = new Set([
  ...["SUBSCRIBE", "PSUBSCRIBE", "SSUBSCRIBE", "UNSUBSCRIBE", "PUNSUBSCRIBE", "SUNSUBSCRIBE"],
  ...["MONITOR", "SYNC", "PSYNC", "CLIENT REPLY"],
]);
