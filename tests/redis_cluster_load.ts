// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { Commands } from "../redis/commands.ts";
import { ConnectionLostError, ReplyError } from "../redis/redis_error.ts";

/** What the writers of a load saw. */
export interface LoadReport {
  /** The counter of each key that the server acknowledged last. */
  readonly acknowledged: Map<string, number>;
  /** Writes that were acknowledged. */
  writes: number;
  /** Writes with an unknown outcome. */
  unknown: number;
  /** Writes that were refused or not sent: not executed. */
  refused: number;
  /** Replies that belonged to another command. */
  wrong: number;
}

/**
 * Writes ever higher counters to keys of its own in each lane, checks each reply, and tells what
 * the server acknowledged. Ends when `isOver` says so.
 */
export async function writeLoad(
  commands: Commands<string>,
  lanes: number,
  isOver: () => boolean,
): Promise<LoadReport> {
  const report: LoadReport = {
    acknowledged: new Map(),
    ...{ writes: 0, unknown: 0, refused: 0, wrong: 0 },
  };
  await Promise.all(Array.from({ length: lanes }, async (_, lane) => {
    for (let value = 1; !isOver(); value++) await writeOne(commands, `key:${lane}`, value, report);
  }));
  return report;
}

async function writeOne(
  commands: Commands<string>,
  key: string,
  value: number,
  report: LoadReport,
): Promise<void> {
  try {
    // The old value tells whether this reply belongs to this command.
    const old = Number(await commands.set(key, value, { GET: true }) ?? 0);
    if (old >= value) report.wrong++;
    report.acknowledged.set(key, value);
    report.writes++;
  } catch (error) {
    if (error instanceof ConnectionLostError && error.outcome === "unknown") report.unknown++;
    else if (error instanceof ConnectionLostError || error instanceof ReplyError) report.refused++;
    else throw error;
  }
}
