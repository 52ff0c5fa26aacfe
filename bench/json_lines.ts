// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { median, type Result } from "./rounds.ts";
import type { Case, Suite } from "./suite.ts";

/**
 * One JSON object per subject and metric, each with its line end:
 * `{"suite","case","subject","metric","value","unit","runs":[...],"command"}`, `value` being the
 * median of `runs`. A subject without numbers gets one object with the metric `trouble`, the value
 * null and the cause as `reason`.
 */
export function jsonLines(name: string, suite: Suite, one: Case, results: Result[]): string {
  let lines = "";
  for (const { subject, rounds, command, trouble } of results) {
    const head = { suite: name, case: one.name, subject };
    if (trouble !== null) {
      const body = { metric: "trouble", value: null, unit: "", runs: [], command, reason: trouble };
      lines += JSON.stringify({ ...head, ...body }) + "\n";
      continue;
    }
    for (const { metric, unit } of suite.columns) {
      const runs = rounds.map((round) => round[metric]).filter((value) => value !== undefined);
      if (runs.length === 0) continue;
      const body = { metric, value: median(runs), unit, runs, command };
      lines += JSON.stringify({ ...head, ...body }) + "\n";
    }
  }
  return lines;
}
