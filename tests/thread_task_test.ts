// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertMatch, assertRejects, assertThrows } from "@std/assert";
import { AsyncLocalStorage } from "node:async_hooks";
import fc from "fast-check";
import { onStorage, openTaskContext } from "../thread/async_context.ts";
import {
  CoroutineLocal,
  currentTask,
  dumpTasks,
  Mutex,
  Semaphore,
  shield,
  sleep,
  spawn,
  type Task,
  TaskGroup,
  traceWaits,
  yieldNow,
} from "../thread/mod.ts";
import { leakTest } from "./leak.ts";

const RUNS = 50;
const TREE_DEPTH_MAX = 4;
const reason = new Error("Enough");

Deno.test("spawn() lets the caller go on, and begins with the next microtask", async () => {
  const order: string[] = [];
  const task = spawn(() => order.push("task"));
  order.push("caller");
  assertEquals(task.status, "ready");
  assertEquals(await task.join(), 2);
  assertEquals(order, ["caller", "task"]);
  assertEquals(task.status, "completed");
});

Deno.test("Task.join() gives the result to all, and throws the error of the function", async () => {
  const task = spawn(() => Promise.resolve(7));
  assertEquals(await Promise.all([task.join(), task.join({ timeoutMs: 1_000 })]), [7, 7]);
  const failing = spawn(() => {
    throw reason;
  });
  await assertRejects(() => failing.join(), Error, "Enough");
  assertEquals(failing.status, "failed");
});

Deno.test("Task.join() is refused to the task itself", async () => {
  const task: Task<unknown> = spawn(() => task.join());
  await assertRejects(() => task.join(), TypeError, "itself");
});

Deno.test("Task.cancel() keeps a task from beginning", async () => {
  const task = spawn(() => assert(false, "it began"));
  task.cancel();
  const error = await assertRejects(() => task.join(), DOMException, "cancelled");
  assertEquals(error.name, "AbortError");
  assertEquals(task.status, "cancelled");
});

Deno.test("Task.cancel() aborts the signal, which may be asked for before and after", async () => {
  const early = spawn((task) => aborted(task.signal));
  await yieldNow();
  early.cancel(reason);
  assertEquals(await early.join(), reason);
  assertEquals(early.status, "completed");
  const late = spawn((task) => {
    task.cancel(reason);
    return task.signal.reason;
  });
  assertEquals(await late.join(), reason);
});

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve(signal.reason), { once: true })
  );
}

Deno.test("Task.cancel() does nothing when the task is over", async () => {
  const task = spawn(() => 1);
  await task.join();
  task.cancel();
  assertEquals([task.status, await task.join()], ["completed", 1]);
});

Deno.test("Task.cancel() ends all waits of a task, and those of what it awaits", async () => {
  const never = new Semaphore();
  const task = spawn(() =>
    Promise.allSettled([never.wait(), sleep(60_000), (async () => await never.wait())()])
  );
  await yieldNow();
  task.cancel(reason);
  const rejected = { status: "rejected", reason };
  assertEquals(await task.join(), [rejected, rejected, rejected] as never);
  assertEquals(never.waiting, 0);
});

Deno.test("Task.cancel() stops a computation that yields", async () => {
  const task = spawn(async () => {
    for (;;) await yieldNow();
  });
  await sleep(2);
  task.cancel(reason);
  await assertRejects(() => task.join(), Error, "Enough");
});

Deno.test("spawn() with a signal cancels with the reason of the signal", async () => {
  await assertRejects(() => spawn(() => 1, { signal: AbortSignal.abort(reason) }).join(), Error);
  const controller = new AbortController();
  const task = spawn(() => sleep(60_000), { signal: controller.signal });
  await yieldNow();
  controller.abort(reason);
  await assertRejects(() => task.join(), Error, "Enough");
});

Deno.test("a task that fails and is not joined is an unhandled rejection", async () => {
  const unhandled = new Promise((resolve) => {
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      resolve(event.reason);
    }, { once: true });
  });
  spawn(() => Promise.reject(reason));
  assertEquals(await unhandled, reason);
});

Deno.test("await using a task cancels it, and throws what it failed with", async () => {
  const task = spawn(() => sleep(60_000));
  await (async () => {
    await using _task = task;
    await yieldNow();
  })();
  assertEquals(task.status, "cancelled");
  await assertRejects(
    async () => {
      await using _task = spawn(() => Promise.reject(reason));
      await sleep(0);
      await sleep(0);
    },
    Error,
    "Enough",
  );
});

Deno.test("shield() lets a cancelled task clean up", async () => {
  const mutex = new Mutex();
  const task = spawn(async () => {
    try {
      await sleep(60_000);
    } finally {
      await assertRejects(() => sleep(1));
      await shield(async () => {
        using _lock = await mutex.lock();
        await sleep(1);
      });
    }
  });
  await yieldNow();
  const held = await mutex.lock();
  task.cancel(reason);
  while (mutex.waiting === 0) await yieldNow();
  held.unlock();
  await assertRejects(() => task.join(), Error, "Enough");
});

Deno.test("currentTask() follows awaits and timers, and ends with spawn", async () => {
  assertEquals(currentTask(), undefined);
  const outer = spawn(async (task) => {
    await sleep(1);
    assertEquals(currentTask(), task);
    const inner = spawn((task) => assertEquals(currentTask(), task));
    await inner.join();
    await new Promise((resolve) => setTimeout(resolve));
    return currentTask() === task;
  });
  assertEquals(currentTask(), undefined);
  assert(await outer.join());
});

Deno.test("currentTask() and AsyncLocalStorage do not disturb each other", async () => {
  const storage = new AsyncLocalStorage<string>();
  await storage.run("outer", async () => {
    const task = spawn(async (task) => {
      await yieldNow();
      assertEquals(storage.getStore(), "outer");
      return await storage.run("inner", async () => {
        const nested = spawn(() => storage.getStore());
        await yieldNow();
        return [currentTask() === task, await nested.join()];
      });
    });
    assertEquals(await task.join(), [true, "inner"]);
    assertEquals(storage.getStore(), "outer");
  });
});

for (const [name, open] of Object.entries({ onStorage, openTaskContext })) {
  Deno.test(`${name}() gives each coroutine its own value`, async () => {
    const context = open<{ id: number }>();
    const read = async () => {
      await new Promise((resolve) => setTimeout(resolve));
      return context.get()?.id;
    };
    const ids = [1, 2].map((id) => context.run({ id }, read, undefined));
    assertEquals(await Promise.all([...ids, read()]), [1, 2, undefined]);
    const inside = context.run({ id: 3 }, () => context.snapshot(), undefined);
    assertEquals(inside(() => context.get()?.id), 3);
    assertEquals(context.get(), undefined);
  });
}

Deno.test("dumpTasks() lists who lives, how far, and where it waits", async () => {
  const before = dumpTasks().length;
  const never = new Semaphore();
  traceWaits(true);
  await using _waiting = spawn(() => never.wait(), { name: "waiter" });
  await yieldNow();
  traceWaits(false);
  await using _ready = spawn(function named() {});
  const [waiter, named] = dumpTasks().slice(before);
  assertEquals([waiter.name, waiter.status, named.name, named.status], [
    ...["waiter", "waiting"],
    ...["named", "ready"],
  ]);
  assertEquals(waiter.waits.map(({ what }) => what), ["take permits of a semaphore"]);
  assertMatch(waiter.waits[0].stack!, /thread_task_test\.ts/);
});

Deno.test("dumpTasks() forgets who is over", async () => {
  const before = dumpTasks().length;
  await Promise.all(Array.from({ length: 100 }, () => spawn(() => sleep(0)).join()));
  assertEquals(dumpTasks().length, before);
});

Deno.test("thread_local.basic: each task makes a value of its own", async () => {
  let made = 0;
  const local = new CoroutineLocal(() => ({ id: ++made }));
  const ids = await Promise.all([1, 2].map(() =>
    spawn(async () => {
      const first = local.get();
      await yieldNow();
      return first === local.get() ? first.id : 0;
    }).join()
  ));
  assertEquals(ids, [1, 2]);
  assertEquals(local.get().id, 3);
});

Deno.test("CoroutineLocal.run() reaches tasks that are spawned inside, and ends", async () => {
  const local = new CoroutineLocal(() => "none");
  const task = local.run("some", () => spawn(() => local.get()));
  assertEquals(local.get(), "none");
  assertEquals(await task.join(), "some");
});

Deno.test("shield() leaves the task and its values what they are", async () => {
  const local = new CoroutineLocal(() => ({}));
  const task = spawn((task) => {
    const own = local.get();
    return shield(() => currentTask() === task && local.get() === own);
  });
  assert(await task.join());
});

leakTest("TaskGroup: the first error cancels the rest, and join() throws it", async () => {
  await using group = new TaskGroup();
  const tasks = [0, 1, 2].map(() => group.spawn(() => sleep(60_000)));
  group.spawn(async () => {
    await sleep(1);
    throw reason;
  });
  await assertRejects(() => group.join(), Error, "Enough");
  assertEquals(tasks.map(({ status }) => status), ["cancelled", "cancelled", "cancelled"]);
});

leakTest("TaskGroup: an error that was not joined is thrown at the end of the block", async () => {
  await assertRejects(
    async () => {
      await using group = new TaskGroup();
      group.spawn(() => Promise.reject(reason));
      await sleep(1);
    },
    Error,
    "Enough",
  );
});

leakTest("TaskGroup: no task outlives the block, not even one that cleans up", async () => {
  let cleaned = 0;
  await (async () => {
    await using group = new TaskGroup();
    for (let i = 0; i < 100; i++) {
      group.spawn(async () => {
        try {
          await sleep(60_000);
        } finally {
          await shield(() => sleep(1));
          cleaned++;
        }
      });
    }
    await yieldNow();
  })();
  assertEquals(cleaned, 100);
});

leakTest("TaskGroup: giving up on join() cancels the tasks first", async () => {
  await using group = new TaskGroup();
  const task = group.spawn(() => sleep(60_000));
  await assertRejects(() => group.join({ timeoutMs: 2 }), Deno.errors.TimedOut);
  assertEquals(task.status, "cancelled");
});

leakTest("TaskGroup: cancelling the owner cancels the tasks", async () => {
  let inner: Task<void>;
  const owner = spawn(() =>
    TaskGroup.run((group) => {
      inner = group.spawn(() => sleep(60_000));
    })
  );
  await sleep(1);
  owner.cancel(reason);
  await assertRejects(() => owner.join(), Error, "Enough");
  assertEquals(inner!.status, "cancelled");
});

leakTest("TaskGroup: a signal cancels the tasks, also those still to come", async () => {
  const controller = new AbortController();
  await using group = new TaskGroup({ signal: controller.signal });
  const task = group.spawn(() => sleep(60_000));
  await yieldNow();
  controller.abort(reason);
  const late = group.spawn(() => assert(false));
  await assertRejects(() => group.join(), Error, "Enough");
  assertEquals([task.status, late.status], ["cancelled", "cancelled"]);
});

Deno.test("TaskGroup.spawn() is refused when the group was disposed", async () => {
  const group = new TaskGroup();
  await group[Symbol.asyncDispose]();
  assertThrows(() => group.spawn(() => 1), TypeError, "disposed");
});

Deno.test("TaskGroup.run() answers what its function answered, after all tasks", async () => {
  let done = 0;
  const answer = await TaskGroup.run((group) => {
    for (let i = 0; i < 5; i++) group.spawn(() => sleep(1).then(() => done++));
    return "answer";
  });
  assertEquals([answer, done], ["answer", 5]);
});

/** A tree of tasks; at -1 the task fails, and every other number is how often it yields. */
type Tree = { steps: number; children: Tree[] };

const { tree } = fc.letrec<{ tree: Tree }>((tie) => ({
  tree: fc.record({
    steps: fc.integer({ min: -1, max: 8 }),
    children: fc.oneof(
      { maxDepth: TREE_DEPTH_MAX },
      fc.constant<Tree[]>([]),
      fc.array(tie("tree"), { maxLength: 3 }),
    ),
  }),
}));

leakTest("TaskGroup: whatever a tree of groups does, nothing of it runs afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(tree, fc.nat({ max: 20 }), async (tree, cancelAfter) => {
      let running = 0;
      const grow = async ({ steps, children }: Tree): Promise<void> => {
        running++;
        try {
          await using group = new TaskGroup();
          for (const child of children) group.spawn(() => grow(child));
          for (let i = 0; i < steps; i++) await yieldNow();
          if (steps < 0) throw reason;
          await group.join();
        } finally {
          running--;
        }
      };
      const task = spawn(() => grow(tree));
      const ended = task.join().catch(() => {});
      for (let i = 0; i < cancelAfter; i++) await yieldNow();
      task.cancel();
      await ended;
      assertEquals(running, 0);
    }),
    { numRuns: RUNS },
  );
});

Deno.test("spawn: 10 000 tasks at once", async () => {
  const tasks = Array.from({ length: 10_000 }, (_, i) => spawn(() => sleep(i % 3).then(() => i)));
  let sum = 0;
  for (const task of tasks) sum += await task.join();
  assertEquals(sum, 49_995_000);
});
