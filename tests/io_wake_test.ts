// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Setup } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { faultyCalls, ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { raceWakes, startRacer } from "./wake_races.ts";

const racer = ringOnly.ignore ? undefined : await startRacer();
Deno.test.afterAll(() => racer?.[Symbol.dispose]());

// The ways in which completions run.
// deno-fmt-ignore
const TASK_RUNS = [
  { name: "deferred",    rounds: 1000, withoutFlags: 0 },
  { name: "cooperative", rounds: 500,  withoutFlags: Setup.DEFER_TASKRUN },
  { name: "interrupt",   rounds: 500,  withoutFlags: Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN },
];

for (const { name, rounds, withoutFlags } of TASK_RUNS) {
  leakTest(
    `Engine sees in ${rounds} races with its going to sleep all that happens (${name})`,
    async () => {
      await using own = new TestEngine({ ring: { withoutFlags } });
      await raceWakes(own.engine, racer!, rounds, 1);
    },
    ringOnly,
  );
}

leakTest("Engine sees all that happens where a relay stands before Deno's loop", async () => {
  await using own = new TestEngine({ wakePath: "relay" });
  await raceWakes(own.engine, racer!, 500, 3);
}, ringOnly);

leakTest("Engine sees all that happens while every second enter is interrupted", async () => {
  const calls = faultyCalls({ enter: (count) => count % 2 === 0 ? -Errno.EINTR : undefined });
  await using own = new TestEngine({ ring: { calls } });
  await raceWakes(own.engine, racer!, 300, 2);
}, ringOnly);
