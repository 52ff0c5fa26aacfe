// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import fc from "fast-check";
import { play, runArbitrary } from "./infer_scheduler_run.ts";

const RUNS = 50_000;

Deno.test(`${RUNS} random runs of the scheduler keep to the rules`, () => {
  fc.assert(fc.property(runArbitrary, (run) => void play(run)), { numRuns: RUNS });
});
