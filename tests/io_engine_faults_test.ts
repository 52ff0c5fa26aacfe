// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { Op, RecvSend } from "../ffi/abi.ts";
import { Errno } from "../ffi/errno.ts";
import { type UringCalls, uringCalls } from "../ffi/uring.ts";
import { setSocketOption } from "../ffi/socket_option.ts";
import type { EngineOptions } from "../io/engine.ts";
import { STANDING_AFTER_READS } from "../io/receiver.ts";
import { exchange, pipeOn, receive, send, socketPairOn, takeTurns } from "./engine_streams.ts";
import { EntryFaults, faultyCalls, ringOnly, shortTransfers, TestEngine } from "./faulty_ring.ts";
import { leakTest } from "./leak.ts";
import { patternBytes, writeAll } from "./transfer.ts";

const STORM_MS_MAX = 10_000;
const SMALL_STEPS = { writeBytes: 700, readBytes: 1000 };

for (const code of ["EINTR", "EBUSY", "EAGAIN"] as const) {
  leakTest(`Engine loses no byte while every second enter fails with ${code}`, async () => {
    const calls = faultyCalls({ enter: (count) => count % 2 === 1 ? -Errno[code] : undefined });
    await using own = new TestEngine({ ring: { calls } });
    await exchange(own.engine, 20, 50_000, SMALL_STEPS);
  }, ringOnly);
}

leakTest("Engine loses no byte while real signals interrupt its waits", async () => {
  const calls = uringCalls();
  let interrupted = 0;
  const enter: UringCalls["enter"] = (...call) => {
    const result = calls.enter(...call);
    if (result === -Errno.EINTR) interrupted++;
    return result;
  };
  await using own = new TestEngine({ ring: { calls: { ...calls, enter } } });
  own.engine.runExclusive({ unwindMs: 20 });
  const onSignal = () => {};
  Deno.addSignalListener("SIGWINCH", onSignal);
  const script = "while kill -WINCH $0; do :; done 2>/dev/null";
  const storm = new Deno.Command("sh", { args: ["-c", script, `${Deno.pid}`] }).spawn();
  const deadline = performance.now() + STORM_MS_MAX;
  while (interrupted < 3 && performance.now() < deadline) {
    await exchange(own.engine, 4, 20_000, SMALL_STEPS);
    // Nothing completes before the timer is due: the thread waits inside the kernel.
    for (let wait = 0; wait < 20; wait++) {
      await new Promise<void>((resolve) => own.engine.startTimer(0.5, resolve));
    }
  }
  storm.kill("SIGKILL");
  await storm.status;
  Deno.removeSignalListener("SIGWINCH", onSignal);
  assert(interrupted > 0, "No wait was interrupted");
}, ringOnly);

for (const bytesMax of [1, 7, 4096]) {
  leakTest(`Engine loses no byte when the kernel moves ${bytesMax} at most`, async () => {
    const calls = new EntryFaults(shortTransfers(bytesMax));
    await using own = new TestEngine({ ring: { calls } });
    calls.attach(own.engine.ring);
    const bytes = Math.min(bytesMax * 1500, 1_000_000);
    await exchange(own.engine, 4, bytes, { writeBytes: 60_000, readBytes: 60_000 });
    using pipe = pipeOn(own.engine);
    const pattern = patternBytes(bytes);
    await Promise.all([send(pipe.far, pattern, 60_000), receive(pipe.near, pattern, 60_000)]);
    assert(own.engine.statistics.completions > bytes / bytesMax, "Nothing was cut short");
  }, ringOnly);
}

leakTest("Engine loses no byte to a slow reader with the smallest socket buffers", async () => {
  await using own = new TestEngine();
  using pair = socketPairOn(own.engine);
  setSocketOption(pair.far.stream.fd, "sendBufferBytes", 1);
  setSocketOption(pair.near.stream.fd, "receiveBufferBytes", 1);
  const bytes = patternBytes(200_000);
  await Promise.all([send(pair.far, bytes, 65_536), receive(pair.near, bytes, 333)]);
}, ringOnly);

// Data: how many blocks receives share.
const FEW_BLOCKS: EngineOptions[] = [2, 4].map((blocks) => ({
  smallReceiveBlocks: blocks,
  largeReceiveBlocks: blocks,
}));

for (const options of FEW_BLOCKS) {
  const blocks = options.smallReceiveBlocks;
  leakTest(`Engine serves 32 streams with ${blocks} receive blocks while one stalls`, async () => {
    await using own = new TestEngine(options);
    using stalled = socketPairOn(own.engine);
    // Its reader takes a few bytes, so that a receive was started, and then no more.
    const flood = writeUntilRefused(stalled.far);
    await stalled.near.read(new Uint8Array(10));
    await exchange(own.engine, 32, 60_000, SMALL_STEPS);
    await exchange(own.engine, 8, 1_000_000, { writeBytes: 65_536, readBytes: 65_536 });
    stalled.near[Symbol.dispose]();
    await flood;
  }, ringOnly);

  leakTest(
    `Engine answers 32 reads that find ${blocks} blocks at once, however many wait`,
    async () => {
      await using own = new TestEngine(options);
      const pairs = Array.from({ length: 32 }, () => socketPairOn(own.engine));
      // Two reads each: the second must not start a receive while the first waits for a block.
      const received = pairs.map(async ({ near }) => {
        const [first, second] = [new Uint8Array(3), new Uint8Array(2)];
        const reads = [near.read(first), near.read(second)];
        assertEquals(await Promise.all(reads), [3, 2]);
        return [...first, ...second];
      });
      pairs.forEach(({ far }, index) => far.write(patternBytes(5, index)));
      assertEquals(
        await Promise.all(received),
        pairs.map((_, index) => [...patternBytes(5, index)]),
      );
      pairs.forEach((pair) => pair[Symbol.dispose]());
    },
    ringOnly,
  );
}

leakTest("Engine lets reads of a stream queue up while the blocks are out", async () => {
  const readers = 16;
  await using own = new TestEngine({ smallReceiveBlocks: 2, largeReceiveBlocks: 2 });
  await Promise.all(Array.from({ length: readers }, async (_, index) => {
    using pair = socketPairOn(own.engine);
    const bytes = patternBytes(6000, index);
    const writing = writeAll(pair.far, bytes);
    let next = 0;
    while (next < bytes.length) {
      const blocks = Array.from({ length: 4 }, () => new Uint8Array(50));
      // Started together, answered in order.
      const counts = await Promise.all(blocks.map((block) => pair.near.read(block)));
      for (const [at, count] of counts.entries()) {
        assertEquals(blocks[at].subarray(0, count!), bytes.subarray(next, next + count!));
        next += count!;
      }
      if (next === bytes.length) break;
    }
    await writing;
  }));
}, ringOnly);

leakTest(
  "Engine reads one by one where the kernel has no standing receives (before 6.0)",
  async () => {
    let refused = 0;
    const calls = new EntryFaults((sqes, at) => {
      const isStanding = (sqes[at] & 0xff) === Op.RECV && (sqes[at] >>> 16) & RecvSend.MULTISHOT;
      if (!isStanding) return;
      refused++;
      // No kernel has this operation: it ends with EINVAL as well.
      sqes[at] = 255;
    });
    await using own = new TestEngine({ ring: { calls } });
    calls.attach(own.engine.ring);
    for (let round = 0; round < 3; round++) {
      using pair = socketPairOn(own.engine);
      await takeTurns(pair, STANDING_AFTER_READS + 5);
    }
    assertEquals(refused, 1);
  },
  ringOnly,
);

leakTest("Engine runs on without the microtask runner of Deno's core", async () => {
  const key = Reflect.get(Deno, "internal") as symbol;
  const internals = Reflect.get(Deno, key) as { core: unknown };
  const { core } = internals;
  internals.core = {};
  await using own = new TestEngine();
  const exchanging = exchange(own.engine, 4, 50_000, SMALL_STEPS);
  await exchanging.finally(() => internals.core = core);
  const { turns, enters } = own.engine.statistics;
  assert(turns > 0.8 * enters, `${turns} turns for ${enters} rounds`);
}, ringOnly);

/** Writes until a write waits for room, and gives its end. */
async function writeUntilRefused(conn: { write(p: Uint8Array): Promise<number> }): Promise<void> {
  const block = new Uint8Array(65_536);
  for (;;) {
    try {
      await conn.write(block);
    } catch {
      return;
    }
  }
}
