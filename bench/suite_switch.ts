// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { switchCases } from "./peers/switch_cases.ts";
import { denoPeer } from "./programs.ts";
import type { Outcome, Plan, Prepared, Suite } from "./suite.ts";

/** What coroutines cost: tasks, locks, channels and yields, beside a bare `await`. */
export const suite: Suite = {
  title: "one coroutine primitive, in one process",
  // deno-fmt-ignore
  columns: [
    { metric: "median", head: "ns",     unit: "ns", digits: 1 },
    { metric: "fast",   head: "p10 ns", unit: "ns", digits: 1 },
    { metric: "slow",   head: "p90 ns", unit: "ns", digits: 1 },
  ],
  ratios: [{ metric: "median", baseline: "await" }],
  prepare,
  values,
};

const WINDOW_SECONDS = 2;
const QUICK_WINDOW_SECONDS = 1;

function prepare({ quick }: Plan): Promise<Prepared> {
  const seconds = quick ? QUICK_WINDOW_SECONDS : WINDOW_SECONDS;
  const cases = Object.keys(switchCases).map((name) => ({
    name,
    subjects: ["ours", "await"].map((subject) => ({
      name: subject,
      load: () => denoPeer("switch_loop.ts", name, subject, String(seconds)),
    })),
  }));
  return Promise.resolve({ cases, notes: [`${seconds} s a run; ns for each operation`] });
}

function values({ report }: Outcome): Record<string, number> {
  return { median: report.medianNs!, fast: report.p10Ns!, slow: report.p90Ns! };
}
