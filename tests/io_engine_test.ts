// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertFalse, assertStrictEquals, assertThrows } from "@std/assert";
import { Enter, Op } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { writeByte } from "../ffi/socket.ts";
import type { UringCalls } from "../ffi/uring.ts";
import type { Engine } from "../io/engine.ts";
import { type Completion, SLOTS_MAX } from "../io/slot_table.ts";
import { exchange, RawPipe, socketPairOn } from "./engine_streams.ts";
import { faultyCalls, ringOnly, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { utf8 } from "./transfer.ts";

const POLLIN = 1;
const TINY = { submissions: 2, completions: 2 };

leakTest("Engine.submit() answers an operation once, with the kernel's result", async () => {
  await using own = new TestEngine();
  assertEquals(await nop(own.engine), 0);
  assertEquals(own.engine.statistics.completions, 1);
}, ringOnly);

leakTest(
  "Engine.submit() answers 20000 operations of one turn, more than the ring has room for",
  async () => {
    await using own = new TestEngine({ ring: { submissions: 64, completions: 64 } });
    const operations = Array.from({ length: 20_000 }, () => nop(own.engine));
    assertEquals(own.engine.pending, 20_000);
    assert((await Promise.all(operations)).every((result) => result === 0));
  },
  ringOnly,
);

for (const withoutFlags of [0, 1 << 13, 1 << 13 | 1 << 8]) {
  leakTest(
    `Engine answers a burst of 400 through 8 completion entries (flags without ${withoutFlags})`,
    async () => {
      await using own = new TestEngine({ ring: { submissions: 8, completions: 8, withoutFlags } });
      using pipe = new RawPipe();
      const polls = Array.from({ length: 400 }, () => poll(own.engine, pipe.reader).result);
      await nop(own.engine);
      writeByte(pipe.writer, 1);
      assertEquals(await Promise.all(polls), new Array(400).fill(POLLIN));
    },
    ringOnly,
  );
}

for (const sendsOff of [false, true]) {
  const rest = sendsOff ? ", and are sent off by them" : "";
  leakTest(`Engine answers operations that completions start in a full ring${rest}`, async () => {
    await using own = new TestEngine({
      ring: { ...TINY, calls: refusingWhenFull() },
    });
    const { engine } = own;
    const answered = new Uint8Array(5000);
    let started = 0;
    await new Promise<void>((resolve) => {
      let left = answered.length;
      const start = () => {
        const index = started++;
        const complete = () => {
          answered[index]++;
          if (--left === 0) resolve();
          for (let more = 0; more < 5 && started < answered.length; more++) start();
          if (sendsOff) engine.submitNow();
        };
        engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
      };
      start();
    });
    assert(answered.every((count) => count === 1));
  }, ringOnly);
}

leakTest(
  "Engine answers each operation's completions in order with the ring always full",
  async () => {
    await using own = new TestEngine({
      ring: { ...TINY, calls: refusingWhenFull() },
    });
    await exchange(own.engine, 16, 20_000);
  },
  ringOnly,
);

leakTest("Engine answers what it set aside, though nothing else happens", async () => {
  const own = new TestEngine({ ring: { ...TINY, calls: refusingWhenFull() } });
  const { engine } = own;
  using pipe = new RawPipe();
  let polls: Promise<number>[] = [];
  const complete = () => {
    // The answer of the second no-op is set aside to make room for the third poll.
    polls = [1, 2, 3].map(() => poll(engine, pipe.reader).result);
    engine.submitNow();
  };
  engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
  assertEquals(await nop(engine), 0);
  writeByte(pipe.writer, 1);
  assertEquals(await Promise.all(polls), [POLLIN, POLLIN, POLLIN]);
  await own[Symbol.asyncDispose]();
}, ringOnly);

leakTest("Engine answers what it set aside before what came after it", async () => {
  const own = new TestEngine({ ring: { ...TINY, calls: refusingWhenFull() } });
  const { engine } = own;
  const answers: string[] = [];
  const submit = (name: string, then = () => {}) => {
    const complete = () => {
      answers.push(name);
      then();
    };
    engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
  };
  submit("a", () => ["c", "d", "e"].forEach((name) => submit(name)));
  // Itself set aside by "a", it has "c" and "d" set aside while "e" is in the ring.
  submit("b", () => ["f", "g", "h"].forEach((name) => submit(name)));
  await engine.whenIdle();
  assertEquals(answers.join(""), "abcdefgh");
  await own[Symbol.asyncDispose]();
}, ringOnly);

leakTest("Engine reports what a handler throws and answers the others", async () => {
  await using own = new TestEngine();
  const errors: unknown[] = [];
  const onError = (event: ErrorEvent) => {
    event.preventDefault();
    errors.push(event.error);
  };
  globalThis.addEventListener("error", onError);
  const failure = new Error("Handler failed");
  const complete = () => {
    throw failure;
  };
  const before = nop(own.engine);
  own.engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
  const after = nop(own.engine);
  assertEquals(await Promise.all([before, after]), [0, 0]);
  globalThis.removeEventListener("error", onError);
  assertEquals(errors, [failure]);
}, ringOnly);

leakTest("Engine.cancel() ends an operation with ECANCELED", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const polling = poll(own.engine, pipe.reader);
  assert(own.engine.cancel(polling.slot, polling.handler));
  assertEquals(await polling.result, -Errno.ECANCELED);
}, ringOnly);

leakTest("Engine.cancel() gives the result of an operation that was faster", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const polling = poll(own.engine, pipe.reader);
  await nop(own.engine);
  writeByte(pipe.writer, 1);
  assert(own.engine.cancel(polling.slot, polling.handler));
  const result = await polling.result;
  assert(result === POLLIN || result === -Errno.ECANCELED, `result ${result}`);
}, ringOnly);

leakTest(
  "Engine.cancel() says false once the operation is over, and harms no successor",
  async () => {
    await using own = new TestEngine();
    using pipe = new RawPipe();
    const first = poll(own.engine, pipe.reader);
    own.engine.cancel(first.slot, first.handler);
    await first.result;
    const second = poll(own.engine, pipe.reader);
    assertEquals(second.slot, first.slot);
    assertFalse(own.engine.cancel(first.slot, first.handler));
    writeByte(pipe.writer, 1);
    assertEquals(await second.result, POLLIN);
  },
  ringOnly,
);

leakTest("Engine.cancelDescriptor() ends every operation on it and no other", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  using other = new RawPipe();
  const polls = Array.from({ length: 50 }, () => poll(own.engine, pipe.reader).result);
  const apart = poll(own.engine, other.reader).result;
  own.engine.cancelDescriptor(pipe.reader);
  assertEquals(await Promise.all(polls), new Array(50).fill(-Errno.ECANCELED));
  assertEquals(own.engine.pending, 1);
  writeByte(other.writer, 1);
  assertEquals(await apart, POLLIN);
}, ringOnly);

leakTest("Engine.submit() throws Busy beyond SLOTS_MAX operations and recovers", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const polls: Promise<number>[] = [];
  while (polls.length < SLOTS_MAX) polls.push(poll(own.engine, pipe.reader).result);
  assertThrows(() => poll(own.engine, pipe.reader), Deno.errors.Busy, "Cannot start operation");
  writeByte(pipe.writer, 1);
  assertEquals([...new Set(await Promise.all(polls))], [POLLIN]);
  assertEquals(await nop(own.engine), 0);
}, ringOnly);

leakTest("Engine lets a stream wait that finds no slot, until one is free", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  using pair = socketPairOn(own.engine);
  const polls: Promise<number>[] = [];
  while (polls.length < SLOTS_MAX) polls.push(poll(own.engine, pipe.reader).result);
  assertEquals(await pair.near.write(utf8("late")), 4);
  writeByte(pipe.writer, 1);
  await Promise.all(polls);
  const buffer = new Uint8Array(8);
  assertEquals(await pair.far.read(buffer), 4);
}, ringOnly);

leakTest("Engine.held counts the operations that keep the process alive", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const { engine } = own;
  const held = poll(engine, pipe.reader);
  const free = poll(engine, pipe.reader, false);
  assertEquals([engine.pending, engine.held], [2, 1]);
  engine.hold(held.slot, held.handler, false);
  engine.hold(free.slot, free.handler, true);
  engine.hold(free.slot, held.handler, false);
  assertEquals([engine.pending, engine.held], [2, 1]);
  writeByte(pipe.writer, 1);
  await Promise.all([held.result, free.result]);
  assertEquals(engine.held, 0);
}, ringOnly);

leakTest("Engine.whenIdle() resolves when the last operation is over", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  await own.engine.whenIdle();
  let idle = false;
  const polling = poll(own.engine, pipe.reader);
  const waiting = own.engine.whenIdle().then(() => idle = true);
  await nop(own.engine);
  assertFalse(idle);
  writeByte(pipe.writer, 1);
  await Promise.all([polling.result, waiting]);
  assertEquals(own.engine.pending, 0);
}, ringOnly);

leakTest("Engine.submitNow() has the kernel start at once", async () => {
  await using own = new TestEngine();
  using pipe = new RawPipe();
  const polling = poll(own.engine, pipe.reader);
  own.engine.submitNow();
  assertFalse(own.engine.queued);
  writeByte(pipe.writer, 1);
  assertEquals(await polling.result, POLLIN);
}, ringOnly);

leakTest("Engine.runExclusive() answers as ever, and lets Deno's timers run", async () => {
  await using own = new TestEngine();
  own.engine.runExclusive({ unwindMs: 2 });
  let ticks = 0;
  const interval = setInterval(() => ticks++, 1);
  using pair = socketPairOn(own.engine);
  const block = new Uint8Array(64);
  const deadline = performance.now() + 100;
  while (performance.now() < deadline) {
    await pair.near.write(block);
    assertEquals(await pair.far.read(block), 64);
  }
  clearInterval(interval);
  assert(ticks > 5, `${ticks} ticks in 100 ms`);
  own.engine.runCooperative();
  assertEquals(await nop(own.engine), 0);
}, ringOnly);

for (const unwindMs of [0, -1, 1001, NaN]) {
  leakTest(`Engine.runExclusive() throws RangeError for unwindMs ${unwindMs}`, async () => {
    await using own = new TestEngine();
    assertThrows(() => own.engine.runExclusive({ unwindMs }), RangeError, `received ${unwindMs}`);
  }, ringOnly);
}

leakTest("Engine's memory is not freed with it", async () => {
  const own = new TestEngine();
  const { bytes } = own.engine.pool;
  await own[Symbol.asyncDispose]();
  (globalThis as { gc?: () => void }).gc?.();
  bytes[70_000] = 1;
  assertStrictEquals(bytes[70_000], 1);
}, ringOnly);

/** Resolves with the result of a no-op. */
function nop(engine: Engine): Promise<number> {
  return new Promise((complete) => {
    engine.submit({ complete }, true, Op.NOP, -1, 0, 0, 0, 0, 0, 0);
  });
}

/** A kernel that takes nothing from a full queue until completions were reaped. */
function refusingWhenFull(): UringCalls {
  return faultyCalls({
    enter: (_count, flags) => flags & Enter.GETEVENTS ? undefined : -Errno.EBUSY,
  });
}

/** An operation that waits until a descriptor can be read. */
interface PollInFlight {
  slot: number;
  handler: Completion;
  result: Promise<number>;
}

function poll(engine: Engine, fd: number, hold = true): PollInFlight {
  const { promise: result, resolve: complete } = Promise.withResolvers<number>();
  const handler = { complete };
  const slot = engine.submit(handler, hold, Op.POLL_ADD, fd, 0, 0, 0, 0, 0, POLLIN);
  return { slot, handler, result };
}
