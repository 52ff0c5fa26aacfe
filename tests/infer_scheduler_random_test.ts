// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert } from "@std/assert";
import fc from "fast-check";
import { play, runArbitrary } from "./infer_scheduler_run.ts";

// What the scheduler must never do, in random runs; `infer_scheduler_soak.ts` makes many more.

const RUNS = 2_000;

Deno.test("random runs: every answer is that of the request alone, and no block is lost", () => {
  const totals = { preemptions: 0, prefixHits: 0, steps: 0 };
  const property = fc.property(runArbitrary, (run) => {
    const counters = play(run);
    totals.preemptions += counters.preemptions;
    totals.prefixHits += counters.prefixHits;
    totals.steps += counters.steps;
  });
  fc.assert(property, { seed: 13, numRuns: RUNS });
  // The runs are of use only where these happen often.
  assert(totals.preemptions > RUNS / 4, `only ${totals.preemptions} preemptions`);
  assert(totals.prefixHits > RUNS, `only ${totals.prefixHits} tokens were found again`);
});
