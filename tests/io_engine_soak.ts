// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { Setup } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { raceAborts, raceCancels, seededRandom } from "./cancel_races.ts";
import { exchange } from "./engine_streams.ts";
import {
  EntryFaults,
  faultyCalls,
  type RingFaults,
  ringOnly,
  shortTransfers,
  TestEngine,
} from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { raceWakes, startRacer } from "./wake_races.ts";

// The long versions of what `io_engine_races_test.ts`, `io_wake_test.ts` and
// `io_engine_faults_test.ts` do briefly: about two minutes.

const racer = ringOnly.ignore ? undefined : await startRacer();
Deno.test.afterAll(() => racer?.[Symbol.dispose]());

/** Exchanges of each series of faults. */
const FAULT_ROUNDS = 200;

// The ways in which completions run.
// deno-fmt-ignore
const TASK_RUNS = [
  { name: "deferred",    withoutFlags: 0 },
  { name: "cooperative", withoutFlags: Setup.DEFER_TASKRUN },
  { name: "interrupt",   withoutFlags: Setup.DEFER_TASKRUN | Setup.COOP_TASKRUN },
];

for (const { name, withoutFlags } of TASK_RUNS) {
  leakTest(`Engine answers two million reads once that are cancelled (${name})`, async () => {
    await using own = new TestEngine({ ring: { withoutFlags } });
    for (let seed = 10; seed < 30; seed++) await raceCancels(own.engine, 100_000, seed);
  }, ringOnly);

  leakTest(`Receiver keeps every byte of 500000 aborted reads (${name})`, async () => {
    await using own = new TestEngine({ ring: { withoutFlags } });
    for (let seed = 10; seed < 30; seed++) await raceAborts(own.engine, 25_000, seed);
  }, ringOnly);

  leakTest(
    `Engine sees in 20000 races with its going to sleep all that happens (${name})`,
    async () => {
      await using own = new TestEngine({ ring: { withoutFlags } });
      await raceWakes(own.engine, racer!, 20_000, 3);
    },
    ringOnly,
  );
}

leakTest(
  "Engine loses no byte to failing enters, few blocks and a tiny ring together",
  async () => {
    const random = seededRandom(4);
    const failures = [Errno.EINTR, Errno.EBUSY, Errno.EAGAIN];
    const faults: RingFaults = {
      enter: () => random() < 0.3 ? -failures[Math.floor(random() * 3)] : undefined,
    };
    await using own = new TestEngine({
      ring: { submissions: 4, completions: 8, calls: faultyCalls(faults) },
      smallReceiveBlocks: 2,
      largeReceiveBlocks: 2,
    });
    for (let round = 0; round < FAULT_ROUNDS; round++) {
      const writeBytes = 1 + Math.floor(random() * 5000);
      const readBytes = 1 + Math.floor(random() * 5000);
      await exchange(own.engine, 1 + round % 40, 20_000, { writeBytes, readBytes });
    }
  },
  ringOnly,
);

leakTest("Engine loses no byte when the kernel moves any number of bytes", async () => {
  const random = seededRandom(5);
  const calls = new EntryFaults((sqes, at) => {
    shortTransfers(1 + Math.floor(random() ** 4 * 70_000))(sqes, at);
  });
  await using own = new TestEngine({ ring: { calls } });
  calls.attach(own.engine.ring);
  for (let round = 0; round < FAULT_ROUNDS; round++) {
    const writeBytes = 1 + Math.floor(random() * 65_536);
    const readBytes = 1 + Math.floor(random() * 65_536);
    await exchange(own.engine, 8, 200_000, { writeBytes, readBytes });
  }
}, ringOnly);
