// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertGreaterOrEqual, assertRejects } from "@std/assert";
import { alarmCount } from "../thread/alarm.ts";
import { Deadline, shield, sleep, spawn, type WaitOptions, yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";
import { type Blocked, waits } from "./thread_waits.ts";

// What holds for everything that can be waited for: one table of waits, one test a property.

const STRESS_TASKS = 1_000;
const reason = new Error("Enough");

for (const [name, block] of Object.entries(waits)) {
  waitTest(`fifo.${name}: who waits longest is first`, block, answersInOrder);
  waitTest(`${name}.timeout_is_zero: rejects at once`, block, refusesTimeoutZero);
  waitTest(`${name}.timeout: rejects when the time is up, and not before`, block, expires);
  if (name !== "timeout") {
    waitTest(`${name}.deadline: the earlier one counts`, block, keepsDeadline);
  }
  waitTest(`${name}.timeout: a timeout that is not a number is refused`, block, refusesNaN);
  waitTest(`abort.${name}: before the wait`, block, abortsBefore);
  waitTest(`abort.${name}: while it waits, and the others go on`, block, abortsWhile);
  waitTest(`abort.${name}: afterwards nothing happens`, block, abortsAfter);
  waitTest(`interrupt.${name}: cancelling its task ends the wait`, block, interrupts);
  waitTest(`interrupt.${name}: a cancelled task does not begin to wait`, block, interruptsNext);
  waitTest(`interrupt.${name}: shield keeps the wait`, block, shields);
  waitTest(`smp.${name}: 1 000 tasks, of which half give up`, block, survivesStress);
}

function waitTest(
  name: string,
  block: () => Blocked,
  body: (blocked: Blocked) => Promise<void>,
): void {
  leakTest(name, async () => {
    const blocked = releasedOnce(block());
    await body(blocked);
    blocked.release?.();
    await settle();
    assertEquals(blocked.waiting?.() ?? 0, 0, "somebody is left in the queue");
    assertEquals(alarmCount(), 0, "a timer is left");
  });
}

function releasedOnce({ release, ...blocked }: Blocked): Blocked {
  if (!release) return blocked;
  let released = false;
  return {
    ...blocked,
    release() {
      if (!released) release();
      released = true;
    },
  };
}

/** Yields that let everybody who can run reach the place where they wait. */
const SETTLE_YIELDS = 30;

async function settle(): Promise<void> {
  for (let i = 0; i < SETTLE_YIELDS; i++) await yieldNow();
}

/** Begins a wait, and lets it reach its queue. */
async function begin(blocked: Blocked, options?: WaitOptions): Promise<{ end: Promise<unknown> }> {
  const end = blocked.wait(options);
  end.catch(() => {});
  await settle();
  return { end };
}

async function answersInOrder(blocked: Blocked): Promise<void> {
  if (!blocked.release) return;
  const order: number[] = [];
  const ends = Array.from({ length: 5 }, (_, i) => blocked.wait().then(() => order.push(i)));
  await settle();
  assertEquals(order, []);
  blocked.release();
  await Promise.all(ends);
  assertEquals(order, [0, 1, 2, 3, 4]);
}

async function refusesTimeoutZero(blocked: Blocked): Promise<void> {
  await assertRejects(() => blocked.wait({ timeoutMs: 0 }), Deno.errors.TimedOut);
  await assertRejects(() => blocked.wait({ timeoutMs: -1 }), Deno.errors.TimedOut);
}

async function expires(blocked: Blocked): Promise<void> {
  const before = performance.now();
  await assertRejects(() => blocked.wait({ timeoutMs: 3 }), Deno.errors.TimedOut, "Cannot ");
  assertGreaterOrEqual(performance.now() - before, 3);
}

async function keepsDeadline(blocked: Blocked): Promise<void> {
  const deadline = new Deadline(3);
  await assertRejects(() => blocked.wait({ deadline, timeoutMs: 60_000 }), Deno.errors.TimedOut);
  assert(deadline.expired);
}

async function refusesNaN(blocked: Blocked): Promise<void> {
  await assertRejects(() => blocked.wait({ timeoutMs: NaN }), RangeError, "not a number");
}

async function abortsBefore(blocked: Blocked): Promise<void> {
  const signal = AbortSignal.abort(reason);
  await assertRejects(() => blocked.wait({ signal }), Error, "Enough");
}

async function abortsWhile(blocked: Blocked): Promise<void> {
  const first = new AbortController();
  const last = new AbortController();
  const { end } = await begin(blocked, { signal: first.signal });
  const { end: other } = await begin(blocked, { signal: last.signal });
  first.abort(reason);
  await assertRejects(() => end, Error, "Enough");
  if (blocked.release) blocked.release();
  else last.abort(reason);
  await (blocked.release ? other.catch(assertGroupCancelled) : assertRejects(() => other));
}

/** Giving up on a group cancels it, by design. */
function assertGroupCancelled(error: unknown): void {
  assertEquals(error, reason);
}

async function abortsAfter(blocked: Blocked): Promise<void> {
  if (!blocked.release) return;
  const controller = new AbortController();
  const { end } = await begin(blocked, { signal: controller.signal, timeoutMs: 60_000 });
  blocked.release();
  await end;
  controller.abort(reason);
}

async function interrupts(blocked: Blocked): Promise<void> {
  const task = spawn(() => blocked.wait());
  await settle();
  assertEquals(task.status, "waiting");
  task.cancel(reason);
  await assertRejects(() => task.join(), Error, "Enough");
  assertEquals(task.status, "cancelled");
}

async function interruptsNext(blocked: Blocked): Promise<void> {
  const task = spawn(async (task) => {
    task.cancel(reason);
    await blocked.wait();
  });
  await assertRejects(() => task.join(), Error, "Enough");
}

async function shields(blocked: Blocked): Promise<void> {
  const task = spawn(() => shield(() => blocked.wait({ timeoutMs: 5 })));
  await settle();
  task.cancel(reason);
  await assertRejects(() => task.join(), Deno.errors.TimedOut);
  assertEquals(task.status, "failed");
}

async function survivesStress(blocked: Blocked): Promise<void> {
  const controller = new AbortController();
  const tasks = Array.from({ length: STRESS_TASKS }, (_, i) =>
    spawn(() =>
      blocked.wait(
        [
          undefined,
          { signal: controller.signal },
          { timeoutMs: 60_000 },
          { timeoutMs: 1 + i % 3 },
        ][i % 4],
      )
    ));
  const results = Promise.allSettled(tasks.map((task) => task.join()));
  await settle();
  await sleep(8);
  controller.abort(reason);
  if (blocked.release) blocked.release();
  else for (const task of tasks) task.cancel(reason);
  const outcomes = (await results).map(({ status }) => status);
  assertEquals(outcomes.length, STRESS_TASKS);
  for (const [i, outcome] of outcomes.entries()) {
    if (i % 2 === 1) assertEquals(outcome, "rejected", `${i}`);
  }
}
