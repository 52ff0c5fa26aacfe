// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { CommandDefinition } from "./command_definition.ts";
import type { CommandSender } from "./command_sender.ts";
import type { Reply } from "./reply.ts";
import type { Argument } from "./request_encoder.ts";
import { slotOf } from "./slot.ts";

/** How the replies of the parts become one. */
type Join = (parts: readonly Part[], replies: readonly Reply[], count: number) => Reply;

interface Part {
  readonly args: Argument[];
  /** Which of the items they are. */
  readonly indices: number[];
}

// Data: commands that can be taken apart: arguments of one item, and what becomes of the replies.
const COMMANDS: Record<string, { readonly step: number; readonly join: Join }> = {
  DEL: { step: 1, join: sum },
  EXISTS: { step: 1, join: sum },
  MGET: { step: 1, join: inOrder },
  MSET: { step: 2, join: first },
  TOUCH: { step: 1, join: sum },
  UNLINK: { step: 1, join: sum },
};

/**
 * Takes a command apart, slot by slot, where that makes sense; undefined where it does not. The
 * parts are independent: when one fails the others may have been executed.
 */
export function fanOut(
  sender: CommandSender<string>,
  definition: CommandDefinition,
  args: readonly Argument[],
  asBytes: boolean,
): Promise<Reply> | undefined {
  const how = COMMANDS[definition.name];
  if (how === undefined) return undefined;
  const parts = new Map<number, Part>();
  for (let i = 0; i < args.length; i += how.step) {
    const key = args[i]!;
    const slot = slotOf(key instanceof Uint8Array ? key : String(key));
    const part = parts.get(slot) ?? { args: [], indices: [] };
    part.args.push(...args.slice(i, i + how.step));
    part.indices.push(i / how.step);
    parts.set(slot, part);
  }
  const list = [...parts.values()];
  const sent = list.map((part) => sender.send<Reply>(definition, part.args, undefined, asBytes));
  return Promise.all(sent).then((replies) => how.join(list, replies, args.length / how.step));
}

// Data: commands that are for every master, and what becomes of their replies.
const FOR_ALL: Record<string, (replies: readonly Reply[]) => Reply> = {
  DBSIZE: (replies) => sum([], replies),
  FLUSHALL: (replies) => replies[0]!,
  FLUSHDB: (replies) => replies[0]!,
  "FUNCTION DELETE": (replies) => replies[0]!,
  "FUNCTION FLUSH": (replies) => replies[0]!,
  "FUNCTION LOAD": (replies) => replies[0]!,
  KEYS: (replies) => replies.flatMap((keys) => keys as Reply[]),
  "SCRIPT FLUSH": (replies) => replies[0]!,
  "SCRIPT LOAD": (replies) => replies[0]!,
};

/**
 * Sends a command to all masters, where it is meant for all; undefined where it is not.
 *
 * @throws {TypeError} for `SCAN`, whose cursor is one node's
 */
export function sendToAll(
  masters: () => Promise<readonly CommandSender<string>[]>,
  definition: CommandDefinition,
  args: readonly Argument[],
  asBytes: boolean,
): Promise<Reply> | undefined {
  const { name } = definition;
  if (name === "SCAN") {
    throw new TypeError("Cannot scan a cluster: scan each client of masters()");
  }
  const joined = FOR_ALL[name];
  if (joined === undefined) return undefined;
  return masters().then(async (nodes) => {
    const sent = nodes.map((node) => node.send<Reply>(definition, args, undefined, asBytes));
    return joined(await Promise.all(sent));
  });
}

function sum(_parts: readonly Part[], replies: readonly Reply[]): Reply {
  return replies.reduce<number>((total, count) => total + Number(count), 0);
}

function first(_parts: readonly Part[], replies: readonly Reply[]): Reply {
  return replies[0]!;
}

function inOrder(parts: readonly Part[], replies: readonly Reply[], count: number): Reply {
  const items: Reply[] = new Array(count).fill(null);
  for (const [p, { indices }] of parts.entries()) {
    for (const [i, index] of indices.entries()) items[index] = (replies[p] as Reply[])[i]!;
  }
  return items;
}
