// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type Timer, TimerQueue, TIMERS_MAX } from "../io/timers.ts";

function nothing(): void {}

Deno.test("TimerQueue.nextDeadline() gives Infinity when the queue is empty", () => {
  assertEquals(new TimerQueue().nextDeadline(), Infinity);
});

Deno.test("TimerQueue.expire() runs equal deadlines in the order they were added", () => {
  const timers = new TimerQueue();
  const ran: number[] = [];
  for (let i = 0; i < 20; i++) timers.add(5, () => ran.push(i));
  assertEquals(timers.expire(5), 20);
  assertEquals(ran, Array.from({ length: 20 }, (_, i) => i));
});

Deno.test("TimerQueue.expire() runs nothing before its deadline", () => {
  const timers = new TimerQueue();
  timers.add(10, nothing);
  assertEquals(timers.expire(9.999), 0);
  assertEquals(timers.size, 1);
});

Deno.test("TimerQueue.expire() leaves timers that a callback adds to the next round", () => {
  const timers = new TimerQueue();
  let ran = 0;
  function again(): void {
    ran++;
    timers.add(0, again);
  }
  timers.add(1, again);
  timers.add(2, nothing);
  assertEquals(timers.expire(10), 2);
  assertEquals(ran, 1);
  assertEquals(timers.nextDeadline(), 0);
  assertEquals(timers.expire(10), 1);
  assertEquals(ran, 2);
});

Deno.test("TimerQueue.cancel() inside a callback stops one that is due in the same round", () => {
  const timers = new TimerQueue();
  const results: boolean[] = [];
  timers.add(1, () => results.push(timers.cancel(second), timers.cancel(second)));
  const second = timers.add(2, () => results.push(false));
  assertEquals(timers.expire(3), 1);
  assertEquals(results, [true, false]);
});

Deno.test("TimerQueue.cancel() gives false for a timer that ran", () => {
  const timers = new TimerQueue();
  const timer = timers.add(1, nothing);
  timers.expire(1);
  assertEquals(timers.cancel(timer), false);
});

Deno.test("TimerQueue.cancel() leaves the timers of another queue alone", () => {
  const timers = new TimerQueue();
  const others = new TimerQueue();
  const timer = timers.add(1, nothing);
  others.add(1, nothing);
  assertEquals(others.cancel(timer), false);
  assertEquals(others.size, 1);
});

Deno.test("TimerQueue.expire() reports what callbacks throw after the others ran", () => {
  const events: string[] = [];
  const timers = new TimerQueue((error) => events.push((error as Error).message));
  for (const name of ["a", "b"]) {
    timers.add(1, () => {
      throw new Error(`${name} failed`);
    });
    timers.add(1, () => events.push(`${name} ran`));
  }
  assertEquals(timers.expire(1), 4);
  assertEquals(events, ["a ran", "b ran", "a failed", "b failed"]);
});

Deno.test("TimerQueue reports to the global error event by default", () => {
  const timers = new TimerQueue();
  timers.add(1, () => {
    throw new Error("seen");
  });
  let message = "";
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    message = event.error.message;
  }, { once: true });
  timers.expire(1);
  assertEquals(message, "seen");
});

Deno.test("TimerQueue.add() refuses a deadline that is not a number", () => {
  assertThrows(() => new TimerQueue().add(NaN, nothing), RangeError, "Cannot add a timer");
});

Deno.test("TimerQueue.add() refuses more than TIMERS_MAX timers", () => {
  const timers = new TimerQueue();
  for (let i = 0; i < TIMERS_MAX; i++) timers.add(i, nothing);
  assertThrows(() => timers.add(0, nothing), Deno.errors.Busy, `${TIMERS_MAX} wait already`);
});

Deno.test("TimerQueue never runs a timer at Infinity while others expire", () => {
  const timers = new TimerQueue();
  timers.add(Infinity, nothing);
  timers.add(1, nothing);
  assertEquals(timers.expire(Number.MAX_VALUE), 1);
  assertEquals(timers.size, 1);
});

/** What the queue must do, said with a sorted list. */
class Model {
  #timers: { deadlineMs: number; id: number }[] = [];

  get size(): number {
    return this.#timers.length;
  }

  add(deadlineMs: number, id: number): void {
    this.#timers.push({ deadlineMs, id });
    this.#timers.sort((a, b) => a.deadlineMs - b.deadlineMs || a.id - b.id);
  }

  cancel(id: number): boolean {
    const before = this.#timers.length;
    this.#timers = this.#timers.filter((timer) => timer.id !== id);
    return this.#timers.length < before;
  }

  nextDeadline(): number {
    return this.#timers.at(0)?.deadlineMs ?? Infinity;
  }

  expire(nowMs: number): number[] {
    const due = this.#timers.filter((timer) => timer.deadlineMs <= nowMs);
    this.#timers = this.#timers.filter((timer) => timer.deadlineMs > nowMs);
    return due.map((timer) => timer.id);
  }
}

type Step =
  | { kind: "add"; deadlineMs: number }
  | { kind: "cancel"; pick: number }
  | { kind: "expire"; nowMs: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("add"), deadlineMs: fc.nat(50) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("cancel"), pick: fc.nat() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("expire"), nowMs: fc.nat(50) }) },
) as fc.Arbitrary<Step>;

function runSteps(steps: Step[]): void {
  const timers = new TimerQueue();
  const model = new Model();
  const handles: Timer[] = [];
  const ran: number[] = [];
  for (const step of steps) {
    if (step.kind === "add") {
      const id = handles.length;
      handles.push(timers.add(step.deadlineMs, () => ran.push(id)));
      model.add(step.deadlineMs, id);
    } else if (step.kind === "cancel" && handles.length > 0) {
      const id = step.pick % handles.length;
      assertEquals(timers.cancel(handles[id]), model.cancel(id));
    } else if (step.kind === "expire") {
      ran.length = 0;
      const expected = model.expire(step.nowMs);
      assertEquals(timers.expire(step.nowMs), expected.length);
      assertEquals(ran, expected);
    }
    assertEquals(timers.nextDeadline(), model.nextDeadline());
    assertEquals(timers.size, model.size);
  }
}

Deno.test("TimerQueue does what a sorted list would do", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), runSteps),
    { seed: 20, numRuns: 300 },
  );
});
