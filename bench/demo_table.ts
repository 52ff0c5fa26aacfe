// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { Transport } from "./demo_service.ts";
import type { Subject } from "./demo_subjects.ts";
import type { Sample, Workload } from "./demo_workload.ts";
import { median } from "./rounds.ts";

/** What all rounds of one combination have shown. */
export interface Result {
  /** The load. */
  readonly workload: Workload;
  /** How the clients reached the service. */
  readonly transport: Transport;
  /** Whose code ran at both ends. */
  readonly subject: Subject;
  /** One for each round. */
  readonly samples: readonly Sample[];
}

/**
 * A block for each workload: ours, Deno and the quotient of the two for each transport. Rates and
 * times are medians of the rounds; CPU is their mean, for it comes in ticks of 10 ms.
 */
export function table(results: readonly Result[]): string {
  const workloads = [...new Set(results.map(({ workload }) => workload))];
  const blocks = workloads.map((workload) =>
    block(workload, results.filter((result) => result.workload === workload))
  );
  return blocks.join("\n\n");
}

interface Column {
  readonly head: (unit: string) => string;
  readonly roundTrips?: true;
  readonly value: (samples: readonly Sample[]) => number;
}

// deno-fmt-ignore
const COLUMNS: readonly Column[] = [
  { head: (unit) => `${unit}/s`,         value: (samples) => median(samples.map((it) => it.rate)) },
  { head: () => "p50 us",              value: (samples) => median(samples.map((it) => it.p50Us)), roundTrips: true },
  { head: () => "p99 us",              value: (samples) => median(samples.map((it) => it.p99Us)), roundTrips: true },
  { head: (unit) => `user us/${unit}`,   value: (samples) => mean(samples.map((it) => it.userUs)) },
  { head: (unit) => `system us/${unit}`, value: (samples) => mean(samples.map((it) => it.systemUs)) },
];

/** Numbers from here on are printed without digits behind the point. */
const WHOLE_FROM = 100;

function block(workload: Workload, results: readonly Result[]): string {
  const columns = COLUMNS.filter(({ roundTrips }) => !roundTrips || workload.timesRoundTrips);
  const rows = [["", "", ...columns.map(({ head }) => head(workload.unit))]];
  const transports = [...new Set(results.map(({ transport }) => transport))];
  for (const transport of transports) {
    const [ours, deno] = (["ours", "Deno"] as const).map((subject) => {
      const one = results.find((it) => it.transport === transport && it.subject === subject)!;
      return columns.map(({ value }) => value(one.samples));
    });
    const ratios = ours!.map((value, index) => value / deno![index]!);
    rows.push([transport, "ours", ...ours!.map(number)]);
    rows.push(["", "Deno", ...deno!.map(number)]);
    rows.push(["", "ours / Deno", ...ratios.map(number)]);
  }
  return [workload.title, ...aligned(rows)].join("\n");
}

function number(value: number): string {
  if (!Number.isFinite(value)) return "n/a";
  return value.toFixed(value < WHOLE_FROM ? 2 : 0);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Names to the left, numbers to the right. */
function aligned(rows: readonly string[][]): string[] {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) =>
    row.map((cell, column) =>
      column < 2 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!)
    ).join("  ")
  );
}
