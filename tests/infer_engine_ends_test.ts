// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects } from "@std/assert";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineOptions } from "../infer/engine/engine_options.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { WorkerDied } from "../io/work_error.ts";
import { MODELS } from "./infer_model.ts";
import { workerTest } from "./worker_leak.ts";

// How requests and engines end otherwise than by an answer.

const MODEL = `${MODELS}llama-tied-default`;
const LONG = { temperature: 0, ignoreEos: true } as const;
const POLL_INTERVAL_MS = 2;

function load(options: EngineOptions = {}): Promise<Engine> {
  const backend = new URL("infer_hash_model.ts", import.meta.url);
  return Engine.load(MODEL, { backend, ...options });
}

function loadFaulty(fault: string): Promise<Engine> {
  return load({ backend: new URL(`infer_hash_model.ts?fault=${fault}`, import.meta.url) });
}

/** Resolves when nothing runs. */
async function idle(engine: Engine): Promise<void> {
  for (;;) {
    const { running, waiting, usedBlocks } = engine.stats();
    if (running + waiting + usedBlocks === 0) return;
    await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
  }
}

workerTest("a signal gives a request up, wherever it is, and frees its blocks", async () => {
  await using engine = await load({ sequencesMax: 2, tokensMax: 8 });
  const controllers = Array.from({ length: 4 }, () => new AbortController());
  const generations = controllers.map(({ signal }) =>
    engine.generate("the cat", { ...LONG, signal, n: 2 })
  );
  const reason = new Error("enough");
  for await (const { tokens } of generations[0]!) if (tokens.length > 0) break;
  controllers[1]!.abort(reason);
  controllers[2]!.abort(reason);
  const results = await Promise.allSettled(generations.slice(0, 3));
  const reasons = results.map((result) => result.status === "rejected" ? result.reason : null);
  assertEquals([reasons[0].name, reasons[1], reasons[2]], ["AbortError", reason, reason]);
  await generations[3];
  await idle(engine);
  assertEquals(engine.stats().abortedRequests, 3);
  const signal = AbortSignal.abort(reason);
  await assertRejects(() => engine.generate("the cat", { signal }), Error, "enough");
  await assertRejects(() => engine.embed("the cat", { signal }), Error, "enough");
});

workerTest("leaving the loop gives the request up", async () => {
  await using engine = await load();
  const generation = engine.generate("the cat", LONG);
  for await (const _ of generation) break;
  await assertRejects(() => generation, DOMException, "not read to its end");
  await idle(engine);
});

workerTest("close() rejects what is on its way, and what comes later", async () => {
  const engine = await load();
  const running = engine.generate("the cat", LONG);
  const scored = engine.score("the cat");
  const closed = engine.close();
  await assertRejects(() => running, Deno.errors.BadResource, "closed");
  await assertRejects(() => scored, Deno.errors.BadResource, "closed");
  await closed;
  await engine.close();
  await assertRejects(() => engine.generate("the cat"), Deno.errors.BadResource, "closed");
});

workerTest("an error of the backend ends the engine, and all requests hear it", async () => {
  await using engine = await loadFaulty("throw");
  const [one, two] = [engine.generate("the cat", LONG), engine.generate("the dog", LONG)];
  await assertRejects(() => one, RangeError, "the device is on fire");
  await assertRejects(() => Array.fromAsync(two), RangeError, "the device is on fire");
  await assertRejects(() => engine.score("the cat"), RangeError, "the device is on fire");
});

for (const fault of ["exit", "close"]) {
  workerTest(`a worker that dies is reported (${fault})`, async () => {
    await using engine = await loadFaulty(fault);
    await assertRejects(() => engine.generate("the cat", LONG), WorkerDied, "died");
    await assertRejects(() => engine.generate("the cat", LONG), WorkerDied, "died");
  });
}

workerTest("load() says what is wrong", async () => {
  await assertRejects(() => Engine.load(`${MODELS}none`), Deno.errors.NotFound);
  await assertRejects(() => Engine.load(`${MODELS}../make_chats.py`), ModelFileError);
  await assertRejects(() => load({ sequencesMax: 0 }), RangeError, "sequencesMax 0");
  await assertRejects(() => load({ tokensMax: 2 }), RangeError, "tokensMax 2");
  await assertRejects(() => load({ kvBytesMax: 10 }), RangeError, "kvBytesMax 10");
  const backend = new URL("infer_hash_backend.ts", import.meta.url);
  await assertRejects(() => load({ backend }), TypeError, "exports no openBackend()");
});

workerTest("a request that makes no sense rejects, and the engine goes on", async () => {
  await using engine = await load();
  const reject = (prompt: Parameters<Engine["generate"]>[0], part: string, options = {}) =>
    assertRejects(() => engine.generate(prompt, options), RangeError, part);
  await reject([5, 288], "Token 288");
  await reject([5, -1], "Token -1");
  await reject([5, 0.5], "Token 0.5");
  await reject([], "without a token");
  await reject("the cat", "topP", { topP: 2 });
  await reject("the cat", "n 1000000000", { n: 1e9 });
  await reject("the cat", "priority 0.5", { priority: 0.5 });
  await reject("the cat ".repeat(200), "256 tokens at most");
  assertEquals((await engine.generate("the cat", { ...LONG, maxTokens: 5 })).tokens.length, 5);
  assertEquals((await engine.generate("the cat", LONG)).usage.totalTokens, 256);
});

workerTest("a request more than requestsMax rejects as Busy", async () => {
  await using engine = await load({ requestsMax: 2, sequencesMax: 1 });
  const two = [engine.generate("the cat", LONG), engine.generate("the dog", LONG)];
  await assertRejects(() => engine.generate("the cat", LONG), Deno.errors.Busy, "more than 2");
  await Promise.all(two);
  await engine.generate("the cat", { ...LONG, maxTokens: 1 });
});

workerTest("what a sampler refuses fails its request alone", async () => {
  await using engine = await load();
  const running = engine.generate("the cat", { ...LONG, maxTokens: 60 });
  // Its only token is forbidden.
  const nothing = { allowedTokenIds: [7], bannedTokenIds: [7], ignoreEos: true };
  await assertRejects(() => engine.generate("the dog", nothing), RangeError);
  assertEquals((await running).tokens.length, 60);
  await idle(engine);
  assert(engine.stats().abortedRequests === 1);
});

workerTest(
  "options that are none are left alone, and what no worker takes leaves none",
  async () => {
    const more = { onLoaded() {} };
    {
      await using engine = await load({ sequencesMax: 2, ...more });
      assertEquals((await engine.generate("the cat", { ...LONG, maxTokens: 3 })).tokens.length, 3);
    }
    await assertRejects(() => load({ speculative: more as EngineOptions["speculative"] & object }));
  },
);
