// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/** What a scheduler has done since it was made, in tokens where nothing else is said. */
export interface SchedulerCounters {
  /** Steps. */
  steps: number;
  /** Sequences that lost their blocks to others. */
  preemptions: number;
  /** Tokens that the prefix cache was asked for. */
  prefixQueries: number;
  /** Tokens of those that it had. */
  prefixHits: number;
}
