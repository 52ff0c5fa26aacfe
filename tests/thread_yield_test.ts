// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import { assert, assertEquals, assertLess, assertRejects } from "@std/assert";
import { connect, listen, type TcpListener } from "../net/mod.ts";
import { sleep, spawn, TaskGroup, yieldNow } from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

const TASKS = 10_000;
const ROUNDS = 100;
const DELAY_MS_MAX = 2;
/** Other programs share the machine; without polls in time one in ten would take 60 ms. */
const SLOWEST_TENTH_MS_MAX = 10;

Deno.test("yieldNow() lets all go on that can run, each in its turn", async () => {
  const order: string[] = [];
  const walk = async (name: string) => {
    for (let i = 0; i < 3; i++) {
      order.push(name);
      await yieldNow();
    }
  };
  await Promise.all([walk("a"), walk("b")]);
  assertEquals(order.join(""), "ababab");
});

Deno.test("yieldNow() serves in order, also when the loop has to have its turn", async () => {
  const counts = new Array(100).fill(0);
  const end = performance.now() + 20;
  await Promise.all(counts.map(async (_, i) => {
    while (performance.now() < end) {
      counts[i]++;
      await yieldNow();
      // Who goes on later may be one round behind, and nobody more than that.
      assert(Math.abs(counts[i] - counts[(i + 50) % 100]) <= 2);
    }
  }));
  assert(counts[0] > 1);
});

Deno.test("yieldNow() lets timers of Deno fire", async () => {
  let fired = false;
  setTimeout(() => fired = true, 1);
  while (!fired) await yieldNow();
});

Deno.test("yieldNow() rejects in a task that was cancelled", async () => {
  const task = spawn(async (task) => {
    task.cancel(new Error("Enough"));
    await yieldNow();
  });
  await assertRejects(() => task.join(), Error, "Enough");
});

leakTest("10 000 tasks that yield delay a timer of 1 ms by at most 2 ms", async () => {
  const delays = await besideYielders(async () => {
    const start = performance.now();
    await new Promise((resolve) => setTimeout(resolve, 1));
    return performance.now() - start - 1;
  });
  assertShort(delays);
});

leakTest("10 000 tasks that yield delay a sleep of 1 ms by at most 2 ms", async () => {
  const delays = await besideYielders(async () => {
    const start = performance.now();
    await sleep(1);
    return performance.now() - start - 1;
  });
  assertShort(delays);
});

leakTest("10 000 tasks that yield delay an echo by at most 2 ms", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  const serving = serveOne(listener);
  using conn = await connect({ port: listener.addr.port });
  const message = new Uint8Array(64);
  const delays = await besideYielders(async () => {
    const start = performance.now();
    await conn.write(message);
    await conn.read(message);
    return performance.now() - start;
  });
  await conn.closeWrite();
  await serving;
  assertShort(delays);
});

async function serveOne(listener: TcpListener): Promise<void> {
  using conn = await listener.accept();
  const message = new Uint8Array(64);
  for (let n; (n = await conn.read(message)) !== null;) await conn.write(message.subarray(0, n));
}

/** What is measured while ten thousand tasks do nothing but yield, sorted. */
async function besideYielders(measure: () => Promise<number>): Promise<number[]> {
  await using group = new TaskGroup();
  for (let i = 0; i < TASKS; i++) {
    group.spawn(async () => {
      for (;;) await yieldNow();
    });
  }
  await sleep(20);
  const times: number[] = [];
  for (let i = 0; i < ROUNDS; i++) times.push(await measure());
  return times.sort((a, b) => a - b);
}

function assertShort(delays: readonly number[]): void {
  assertLess(delays[ROUNDS / 2], DELAY_MS_MAX);
  assertLess(delays[ROUNDS * 0.9], SLOWEST_TENTH_MS_MAX);
}
