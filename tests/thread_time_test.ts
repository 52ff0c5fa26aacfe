// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  assert,
  assertEquals,
  assertFalse,
  assertGreaterOrEqual,
  assertLess,
  assertRejects,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import { alarmCount, clearAlarm, setAlarm } from "../thread/alarm.ts";
import { type MissedTicks, nextTick, type Tick } from "../thread/interval.ts";
import {
  Deadline,
  deadline,
  interval,
  type Priority,
  Semaphore,
  sleep,
  spawn,
  Throttle,
  timeout,
  Timer,
  yieldNow,
} from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

Deno.test("sleep() never wakes too early, and the earliest first", async () => {
  const start = performance.now();
  const order: number[] = [];
  await Promise.all([5, 1.5, 3, 0, 1.5].map(async (ms, i) => {
    await sleep(ms);
    assertGreaterOrEqual(performance.now() - start, ms);
    order.push(i);
  }));
  assertEquals(order, [3, 1, 4, 2, 0]);
});

Deno.test("sleep() refuses a time that is not a number", async () => {
  await assertRejects(() => sleep(NaN), RangeError);
  await assertRejects(() => sleep(0, { signal: AbortSignal.abort() }), DOMException);
});

Deno.test("sleep(Infinity) is ended by its signal, and sets no timer", async () => {
  const sleeping = sleep(Infinity, { signal: AbortSignal.timeout(2) });
  assertEquals(alarmCount(), 0);
  await assertRejects(() => sleeping, DOMException);
});

Deno.test("setAlarm() may be set further off than setTimeout reaches", () => {
  const alarm = setAlarm(performance.now() + 2 ** 40, () => assert(false));
  assertEquals(alarmCount(), 1);
  clearAlarm(alarm);
  clearAlarm(alarm);
  assertEquals(alarmCount(), 0);
});

leakTest("setAlarm() rings in order whatever is set and cleared", async () => {
  const actions = fc.array(fc.record({ dueMs: fc.nat({ max: 4 }), clear: fc.boolean() }));
  await fc.assert(
    fc.asyncProperty(actions, async (actions) => {
      const now = performance.now();
      const rung: number[] = [];
      const alarms = actions.map(({ dueMs }) => setAlarm(now + dueMs, () => rung.push(dueMs)));
      for (const [i, { clear }] of actions.entries()) if (clear) clearAlarm(alarms[i]);
      await sleep(6);
      const kept = actions.filter(({ clear }) => !clear).map(({ dueMs }) => dueMs);
      assertEquals(rung, kept.toSorted((a, b) => a - b));
      assertEquals(alarmCount(), 0);
    }),
    { numRuns: 20 },
  );
});

Deno.test("timeout() answers, throws, or gives up", async () => {
  assertEquals(await timeout(Promise.resolve(1), 100), 1);
  await assertRejects(() => timeout(Promise.reject(new Error("No")), 100), Error, "No");
  await assertRejects(() => timeout(new Promise(() => {}), 2), Deno.errors.TimedOut, "2 ms");
  await assertRejects(() => timeout(Promise.resolve(1), NaN), RangeError);
});

Deno.test("Deadline: the earlier one counts, and it passes", async () => {
  const soon = deadline(5);
  assertFalse(soon.expired);
  assertEquals(soon.atMost(1_000), soon);
  assertLess(new Deadline(Infinity).atMost(1).atMs, Infinity);
  const { signal } = soon;
  await assertRejects(() => new Semaphore().wait(1, { signal }), DOMException, "timeout");
  assert(soon.expired);
  assertThrows(() => soon.throwIfExpired(), Deno.errors.TimedOut);
  assertThrows(() => new Deadline(NaN), RangeError);
  assert(new Deadline(-1).expired);
  assertEquals(new Deadline(Infinity).remainingMs, Infinity);
});

leakTest("Timer.OneShot: fires once", async () => {
  let fired = 0;
  await using timer = new Timer(() => void fired++, { timeoutMs: 2, repeating: false });
  assert(timer.armed);
  await sleep(15);
  assertEquals([fired, timer.armed], [1, false]);
});

leakTest("Timer.Reuse: cancel() disarms, reset() arms anew", async () => {
  let fired = 0;
  await using timer = new Timer(() => void fired++, { timeoutMs: 2, repeating: false });
  timer.cancel();
  await sleep(8);
  assertEquals(fired, 0);
  timer.reset();
  timer.reset(1);
  await sleep(12);
  assertEquals(fired, 1);
});

leakTest("Timer.Repeating: fires again, as long as its answers say", async () => {
  const answers = [1, undefined, Infinity, 1];
  let fired = 0;
  await using _timer = new Timer(() => answers[fired++], { timeoutMs: 2 });
  await sleep(30);
  assertEquals(fired, 3);
});

leakTest("Timer.reset() in the callback counts from its end", async () => {
  let fired = 0;
  const timer: Timer = new Timer(async () => {
    fired++;
    if (fired === 1) timer.reset(1);
    await sleep(1);
  }, { timeoutMs: 1, repeating: false });
  await sleep(20);
  await timer.stop();
  assertEquals(fired, 2);
});

leakTest("Timer.stop() waits for the callback, and may be called by it", async () => {
  let over = false;
  const slow = new Timer(async () => {
    try {
      await sleep(60_000);
    } finally {
      over = true;
    }
  }, { timeoutMs: 1 });
  await sleep(8);
  await slow.stop();
  assert(over);
  assertThrows(() => slow.reset(), TypeError, "stopped");
  let fired = 0;
  const own: Timer = new Timer(() => (fired++, own.stop()), { timeoutMs: 1 });
  await sleep(10);
  assertEquals([fired, own.armed], [1, false]);
});

const ticks = fc.record({
  periodMs: fc.integer({ min: 1, max: 100 }),
  busyMs: fc.array(fc.nat({ max: 500 }), { minLength: 1, maxLength: 20 }),
});

/** The ticks of a user who is busy for so long after each. */
function tickTimes(missed: MissedTicks, periodMs: number, busyMs: readonly number[]): Tick[] {
  let now = 0;
  let tick: Tick = { count: 1, dueMs: periodMs };
  return busyMs.map((busy) => {
    const given = tick;
    now = Math.max(now, tick.dueMs) + busy;
    tick = nextTick(tick, periodMs, now, missed);
    return given;
  });
}

Deno.test("interval(): burst gives every tick at its time or late", () => {
  fc.assert(fc.property(ticks, ({ periodMs, busyMs }) => {
    for (const [i, { count, dueMs }] of tickTimes("burst", periodMs, busyMs).entries()) {
      assertEquals([count, dueMs], [i + 1, (i + 1) * periodMs]);
    }
  }));
});

Deno.test("interval(): skip keeps the rhythm and leaves out what has passed", () => {
  fc.assert(fc.property(ticks, ({ periodMs, busyMs }) => {
    let now = 0;
    for (const [i, { count, dueMs }] of tickTimes("skip", periodMs, busyMs).entries()) {
      assertEquals(dueMs, count * periodMs);
      assertGreaterOrEqual(dueMs, now);
      assertLess(dueMs - now, periodMs + 1);
      now = dueMs + busyMs[i];
    }
  }));
});

Deno.test("interval(): delay leaves a whole period after a late tick", () => {
  fc.assert(fc.property(ticks, ({ periodMs, busyMs }) => {
    const times = tickTimes("delay", periodMs, busyMs);
    for (let i = 1; i < times.length; i++) {
      const { dueMs } = times[i - 1];
      const late = busyMs[i - 1] > periodMs;
      assertEquals(times[i].dueMs, late ? dueMs + busyMs[i - 1] + periodMs : dueMs + periodMs);
    }
  }));
});

Deno.test("interval() with burst gives what was missed at once", async () => {
  const ticks = interval(2);
  await ticks.next();
  const busyUntil = performance.now() + 21;
  while (performance.now() < busyUntil);
  const start = performance.now();
  for (let tick = 2; tick <= 10; tick++) assertEquals((await ticks.next()).value, tick);
  assertLess(performance.now() - start, 9);
});

leakTest("interval() ends with its signal, with break and with its task", async () => {
  const signal = AbortSignal.timeout(5);
  await assertRejects(async () => {
    for await (const _ of interval(1_000, { signal }));
  }, DOMException);
  for await (const tick of interval(1)) if (tick === 2) break;
  const task = spawn(async () => {
    for await (const _ of interval(1_000));
  });
  await yieldNow();
  task.cancel(new Error("Enough"));
  await assertRejects(() => task.join(), Error, "Enough");
  assertThrows(() => interval(0), RangeError);
});

leakTest("throttle.basic: no more than the limit in a window, and one bucket at once", async () => {
  const throttle = new Throttle({ limit: 100, windowMs: 100 });
  const start = performance.now();
  for (let i = 0; i < 120; i++) await throttle.consume();
  assertGreaterOrEqual(performance.now() - start, 19);
});

leakTest(
  "throttle.pulse: more than the bucket holds is paid back before others go on",
  async () => {
    const throttle = new Throttle({ limit: 10, windowMs: 20 });
    const start = performance.now();
    await throttle.consume(20);
    assertLess(throttle.tokens, -5);
    await throttle.consume(1);
    assertGreaterOrEqual(performance.now() - start, 21);
  },
);

Deno.test("throttle.restore: gives back, but no more than the bucket holds", () => {
  const throttle = new Throttle({ limit: 10, windowMs: 1e9 });
  assert(throttle.tryConsume(10));
  assertFalse(throttle.tryConsume());
  throttle.restore(100);
  assert(throttle.tryConsume(10));
  assertFalse(throttle.tryConsume());
});

Deno.test("throttle.update: the new limit holds at once", async () => {
  const throttle = new Throttle({ limit: 0 });
  const waiting = throttle.consume(5);
  throttle.update(Infinity);
  await waiting;
  assert(throttle.tryConsume(1e9));
  throttle.update(1);
  assertEquals(throttle.tokens, 1);
});

leakTest("throttle.priority: higher ones go first, and none starves", async () => {
  const throttle = new Throttle({ limit: 0, windowMs: 10 });
  const served: string[] = [];
  const wait = (priority: Priority) =>
    throttle.consume(1, { priority }).then(() => served.push(priority));
  const waits = ["low", "medium", ...new Array(20).fill("high")].map((it) => wait(it as Priority));
  throttle.update(1_000);
  await Promise.all(waits);
  assertEquals(served.slice(0, 8), new Array(8).fill("high"));
  assertEquals(served.slice(8, 10).toSorted(), ["low", "medium"]);
});

Deno.test("Throttle refuses limits and counts that are none", async () => {
  assertThrows(() => new Throttle({ limit: -1 }), RangeError);
  assertThrows(() => new Throttle({ limit: 1, windowMs: 0 }), RangeError);
  await assertRejects(async () => await new Throttle({ limit: 1 }).consume(NaN), RangeError);
  await assertRejects(async () => await new Throttle({ limit: 1 }).consume(Infinity), RangeError);
});
