// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Setup } from "../ffi/abi.ts";
import { raceAborts, raceCancels } from "./cancel_races.ts";
import { ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";

// The ways in which completions run; disposing the engine checks that none was stale.
// deno-fmt-ignore
const TASK_RUNS = [
  { name: "deferred",    races: 100_000, withoutFlags: 0 },
  { name: "cooperative", races: 50_000, withoutFlags: Setup.DEFER_TASKRUN },
  { name: "interrupt",   races: 50_000, withoutFlags: Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN },
];

for (const { name, races, withoutFlags } of TASK_RUNS) {
  leakTest(
    `Engine answers ${races} reads once that are cancelled as they complete (${name})`,
    async () => {
      await using own = new TestEngine({ ring: { withoutFlags } });
      await raceCancels(own.engine, races, 1);
    },
    ringOnly,
  );

  leakTest(
    `Receiver keeps every byte of ${races / 5} reads that are aborted as they complete (${name})`,
    async () => {
      await using own = new TestEngine({ ring: { withoutFlags } });
      await raceAborts(own.engine, races / 5, 2);
    },
    ringOnly,
  );
}
