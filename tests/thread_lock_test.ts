// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertFalse, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  ConditionVariable,
  type Lock,
  Mutex,
  RangeLock,
  RwLock,
  Semaphore,
  sleep,
  spawn,
  WaitGroup,
  yieldNow,
} from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

const RUNS = 100;

Deno.test("Mutex.lock() is handed over: nobody comes in between", async () => {
  const mutex = new Mutex();
  const first = await mutex.lock();
  const second = mutex.lock();
  first.unlock();
  assertEquals(mutex.tryLock(), undefined);
  (await second).unlock();
  assertFalse(mutex.locked);
});

Deno.test("Mutex.lock() is given back by using, also when the block throws", async () => {
  const mutex = new Mutex();
  await assertRejects(async () => {
    using _lock = await mutex.lock();
    throw new Error("Out");
  });
  assertFalse(mutex.locked);
});

Deno.test("Lock.unlock() throws the second time, and disposing does not", async () => {
  const mutex = new Mutex();
  const stale = await mutex.lock();
  stale.unlock();
  using _other = await mutex.lock();
  assertThrows(() => stale.unlock(), TypeError, "given back already");
  stale[Symbol.dispose]();
  assert(mutex.locked);
});

Deno.test("Mutex.relock() refuses a lock that is held, or of another mutex", async () => {
  const mutex = new Mutex();
  const lock = await mutex.lock();
  await assertRejects(() => mutex.relock(lock), TypeError);
  lock.unlock();
  await assertRejects(() => new Mutex().relock(lock), TypeError);
  assert((await mutex.relock(lock)).held);
});

Deno.test("Mutex: a timeout that is won in time does not matter later", async () => {
  const mutex = new Mutex();
  using _lock = await mutex.lock({ timeoutMs: 0 });
  await assertRejects(() => mutex.lock({ timeoutMs: 0 }), Deno.errors.TimedOut, "at once");
});

Deno.test("RwLock: readers that come after a writer wait behind it", async () => {
  const lock = new RwLock();
  const reader = await lock.read();
  const order: string[] = [];
  const writing = lock.write().then((held) => (order.push("write"), held.unlock()));
  const reading = lock.read().then((held) => (order.push("read"), held.unlock()));
  assertEquals(lock.tryRead(), undefined);
  reader.unlock();
  await Promise.all([writing, reading]);
  assertEquals(order, ["write", "read"]);
});

Deno.test("RwLock: a writer that gives up lets the readers behind it in", async () => {
  const lock = new RwLock();
  using _reader = await lock.read();
  const writing = assertRejects(() => lock.write({ timeoutMs: 2 }), Deno.errors.TimedOut);
  using _behind = await lock.read();
  await writing;
  assertEquals([lock.readers, lock.writing, lock.waiting], [2, false, 0]);
});

Deno.test("Semaphore: one who wants much is not overtaken", async () => {
  const semaphore = new Semaphore(1);
  const order: number[] = [];
  const waits = [3, 1].map((count) => semaphore.wait(count).then(() => order.push(count)));
  assertFalse(semaphore.tryWait());
  semaphore.signal(2);
  await waits[0];
  semaphore.signal(1);
  await waits[1];
  assertEquals(order, [3, 1]);
});

Deno.test("Semaphore: when the first gives up the next ones are served", async () => {
  const semaphore = new Semaphore(1);
  const much = assertRejects(() => semaphore.wait(5, { timeoutMs: 2 }), Deno.errors.TimedOut);
  await semaphore.wait(1);
  await much;
  assertEquals([semaphore.count, semaphore.waiting], [0, 0]);
});

Deno.test("Semaphore refuses counts that are none", async () => {
  assertThrows(() => new Semaphore(-1), RangeError);
  assertThrows(() => new Semaphore(0.5), RangeError);
  const semaphore = new Semaphore(Number.MAX_SAFE_INTEGER);
  assertThrows(() => semaphore.signal(), RangeError);
  await assertRejects(async () => await semaphore.wait(0), RangeError);
});

Deno.test("condition_variable.pred: waits until the predicate holds", async () => {
  const mutex = new Mutex();
  const condition = new ConditionVariable(mutex);
  let value = 0;
  const waiting = spawn(async () => {
    using lock = await mutex.lock();
    await condition.waitUntil(lock, () => value === 3);
    assert(lock.held && mutex.locked);
  });
  while (value < 3) {
    using _lock = await mutex.lock();
    value++;
    condition.notifyOne();
  }
  await waiting.join();
});

Deno.test("ConditionVariable.wait() holds the lock again when it is aborted", async () => {
  const mutex = new Mutex();
  const condition = new ConditionVariable(mutex);
  using lock = await mutex.lock();
  const controller = new AbortController();
  const waiting = condition.wait(lock, { signal: controller.signal });
  assertFalse(mutex.locked);
  const other = await mutex.lock();
  controller.abort(new Error("Enough"));
  await yieldNow();
  assertFalse(lock.held);
  other.unlock();
  await assertRejects(() => waiting, Error, "Enough");
  assert(lock.held);
});

Deno.test("ConditionVariable.notifyOne() wakes who waits longest", async () => {
  const mutex = new Mutex();
  const condition = new ConditionVariable(mutex);
  const order: number[] = [];
  const waits = [0, 1, 2].map(async (i) => {
    using lock = await mutex.lock();
    await condition.wait(lock);
    order.push(i);
  });
  while (condition.waiting < 3) await yieldNow();
  assert(condition.notifyOne());
  await waits[0];
  assertEquals(order, [0]);
  assertEquals(condition.notifyAll(), 2);
  await Promise.all(waits);
  assertEquals(order, [0, 1, 2]);
  assertFalse(condition.notifyOne());
});

Deno.test("ConditionVariable.wait() refuses a lock of another mutex", async () => {
  const condition = new ConditionVariable(new Mutex());
  using lock = await new Mutex().lock();
  await assertRejects(() => condition.wait(lock), TypeError);
});

Deno.test("WaitGroup refuses to go below nothing", async () => {
  const group = new WaitGroup(1);
  group.done();
  assertThrows(() => group.done(), RangeError);
  await group.wait({ timeoutMs: 0 });
});

Deno.test("RangeLock.Basic: ranges that touch do not meet, ranges that overlap wait", async () => {
  const ranges = new RangeLock();
  using _head = await ranges.lock(0, 10);
  using tail = await ranges.lock(10, Infinity);
  const waiting = ranges.lock(15, 1);
  assertEquals([ranges.held, ranges.waiting], [2, 1]);
  tail.unlock();
  assertEquals((await waiting).start, 15);
});

Deno.test("RangeLock: a range waits behind earlier ones that wait", async () => {
  const ranges = new RangeLock();
  const held = await ranges.lock(0, 10);
  const order: string[] = [];
  const wide = ranges.lock(5, 10).then((range) => (order.push("wide"), range.unlock()));
  const narrow = ranges.lock(12, 1).then((range) => (order.push("narrow"), range.unlock()));
  await yieldNow();
  assertEquals(order, []);
  held.unlock();
  await Promise.all([wide, narrow]);
  assertEquals(order, ["wide", "narrow"]);
});

Deno.test("RangeLock.adjust() lets those go on who wait for what it leaves", async () => {
  const ranges = new RangeLock();
  using range = await ranges.lock(0, 10);
  const waiting = ranges.lock(8, 1);
  assert(ranges.adjust(range, 0, 5));
  using _other = await waiting;
  assertFalse(ranges.adjust(range, 0, 9));
  assertEquals([range.start, range.length], [0, 5]);
  assertThrows(() => new RangeLock().adjust(range, 0, 1), TypeError);
});

Deno.test("RangeLock refuses ranges that are none", async () => {
  const ranges = new RangeLock();
  for (const [start, length] of [[-1, 1], [0, 0], [0.5, 1], [0, NaN], [2 ** 53, 1]]) {
    await assertRejects(async () => await ranges.lock(start, length), RangeError);
  }
  assertEquals(ranges.held, 0);
});

/** One visit to a lock: how it waits, and how long it stays. */
interface Visit {
  readonly weight: number;
  readonly steps: number;
  readonly givesUp: "no" | "timeout" | "abort";
}

const visits = fc.array(
  fc.record({
    weight: fc.integer({ min: 1, max: 4 }),
    steps: fc.nat({ max: 5 }),
    givesUp: fc.constantFrom("no", "timeout", "abort") as fc.Arbitrary<Visit["givesUp"]>,
  }),
  { maxLength: 30 },
);

/** What a lock of some kind promises. */
interface Model {
  lock(visit: Visit, options: { signal?: AbortSignal; timeoutMs?: number }): Promise<Disposable>;
  /** Whether these may be inside together. */
  admits(inside: readonly Visit[]): boolean;
  /** Whether nobody is inside, and nobody waits. */
  isFree(): boolean;
}

const models: Record<string, () => Model> = {
  Mutex() {
    const mutex = new Mutex();
    return {
      lock: (_, options) => mutex.lock(options),
      admits: (inside) => inside.length <= 1,
      isFree: () => !mutex.locked && mutex.waiting === 0,
    };
  },
  RwLock() {
    const lock = new RwLock();
    const writes = ({ weight }: Visit) => weight === 4;
    return {
      lock: (visit, options) => writes(visit) ? lock.write(options) : lock.read(options),
      admits: (inside) => inside.length <= 1 || !inside.some(writes),
      isFree: () => lock.readers === 0 && !lock.writing && lock.waiting === 0,
    };
  },
  Semaphore() {
    const semaphore = new Semaphore(5);
    return {
      lock: ({ weight }, options) => semaphore.acquire(weight, options),
      admits: (inside) => inside.reduce((sum, { weight }) => sum + weight, 0) <= 5,
      isFree: () => semaphore.count === 5 && semaphore.waiting === 0,
    };
  },
  RangeLock() {
    const ranges = new RangeLock();
    const overlap = (a: Visit, b: Visit) => Math.abs(a.weight - b.weight) < 2;
    return {
      lock: ({ weight }, options) => ranges.lock(weight, 2, options),
      admits: (inside) => inside.every((a, i) => inside.every((b, j) => i === j || !overlap(a, b))),
      isFree: () => ranges.held === 0 && ranges.waiting === 0,
    };
  },
};

for (const [name, open] of Object.entries(models)) {
  leakTest(`${name} keeps its promise whoever comes, stays and gives up`, async () => {
    await fc.assert(
      fc.asyncProperty(visits, async (visits) => {
        const model = open();
        const inside = new Set<Visit>();
        await Promise.all(visits.map((visit) => pay(visit, model, inside)));
        assert(model.isFree());
      }),
      { numRuns: RUNS },
    );
  });
}

async function pay(visit: Visit, model: Model, inside: Set<Visit>): Promise<void> {
  const controller = new AbortController();
  if (visit.givesUp === "abort") spawn(() => yieldTimes(visit.steps, () => controller.abort()));
  const timeoutMs = visit.givesUp === "timeout" ? visit.steps / 10 : Infinity;
  let lock: Disposable;
  try {
    lock = await model.lock(visit, { signal: controller.signal, timeoutMs });
  } catch {
    return;
  }
  using _ = lock;
  inside.add(visit);
  assert(model.admits([...inside]), "too many inside");
  await yieldTimes(visit.steps, () => inside.delete(visit));
}

async function yieldTimes(count: number, then: () => void): Promise<void> {
  for (let i = 0; i < count; i++) await yieldNow();
  then();
}

Deno.test("smp.cvar: 1 000 tasks pass a token", async () => {
  const mutex = new Mutex();
  const condition = new ConditionVariable(mutex);
  let turn = 0;
  const tasks = Array.from({ length: 1_000 }, (_, i) =>
    spawn(async () => {
      using lock: Lock = await mutex.lock();
      await condition.waitUntil(lock, () => turn === i);
      turn++;
      condition.notifyAll();
    }));
  await Promise.all(tasks.map((task) => task.join()));
  assertEquals(turn, 1_000);
});

Deno.test("mutex.timeout_is_zero: a lock that is free is taken", async () => {
  using lock = await new Mutex().lock({ timeoutMs: 0 });
  assert(lock.held);
  await sleep(0);
});
