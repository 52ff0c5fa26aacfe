// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { blocking, BLOCKING_IDLE_MS } from "../io/work_blocking.ts";
import { workModule } from "../io/work_call.ts";
import { workerTest } from "./worker_leak.ts";

const jobs = workModule<typeof import("./work_jobs.ts")>(
  new URL("work_jobs.ts", import.meta.url),
);

workerTest("blocking() computes while the loop goes on", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(4));
  // It ends only because the loop here goes on.
  const result = blocking((flags: Int32Array<SharedArrayBuffer>) => {
    Atomics.wait(flags, 0, 0);
    return Atomics.load(flags, 0);
  }, [flags]);
  await new Promise((resolve) => setTimeout(resolve, 1));
  Atomics.store(flags, 0, 42);
  Atomics.notify(flags, 0);
  assertEquals(await result, 42);
  await retired();
});

workerTest("blocking() runs a function of a module", async () => {
  assertEquals(await blocking(jobs, "add", [1, 2]), 3);
  await retired();
});

workerTest("blocking() throws what the function throws", async () => {
  const run = () => {
    throw new RangeError("no");
  };
  await assertRejects(() => blocking(run, []), RangeError, "no");
  await retired();
});

workerTest("blocking() gives each call a worker of its own", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(4));
  // Each waits until both are there.
  const meet = (flags: Int32Array<SharedArrayBuffer>) => {
    Atomics.add(flags, 0, 1);
    Atomics.notify(flags, 0);
    while (Atomics.load(flags, 0) < 2) Atomics.wait(flags, 0, 1);
    return true;
  };
  assertEquals(await Promise.all([blocking(meet, [flags]), blocking(meet, [flags])]), [true, true]);
  await retired();
});

workerTest("blocking() lets go of a call whose signal is aborted", async () => {
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const controller = new AbortController();
  const call = blocking(jobs, "blockUntil", [flags, 1], { signal: controller.signal });
  await Atomics.waitAsync(flags, 0, 0).value;
  controller.abort(new Error("enough"));
  const error = await call.catch((error: unknown) => error);
  assert(error instanceof Error && error.message === "enough");
  // Deno would let the worker go on for 10 s otherwise.
  Atomics.store(flags, 1, 1);
  Atomics.notify(flags, 1);
  await retired();
});

async function retired(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, BLOCKING_IDLE_MS + 50));
}
