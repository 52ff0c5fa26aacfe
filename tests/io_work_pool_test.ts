// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { engineInfo } from "../io/engine_info.ts";
import { workModule } from "../io/work_call.ts";
import { openWorkChannel, workChannel } from "../io/work_channel.ts";
import { WorkerDied } from "../io/work_error.ts";
import { WorkPool } from "../io/work_pool.ts";
import { workerTest } from "./worker_leak.ts";

const jobs = workModule<typeof import("./work_jobs.ts")>(
  new URL("work_jobs.ts", import.meta.url),
);

workerTest("call() gives the result, typed", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const sum: number = await pool.call(jobs, "add", [1, 2]);
  assertEquals(sum, 3);
});

workerTest("call() gives the result of a job that takes several turns", async () => {
  await using pool = new WorkPool({ workers: 1 });
  assertEquals(await pool.call(jobs, "echoLater", ["later"]), "later");
});

workerTest("call() carries what only structured clone can", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const value = { map: new Map([[1, new Date(5)]]), big: "x".repeat(500_000) };
  assertEquals(await pool.call(jobs, "echo", [value]), value);
});

workerTest("call() keeps class, message and cause of a built-in error", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "fail", ["range"]), RangeError);
  assertEquals(error.message, "too far");
  assertInstanceOf(error.cause, TypeError);
  assert(error.stack?.includes("work_jobs.ts"), error.stack);
});

workerTest("call() keeps class and code of Deno's errors", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const { ConnectionRefused } = Deno.errors;
  const error = await assertRejects(() => pool.call(jobs, "fail", ["deno"]), ConnectionRefused);
  assertEquals(Reflect.get(error, "code"), "ECONNREFUSED");
});

workerTest("call() keeps the name of a DOMException", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "fail", ["dom"]), DOMException);
  assertEquals([error.name, error.message], ["NotFoundError", "gone"]);
});

workerTest(
  "call() gives an error of a job's own class the nearest class and its name",
  async () => {
    await using pool = new WorkPool({ workers: 1 });
    const error = await assertRejects(() => pool.call(jobs, "fail", ["custom"]), TypeError);
    assertEquals([error.name, Reflect.get(error, "detail")], ["CustomError", 42]);
  },
);

workerTest("call() keeps the errors of an AggregateError", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "fail", ["aggregate"]), AggregateError);
  assertInstanceOf(error.errors[0], URIError);
  assertEquals(error.errors[1], 2);
});

workerTest("call() tells a cause that cannot be cloned as text", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "fail", ["uncloneable"]), Error, "odd");
  assertEquals(typeof error.cause, "string");
});

workerTest("call() rejects with what was thrown when that is no error", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const thrown = await pool.call(jobs, "fail", ["other"]).catch((thrown: unknown) => thrown);
  assertEquals(thrown, { kind: "other" });
});

workerTest("call() rejects with DataCloneError when the result cannot be cloned", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "makeFunction", []), DOMException);
  assertEquals(error.name, "DataCloneError");
  assertEquals(await pool.call(jobs, "add", [1, 1]), 2);
});

workerTest("call() rejects with DataCloneError when an argument cannot be cloned", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const error = await assertRejects(() => pool.call(jobs, "echo", [() => {}]), DOMException);
  assertEquals(error.name, "DataCloneError");
  assertEquals(pool.statistics.active, 0);
});

workerTest("call() rejects with TypeError when the module has no such function", async () => {
  await using pool = new WorkPool({ workers: 1 });
  await assertRejects(() => pool.call(String(jobs), "missing", []), TypeError, "exports no");
});

workerTest("call() rejects with TypeError when the module cannot be loaded", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const missing = new URL("no_such_module.ts", import.meta.url);
  await assertRejects(() => pool.call(missing, "run", []), TypeError, "Module not found");
});

workerTest("call() rejects with TypeError when the URL is not absolute", async () => {
  await using pool = new WorkPool({ workers: 1 });
  await assertRejects(() => pool.call("./job.ts", "run", []), TypeError);
});

workerTest("call() moves what is transferred", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const bytes = new Uint8Array(1000).fill(3);
  const sum = pool.call(jobs, "byteSum", [bytes], { transfer: [bytes.buffer] });
  assertEquals(bytes.length, 0);
  assertEquals(await sum, 3000);
});

workerTest("call() starts nothing when its signal is aborted before", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const signal = AbortSignal.abort(new Error("early"));
  await assertRejects(() => pool.call(jobs, "add", [1, 2], { signal }), Error, "early");
  assertEquals(pool.statistics.workers, 0);
});

workerTest("call() that is aborted while it waits in the queue never starts", async () => {
  await using pool = new WorkPool({ workers: 1, callsPerWorker: 1 });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const blocked = pool.call(jobs, "blockUntil", [flags, 1]);
  const controller = new AbortController();
  const waiting = pool.call(jobs, "add", [1, 2], { signal: controller.signal });
  assertEquals(pool.statistics.queued, 1);
  controller.abort(new Error("enough"));
  await assertRejects(() => waiting, Error, "enough");
  assertEquals(pool.statistics.queued, 0);
  release(flags, 1);
  assertEquals(await blocked, "released");
});

workerTest("call() that is aborted while it runs rejects at once and tells the job", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const controller = new AbortController();
  const call = pool.call(jobs, "waitForAbort", [flags], { signal: controller.signal });
  await flag(flags, 0);
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  await flag(flags, 1);
});

workerTest("call() that is aborted after its end does nothing", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const controller = new AbortController();
  const { signal } = controller;
  assertEquals(await pool.call(jobs, "add", [1, 2], { signal }), 3);
  controller.abort();
  assertEquals(await pool.call(jobs, "add", [2, 2]), 4);
});

workerTest("call() is refused with Busy beyond queueMax, and room() waits", async () => {
  await using pool = new WorkPool({ workers: 1, callsPerWorker: 1, queueMax: 1 });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const blocked = pool.call(jobs, "blockUntil", [flags, 1]);
  const queued = pool.call(jobs, "add", [1, 2]);
  await assertRejects(() => pool.call(jobs, "add", [3, 4]), Deno.errors.Busy);
  const room = pool.room();
  release(flags, 1);
  await room;
  assertEquals(await pool.call(jobs, "add", [5, 6]), 11);
  assertEquals(await Promise.all([blocked, queued]), ["released", 3]);
});

workerTest("calls to one worker start in their order", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const order: number[] = [];
  const calls = Array.from({ length: 1000 }, async (_, index) => {
    order.push(await pool.call(jobs, "add", [index, 0]));
  });
  await Promise.all(calls);
  assertEquals(order, Array.from({ length: 1000 }, (_, index) => index));
});

for (const job of ["exit", "closeWorker"] as const) {
  workerTest(`call() rejects with WorkerDied when the job ends its worker: ${job}`, async () => {
    await using pool = new WorkPool({ workers: 1 });
    await assertRejects(() => Promise.resolve(pool.call(jobs, job, [])), WorkerDied);
    assertEquals(await pool.call(jobs, "add", [1, 2]), 3);
    assertEquals(pool.statistics.died, 1);
  });
}

workerTest("call() rejects with WorkerDied when the worker throws outside of a call", async () => {
  await using pool = new WorkPool({ workers: 1 });
  await assertRejects(() => pool.call(jobs, "throwLater", []), WorkerDied, "nobody asked");
  assertEquals(await pool.call(jobs, "add", [1, 2]), 3);
});

workerTest("a call in the queue of a worker that dies goes to the next one", async () => {
  await using pool = new WorkPool({ workers: 1, callsPerWorker: 1 });
  const dying = pool.call(jobs, "exit", []);
  const waiting = pool.call(jobs, "add", [1, 2]);
  await assertRejects(() => Promise.resolve(dying), WorkerDied);
  assertEquals(await waiting, 3);
});

workerTest("an abort ends the worker where the pool says so", async () => {
  await using pool = new WorkPool({ workers: 1, callsPerWorker: 1, onAbort: "terminate" });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const controller = new AbortController();
  const call = pool.call(jobs, "blockUntil", [flags, 1], { signal: controller.signal });
  await flag(flags, 0);
  controller.abort(new Error("enough"));
  await assertRejects(() => call, Error, "enough");
  // Deno lets it go on for 10 s otherwise.
  release(flags, 1);
  assertEquals(await pool.call(jobs, "add", [1, 2]), 3);
});

workerTest("close() finishes the calls and refuses new ones", async () => {
  const pool = new WorkPool({ workers: 2 });
  const calls = Array.from({ length: 100 }, (_, index) => pool.call(jobs, "echoLater", [index]));
  const closing = pool.close();
  await assertRejects(() => pool.call(jobs, "add", [1, 2]), Deno.errors.BadResource);
  assertEquals((await Promise.all(calls)).length, 100);
  await closing;
  assertEquals(pool.statistics, { workers: 0, active: 0, queued: 0, died: 0 });
});

workerTest("terminate() rejects calls and leaves nothing behind", async () => {
  const pool = new WorkPool({ workers: 1, callsPerWorker: 1 });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  const blocked = assertRejects(() => pool.call(jobs, "blockUntil", [flags, 1]), WorkerDied);
  const queued = assertRejects(() => pool.call(jobs, "add", [1, 2]), Deno.errors.BadResource);
  await flag(flags, 0);
  const terminated = pool.terminate();
  release(flags, 1);
  await Promise.all([blocked, queued, terminated]);
});

workerTest(
  "a pool that is closed before its worker has started leaves nothing behind",
  async () => {
    const pool = new WorkPool({ workers: 1 });
    const call = assertRejects(() => pool.call(jobs, "add", [1, 2]), WorkerDied);
    await pool.terminate();
    await call;
  },
);

workerTest("a worker with an operation on each of 1000 sockets is terminated cleanly", async () => {
  const pool = new WorkPool({ workers: 1 });
  const flags = new Int32Array(new SharedArrayBuffer(8));
  // The portable engine has no socket pairs.
  if (await pool.call(jobs, "engineName", []) === "deno") return await pool.close();
  const call = assertRejects(() => pool.call(jobs, "holdReads", [1000, flags]), WorkerDied);
  await flag(flags, 0);
  await pool.terminate();
  await call;
});

workerTest("run() starts a main on every worker, which share a port", async () => {
  // Deno shares ports with --unstable-net only.
  if (engineInfo().engine === "deno") return;
  await using pool = new WorkPool({ workers: 2 });
  const port = freePort();
  const service = pool.run(jobs, { name: "echoMain", args: [port] });
  assertEquals(await service.ready, [port, port]);
  const seen = new Set<string>();
  // The kernel picks by the peer's port: 60 times the same one does not happen.
  for (let round = 0; round < 60; round++) seen.add(await answerOf(port));
  assertEquals([...seen].sort(), ["0", "1"]);
  await service.stop();
});

workerTest("run() rejects with the first error and stops the others", async () => {
  await using pool = new WorkPool({ workers: 2 });
  const service = pool.run(jobs, { name: "missing" });
  await assertRejects(() => service.finished, TypeError);
  await assertRejects(() => service.ready, TypeError);
});

workerTest("run() stops when its signal is aborted", async () => {
  await using pool = new WorkPool({ workers: 2 });
  const controller = new AbortController();
  const service = pool.run(jobs, { name: "placeMain", signal: controller.signal });
  assertEquals(await service.ready, ["0 of 2", "1 of 2"]);
  controller.abort();
  await service.finished;
});

workerTest("close() stops the services", async () => {
  const pool = new WorkPool({ workers: 2 });
  const service = pool.run(jobs, { name: "placeMain" });
  await service.ready;
  await pool.close();
  await service.finished;
});

workerTest("pinCpus keeps each worker on one CPU", async () => {
  let pool: WorkPool;
  try {
    pool = new WorkPool({ workers: 1, pinCpus: true });
  } catch (error) {
    return assertInstanceOf(error, Deno.errors.NotSupported);
  }
  const cpus = await pool.call(jobs, "cpusAllowed", []);
  await pool.close();
  assertEquals(cpus.length, 1);
});

workerTest("a channel carries messages to a worker and back", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const [here, there] = workChannel();
  const done = pool.call(jobs, "echoChannel", [there]);
  const channel = openWorkChannel(here);
  const values = [null, true, -1.5, 2n ** 80n, "ä😀", [1, [2]], { a: new Uint8Array([1, 2]) }];
  for (const value of values) await channel.send(value);
  for (const value of values) assertEquals(await channel.receive(), value);
  channel.close();
  assertEquals(await done, values.length);
});

workerTest("100 000 messages arrive once, in order and whole", async () => {
  await using pool = new WorkPool({ workers: 1 });
  const [here, there] = workChannel({ capacityBytes: 16_384 });
  const result = pool.call(jobs, "checksum", [there]);
  using channel = openWorkChannel(here);
  let sum = 0;
  for (let index = 0; index < 100_000; index++) {
    const bytes = new Uint8Array(index % 50).fill(index);
    for (const byte of bytes) sum = (sum * 31 + byte) | 0;
    await channel.send([index, bytes]);
  }
  channel.close();
  assertEquals(await result, [100_000, sum]);
});

workerTest("a worker that sleeps between calls is always woken", async () => {
  await using pool = new WorkPool({ workers: 1 });
  for (let round = 0; round < 400; round++) {
    // Around the moments at which either side stops watching, blocks, or falls asleep.
    await spend((round % 40) * 100);
    assertEquals(await pool.call(jobs, "echo", [round]), round);
  }
});

Deno.test("WorkPool() refuses numbers that are out of range", () => {
  assertThrows(() => new WorkPool({ workers: 0 }), RangeError);
  assertThrows(() => new WorkPool({ callsPerWorker: 0.5 }), RangeError);
  assertThrows(() => new WorkPool({ queueMax: -1 }), RangeError);
});

async function flag(flags: Int32Array<SharedArrayBuffer>, index: number): Promise<void> {
  await Atomics.waitAsync(flags, index, 0).value;
}

function release(flags: Int32Array<SharedArrayBuffer>, index: number): void {
  Atomics.store(flags, index, 1);
  Atomics.notify(flags, index);
}

function freePort(): number {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  return listener.addr.port;
}

async function answerOf(port: number): Promise<string> {
  using conn = await Deno.connect({ hostname: "127.0.0.1", port });
  const bytes = new Uint8Array(8);
  const count = await conn.read(bytes) ?? 0;
  return new TextDecoder().decode(bytes.subarray(0, count));
}

/** Lets other turns pass for so many microseconds. */
async function spend(durationUs: number): Promise<void> {
  const end = performance.now() + durationUs / 1000;
  while (performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 0));
}
