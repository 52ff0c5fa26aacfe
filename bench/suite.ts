// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { CommandLine } from "./command_line.ts";
import type { CpuTimes } from "./cpu.ts";
import type { Placement } from "./placement.ts";

/**
 * One family of measurements that share a table. A file `suite_<name>.ts` exports one as `suite`,
 * and `deno task bench <name>` finds it by that name.
 */
export interface Suite {
  /** What is measured, in a few words, for the head of the table. */
  readonly title: string;
  /** Numbers of one row, in the order in which they are printed. */
  readonly columns: readonly Column[];
  /** Columns that divide a subject's number by another's of the same round. */
  readonly ratios: readonly Ratio[];
  /** Rounds that are run at least, unless `--runs` says otherwise. */
  readonly roundsMin?: number;
  /** Builds what has to be built and lists what to measure. */
  prepare(plan: Plan): Promise<Prepared>;
  /** The numbers of one run by the metric names of `columns`; one left out prints as "-". */
  values(outcome: Outcome): Record<string, number>;
}

/** One number of a row. */
export interface Column {
  /** Name in the JSON lines, and key of what {@linkcode Suite.values} returns. */
  readonly metric: string;
  /** Head of the column in the table. */
  readonly head: string;
  /** Unit in the JSON lines. */
  readonly unit: string;
  /** Digits behind the point. */
  readonly digits: number;
}

/** One column that compares: a metric as a multiple of the one of the `baseline` subject. */
export interface Ratio {
  /** The metric that is divided. */
  readonly metric: string;
  /** The subject whose number is 1. */
  readonly baseline: string;
}

/** What the command line asks of a suite. */
export interface Plan {
  /** Keep the whole suite under a minute. */
  readonly quick: boolean;
  /** CPUs to use; the runner applies it to servers and loads by itself. */
  readonly placement: Placement;
}

/** What a suite is going to measure. */
export interface Prepared {
  /** Measured one after the other. */
  readonly cases: readonly Case[];
  /** Lines under the head of the table: which load, which window. */
  readonly notes: readonly string[];
  /** Ends what was started for all cases. */
  end?(): Promise<void>;
}

/** One situation, in which all subjects are measured in turn. */
export interface Case {
  /** Said in words: `64 B, 1 connection`. */
  readonly name: string;
  /** Measured round robin, once per round. */
  readonly subjects: readonly Subject[];
}

/** One thing to measure: a server under a load, or a program that measures itself. */
export interface Subject {
  /** Short name, the same in every case. */
  readonly name: string;
  /**
   * Prints one line `listening <port> [note]` when it is ready and runs until SIGTERM. Undefined
   * when the load needs no server; `Missing` when this machine has no such server.
   */
  readonly server?: CommandLine | Missing | undefined;
  /** Whether a load without a server may use every CPU, as it has threads of its own. */
  readonly everyCpu?: boolean;
  /**
   * Prints the line `measuring` when it is warm, and one JSON object of numbers when the window,
   * of a second or more, is over. `port` is the server's, or 0.
   */
  load(port: number): CommandLine;
}

/** Stands in for a program that this machine does not have. */
export class Missing {
  /** Why, in words. */
  readonly reason: string;

  /** Keeps the reason for the table. */
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** What one run gave. */
export interface Outcome {
  /** The JSON object that the load printed. */
  readonly report: Record<string, number>;
  /** CPU that the server used in the window; null without a server or without /proc. */
  readonly cpu: CpuTimes | null;
}
