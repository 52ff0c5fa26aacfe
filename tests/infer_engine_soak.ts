// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { cpuUsage } from "node:process";
import { assert, assertEquals } from "@std/assert";
import { type LoadResult, makeLoad, sendLoad } from "../bench/infer_load.ts";
import { demoModel } from "../bench/infer_model.ts";
import { Engine } from "../infer/engine/engine.ts";

// A day in miniature: a minute of requests that come at random, with random lengths and priorities,
// some given up, and a quarter of the blocks that they would like to have.

const WINDOW_MS = Number(Deno.env.get("PHOTON_SOAK_SECONDS") ?? 60) * 1000;
const SEQUENCES = 32;
const TOKENS_MAX = 200;
const BLOCK_TOKENS = 16;
/** Requests come faster than they are answered, so that some always wait, given up or not. */
const LOAD = 1.4;
/** One more is refused, so that the backlog has an end. */
const REQUESTS_MAX = 200;
/** Steps for 200 requests, eight or more at a time, and for those that may pass, twice over. */
const WAIT_STEPS_MAX = 8_000;

const SHAPE = {
  ...{ seed: 21, count: Infinity, windowMs: WINDOW_MS },
  promptTokens: [4, 80],
  answerTokens: [4, TOKENS_MAX - 80],
  ...{ priorities: 3, abortAfterMs: 500 },
} as const;

function load(): Promise<Engine> {
  const demanded = SEQUENCES * Math.ceil(TOKENS_MAX / BLOCK_TOKENS);
  return Engine.load(demoModel().path, {
    ...{ sequencesMax: SEQUENCES, tokensMax: 128, requestsMax: REQUESTS_MAX },
    ...{ blockTokens: BLOCK_TOKENS, blockCount: demanded / 4 },
  });
}

/** Requests a second that the engine answers when there are always some. */
async function capacity(): Promise<number> {
  await using engine = await load();
  const requests = makeLoad({ ...SHAPE, count: REQUESTS_MAX, rate: Infinity, aborts: 0 });
  await sendLoad(engine, requests.slice(0, 100));
  const start = performance.now();
  await sendLoad(engine, requests);
  return REQUESTS_MAX / ((performance.now() - start) / 1000);
}

/**
 * Runs a minute; gives the tokens that were computed in it for a second of processor time, which is
 * a second of the clock where nothing else runs.
 */
async function runMinute(rate: number, aborts: number): Promise<number> {
  await using engine = await load();
  const before = cpuUsage();
  const sending = sendLoad(engine, makeLoad({ ...SHAPE, rate, aborts }));
  await new Promise((resolve) => setTimeout(resolve, WINDOW_MS));
  const { promptTokens, generatedTokens } = engine.stats();
  const { user, system } = cpuUsage(before);
  const computed = promptTokens + generatedTokens;
  const perSecond = computed / ((user + system) / 1e6);
  const results = await sending;
  const stats = engine.stats();
  console.log(summary(results, computed, perSecond, stats.preemptions));
  assertEquals([stats.running, stats.waiting, stats.usedBlocks], [0, 0, 0]);
  const taken = results.filter(({ isRefused }) => !isRefused);
  assertEquals(stats.finishedRequests + stats.abortedRequests, taken.length);
  assert(stats.preemptions > 0, "the blocks were never scarce");
  for (const { request, isAborted, tokens, waitSteps } of taken) {
    if (isAborted) continue;
    assertEquals(tokens, request.maxTokens);
    const { priority } = request;
    assert(waitSteps < WAIT_STEPS_MAX, `priority ${priority} waited for ${waitSteps} steps`);
  }
  return perSecond;
}

function summary(
  results: readonly LoadResult[],
  computed: number,
  perCpuSecond: number,
  preemptions: number,
): string {
  const aborted = results.filter(({ isAborted }) => isAborted).length;
  const refused = results.filter(({ isRefused }) => isRefused).length;
  const waits = [0, 1, 2].map((priority) => {
    const those = results.filter(({ request, waitMs }) =>
      request.priority === priority && !Number.isNaN(waitMs)
    );
    const mean = those.reduce((sum, { waitMs }) => sum + waitMs, 0) / those.length;
    const longest = Math.max(...those.map(({ waitMs }) => waitMs));
    const steps = Math.max(...those.map(({ waitSteps }) => waitSteps));
    return `${mean.toFixed(0)} (${longest.toFixed(0)}, ${steps} steps)`;
  });
  const came = `${results.length} requests, ${refused} refused, ${aborted} given up`;
  const rates = `${(computed / WINDOW_MS * 1000).toFixed(0)} tokens/s, ${
    perCpuSecond.toFixed(0)
  } a second of CPU`;
  const did = `${preemptions} preemptions, ${rates}`;
  return `  ${came}, ${did}; mean (longest) wait in ms by priority: ${waits.join(", ")}`;
}

Deno.test("a day in miniature: nothing starves, nothing leaks", async () => {
  const rate = await capacity() * LOAD;
  const without = await runMinute(rate, 0);
  const withAborts = await runMinute(rate, 0.15);
  const share = withAborts / without;
  assert(share > 0.9, `${(share * 100).toFixed(0)} % of the throughput without aborts`);
});
