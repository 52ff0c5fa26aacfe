// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import type { Engine } from "../io/engine.ts";
import { seededRandom } from "./cancel_races.ts";
import { exchange } from "./engine_streams.ts";
import { ringEngineOnly, ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { REPOSITORY, runProgram } from "./subprocess.ts";

/** A machine with other things to do may be as late as this. */
const LATE_MS_MAX = 500;

leakTest("Engine.startTimer() wakes an engine that sleeps and does nothing else", async () => {
  await using own = new TestEngine();
  for (const delayMs of [0, 1, 5, 30]) await checkTimer(own.engine, delayMs);
  assert(own.engine.statistics.sleeps > 0);
}, ringOnly);

leakTest("Engine.startTimer() runs timers in the order of their deadlines", async () => {
  await using own = new TestEngine();
  const ran: string[] = [];
  await keptAlive((resolve) => {
    own.engine.startTimer(20, resolve);
    own.engine.startTimer(15, () => ran.push("late"));
    own.engine.startTimer(5, () => ran.push("early"));
    own.engine.startTimer(10, () => ran.push("between"));
  });
  assertEquals(ran, ["early", "between", "late"]);
}, ringOnly);

leakTest("Engine.startTimer() sets a timer earlier than the one it sleeps for", async () => {
  await using own = new TestEngine();
  const far = own.engine.startTimer(60_000, () => assert(false, "A stopped timer ran"));
  await checkTimer(own.engine, 10);
  await checkTimer(own.engine, 3);
  own.engine.stopTimer(far);
}, ringOnly);

leakTest("Engine.stopTimer() stops the earliest and leaves the later ones", async () => {
  await using own = new TestEngine();
  // Far enough off for a machine that stands still for a while.
  const early = own.engine.startTimer(200, () => assert(false, "A stopped timer ran"));
  const running = checkTimer(own.engine, 250);
  await checkTimer(own.engine, 1);
  own.engine.stopTimer(early);
  own.engine.stopTimer(early);
  await running;
}, ringOnly);

leakTest("Engine.startTimer() is on time among 2000 others, with some stopped", async () => {
  await using own = new TestEngine();
  const random = seededRandom(3);
  const running: Promise<void>[] = [];
  for (let count = 0; count < 2000; count++) {
    const delayMs = random() * 200;
    if (random() < 0.7) {
      running.push(checkTimer(own.engine, delayMs));
    } else {
      const late = 30_000 + delayMs;
      const stopped = own.engine.startTimer(late, () => assert(false, "A stopped timer ran"));
      if (random() < 0.5) own.engine.stopTimer(stopped);
      else setTimeout(() => own.engine.stopTimer(stopped), delayMs);
    }
  }
  await Promise.all(running);
  // The last of them is stopped by then.
  await new Promise((resolve) => setTimeout(resolve, 200));
}, ringOnly);

leakTest("Engine.startTimer() is on time while the ring is never idle", async () => {
  await using own = new TestEngine();
  const busy = { ends: false };
  const exchanging = (async () => {
    while (!busy.ends) await exchange(own.engine, 4, 20_000);
  })();
  for (let round = 0; round < 10; round++) await checkTimer(own.engine, 5);
  busy.ends = true;
  await exchanging;
}, ringOnly);

leakTest("Engine.startTimer() is on time in exclusive mode", async () => {
  await using own = new TestEngine();
  own.engine.runExclusive();
  for (const delayMs of [0, 1, 5, 150]) await checkTimer(own.engine, delayMs);
}, ringOnly);

leakTest("Engine.startTimer() lets a callback set the next", async () => {
  await using own = new TestEngine();
  let rounds = 0;
  await keptAlive((resolve) => {
    const again = () => ++rounds === 20 ? resolve() : void own.engine.startTimer(1, again);
    again();
  });
  assertEquals(rounds, 20);
}, ringOnly);

leakTest("Engine.startTimer() reports what a callback throws and goes on", async () => {
  await using own = new TestEngine();
  const errors: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  const failure = new Error("Timer failed");
  own.engine.startTimer(1, () => {
    throw failure;
  });
  await checkTimer(own.engine, 2);
  await checkTimer(own.engine, 2);
  globalThis.removeEventListener("error", onError);
  assertEquals(errors, [failure]);
}, ringOnly);

leakTest("Engine.startTimer() does not keep the process alive", async () => {
  const source = `
    import { openEngine } from "${new URL("io/mod.ts", REPOSITORY)}";
    openEngine().startTimer(15_000, () => console.log("ran"));
    setTimeout(() => console.log("done"), 30);
  `;
  const started = performance.now();
  assertEquals(await runProgram(source, ["-A"]), { code: 0, stdout: "done\n", stderr: "" });
  assert(performance.now() - started < 10_000);
}, ringEngineOnly);

/** Resolves when a timer has run; throws when that was too early, or far too late. */
async function checkTimer(engine: Engine, delayMs: number): Promise<void> {
  const started = performance.now();
  await keptAlive((resolve) => engine.startTimer(delayMs, resolve));
  const lateMs = performance.now() - started - delayMs;
  assert(lateMs >= 0 && lateMs < LATE_MS_MAX, `a timer of ${delayMs} ms was ${lateMs} ms late`);
}

/** The engine's timers do not keep Deno's loop alive, but a test must go on. */
async function keptAlive(start: (resolve: () => void) => void): Promise<void> {
  const keepAlive = setTimeout(() => {}, 60_000);
  await new Promise<void>(start);
  clearTimeout(keepAlive);
}
