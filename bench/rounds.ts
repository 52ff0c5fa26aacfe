// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import { commandText, runLoad, Server } from "./process.ts";
import type { Placement } from "./placement.ts";
import { type Case, Missing, type Subject, type Suite } from "./suite.ts";

/** What the rounds of one case gave for one subject. */
export interface Result {
  /** Name of the subject. */
  readonly subject: string;
  /** Numbers of each round, by metric. */
  readonly rounds: Record<string, number>[];
  /** Command lines that were run, server first; empty before the first run. */
  command: string;
  /** What the server said about itself. */
  note: string;
  /** Why there are no numbers: `missing: ...` or `failed: ...`. */
  trouble: string | null;
}

/**
 * Measures all subjects of a case once per round, so that a drift of the machine meets them all.
 * Every run starts a fresh server. Each round begins with the next subject. A subject that is
 * missing or that fails once is not run again and says why.
 */
export async function measureCase(
  suite: Suite,
  { subjects }: Case,
  { rounds, placement }: { rounds: number; placement: Placement },
  progress: (subject: string, round: number) => void,
): Promise<Result[]> {
  const results = subjects.map(emptyResult);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < subjects.length; turn++) {
      const index = (round + turn) % subjects.length;
      const result = results[index]!;
      if (result.trouble !== null) continue;
      progress(result.subject, round);
      try {
        result.rounds.push(await measure(suite, subjects[index]!, placement, result));
      } catch (error) {
        result.trouble = `failed: ${error instanceof Error ? error.message : error}`;
      }
    }
  }
  return results;
}

/** Median of some numbers; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  if (sorted.length % 2 === 1) return sorted[middle]!;
  return (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function emptyResult({ name, server }: Subject): Result {
  const trouble = server instanceof Missing ? `missing: ${server.reason}` : null;
  return { subject: name, rounds: [], command: "", note: "", trouble };
}

async function measure(
  suite: Suite,
  subject: Subject,
  placement: Placement,
  result: Result,
): Promise<Record<string, number>> {
  // Typed as such, for a Missing one never gets here.
  const command = subject.server as CommandLine | undefined;
  if (command === undefined) {
    const own = subject.load(0);
    const load = subject.everyCpu ? own : placement.onServerCpu(own);
    result.command = commandText(load);
    return suite.values(await runLoad(load, null));
  }
  const placed = placement.onServerCpu(command);
  await using server = await Server.start(placed);
  const load = placement.onLoadCpu(subject.load(server.port));
  result.command = `${commandText(placed)} | ${commandText(load)}`;
  result.note = server.note;
  return suite.values(await runLoad(load, server));
}
