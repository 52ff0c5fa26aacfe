// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { EngineCore } from "./engine_core.ts";

/** What an engine is doing, and has done since it was loaded. */
export interface EngineStats {
  /** Steps. */
  readonly steps: number;
  /** Sequences that are computed. */
  readonly running: number;
  /** Sequences that wait for room. */
  readonly waiting: number;
  /** Blocks of keys and values. */
  readonly blocks: number;
  /** Blocks that sequences use. */
  readonly usedBlocks: number;
  /** Blocks, used or not, that the prefix cache can find. */
  readonly cachedBlocks: number;
  /** Times that a sequence lost its blocks to others, and was computed again. */
  readonly preemptions: number;
  /** Tokens that the prefix cache was asked for. */
  readonly prefixQueries: number;
  /** Tokens of those that it had. */
  readonly prefixHits: number;
  /** Tokens of prompts that were read. */
  readonly promptTokens: number;
  /** Tokens of answers. */
  readonly generatedTokens: number;
  /** Tokens that were guessed, and looked at. */
  readonly draftTokens: number;
  /** Tokens of those that were right. */
  readonly acceptedTokens: number;
  /** Requests that came to their end. */
  readonly finishedRequests: number;
  /** Requests that were given up, or failed. */
  readonly abortedRequests: number;
  /** Microseconds of choosing what steps work on, and packing it. */
  readonly prepareUs: number;
  /** Microseconds in the calls that start steps. */
  readonly submitUs: number;
  /** Microseconds of waiting for the device. */
  readonly waitUs: number;
  /** Microseconds of taking what was chosen: text, ends, messages. */
  readonly readUs: number;
  /** Microseconds that the device took, where it can tell. */
  readonly deviceUs: number;
}

// Data: every statistic, in the order in which the threads share them.
// deno-fmt-ignore
const STATISTICS: readonly {
  readonly name: keyof EngineStats;
  readonly of: (core: EngineCore) => number;
}[] = [
  { name: "steps",            of: ({ scheduler }) => scheduler.counters.steps },
  { name: "running",          of: ({ scheduler }) => scheduler.running.length },
  { name: "waiting",          of: ({ scheduler }) => scheduler.waiting.length },
  { name: "blocks",           of: ({ scheduler }) => scheduler.pool.blockCount },
  { name: "usedBlocks",       of: ({ scheduler: { pool } }) => pool.blockCount - pool.freeCount },
  { name: "cachedBlocks",     of: ({ scheduler }) => scheduler.pool.prefixes.size },
  { name: "preemptions",      of: ({ scheduler }) => scheduler.counters.preemptions },
  { name: "prefixQueries",    of: ({ scheduler }) => scheduler.counters.prefixQueries },
  { name: "prefixHits",       of: ({ scheduler }) => scheduler.counters.prefixHits },
  { name: "promptTokens",     of: ({ counters }) => counters.promptTokens },
  { name: "generatedTokens",  of: ({ counters }) => counters.generatedTokens },
  { name: "draftTokens",      of: ({ counters }) => counters.draftTokens },
  { name: "acceptedTokens",   of: ({ counters }) => counters.acceptedTokens },
  { name: "finishedRequests", of: ({ counters }) => counters.finishedRequests },
  { name: "abortedRequests",  of: ({ counters }) => counters.abortedRequests },
  { name: "prepareUs",        of: ({ clock }) => clock.total.prepareUs },
  { name: "submitUs",         of: ({ clock }) => clock.total.submitUs },
  { name: "waitUs",           of: ({ clock }) => clock.total.waitUs },
  { name: "readUs",           of: ({ clock }) => clock.total.readUs },
  { name: "deviceUs",         of: ({ clock }) => clock.total.deviceUs },
];

/** Memory in which {@linkcode publishStatistics} writes and {@linkcode readStatistics} reads. */
export function statisticsMemory(): SharedArrayBuffer {
  return new SharedArrayBuffer(STATISTICS.length * Float64Array.BYTES_PER_ELEMENT);
}

/** Writes the numbers of an engine. */
export function publishStatistics(memory: Float64Array, core: EngineCore): void {
  for (let i = 0; i < STATISTICS.length; i++) memory[i] = STATISTICS[i]!.of(core);
}

/** Reads the numbers of an engine; each is right, some may be a step older than others. */
export function readStatistics(memory: Float64Array): EngineStats {
  const entries = STATISTICS.map(({ name }, i) => [name, memory[i]!]);
  return Object.fromEntries(entries) as unknown as EngineStats;
}
