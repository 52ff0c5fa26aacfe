// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `infer_cuda_speed.ts [--model PATH] [--tiny] [--kv TYPE] [--timeline FILE]`: what who asks an
// engine on a GPU gets: tokens a second at several batches, and how long a first token takes. One
// JSON object a line, in the words of speed.cu (infer/native/cuda/bench), each figure beside its
// goal.
//
//     --model     a model to take instead of made-up weights in the shape of Llama-3.2-1B
//     --tiny      a model of the tests and short texts, to see on any machine that it runs
//     --kv        float16, int8 or float8: how keys and values are kept
//     --timeline  where what the host and the device do at batch 1 goes, for a trace viewer

import { parseArgs } from "node:util";
import type { KvType } from "../infer/backend/backend.ts";
import { Engine } from "../infer/engine/engine.ts";
import type { EngineStats } from "../infer/engine/engine_statistics.ts";
import { makeTimeline } from "./infer_cuda_timeline.ts";
import { promptTokens } from "./infer_cases.ts";
import { randomModelDirectory } from "./infer_model_file.ts";

/** What is measured. */
interface SpeedPlan {
  readonly batches: readonly number[];
  /** Tokens of a sequence, in the mean over its answer. */
  readonly contextTokens: number;
  readonly answerTokens: number;
  readonly prompts: readonly number[];
  readonly timelineSeconds: number;
}

// Data: the numbers of speed.cu, and few enough for a GPU that is emulated.
// deno-fmt-ignore
const FULL: SpeedPlan = {
  batches: [1, 4, 8, 16, 64], contextTokens: 512, answerTokens: 256,
  prompts: [100, 128, 512, 2048, 8192], timelineSeconds: 2,
};
// deno-fmt-ignore
const TINY: SpeedPlan = {
  batches: [1, 4], contextTokens: 32, answerTokens: 32, prompts: [8, 100], timelineSeconds: 0.2,
};

// Data: what is to be reached on an H200 with the shape of Llama-3.2-1B, INT8 in groups of 64.
const DECODE_GOALS: Record<number, number> = {
  1: 2000,
  4: 7000,
  8: 13_000,
  16: 22_000,
  64: 55_000,
};
const PREFILL_GOAL = 160_000;
const FIRST_TOKEN_GOALS_MS: Record<number, number> = { 100: 2 };
/** Of prompts that are long enough to fill a GPU. */
const PREFILL_GOAL_TOKENS_MIN = 512;

const GROUP_SIZE = 64;
const BLOCK_TOKENS = 16;
const REPEATS = 5;
const TINY_MODEL = new URL("../tests/fixtures/infer/models/llama-tied-default", import.meta.url);

if (import.meta.main) await main(Deno.args);

async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      model: { type: "string" },
      tiny: { type: "boolean", default: false },
      kv: { type: "string", default: "float16" },
      timeline: { type: "string" },
    },
  });
  const plan = values.tiny ? TINY : FULL;
  const tiny = values.tiny ? TINY_MODEL.pathname : undefined;
  const path = values.model ?? tiny ?? await randomModelDirectory("Llama-3.2-1B");
  const model = values.model ?? (values.tiny ? "tiny" : "llama-3.2-1b");
  const kvType = values.kv as KvType;
  await timeEngine(path, plan, kvType, (line) => {
    say({ engine: true, model, kv: kvType, ...line });
  });
  if (values.timeline) say({ model, ...await makeTimeline(path, plan, values.timeline) });
}

function say(line: Record<string, unknown>): void {
  console.log(JSON.stringify(line));
}

async function timeEngine(
  path: string,
  plan: SpeedPlan,
  kvType: KvType,
  tell: (line: Record<string, unknown>) => void,
): Promise<void> {
  const { batches, prompts, contextTokens, answerTokens } = plan;
  const [batchMax, promptMax] = [Math.max(...batches), Math.max(...prompts)];
  const sequenceTokens = contextTokens + answerTokens / 2;
  const contextTokensMax = Math.max(sequenceTokens, promptMax + 1);
  const blocksOf = (tokens: number) => Math.ceil(tokens / BLOCK_TOKENS);
  await using engine = await Engine.load(path, {
    ...{ backend: "cuda", weights: { groupSize: GROUP_SIZE }, kvType },
    ...{ sequencesMax: batchMax, tokensMax: promptMax, contextTokensMax, prefixCache: false },
    blockTokens: BLOCK_TOKENS,
    blockCount: Math.max(batchMax * blocksOf(sequenceTokens), blocksOf(contextTokensMax)),
  });
  tell({ deno: Deno.version.deno, backend: engine.backend, memory: engine.memory });
  for (const batch of batches) tell(await timeDecode(engine, plan, batch));
  for (const tokens of prompts) tell(await timePrompt(engine, tokens));
}

/** Tokens a second of so many answers at a time, and where the time of a step goes. */
async function timeDecode(
  engine: Engine,
  plan: SpeedPlan,
  batch: number,
): Promise<Record<string, unknown>> {
  const windows: Window[] = [];
  // The first makes graphs.
  for (let i = 0; i <= REPEATS; i++) {
    const window = await decode(engine, plan, batch);
    if (i > 0) windows.push(window);
  }
  const { us, tokens, hostUs, deviceUs } = medianBy(windows, (one) => one.us / one.tokens);
  const [rate, goal] = [tokens / us * 1e6, DECODE_GOALS[batch]];
  return {
    ...{ decode: batch, context: plan.contextTokens, tokens_per_s: Math.round(rate), goal },
    step_us: round(us * batch / tokens),
    host_percent: round(100 * hostUs / us),
    device_idle_percent: round(100 * (1 - deviceUs / us)),
  };
}

/** What happened between the first token of the last sequence, and the end of the first one. */
interface Window {
  readonly us: number;
  readonly tokens: number;
  /** Of the engine in TypeScript and in calls of the library; the device runs meanwhile. */
  readonly hostUs: number;
  readonly deviceUs: number;
}

async function decode(engine: Engine, plan: SpeedPlan, batch: number): Promise<Window> {
  const { contextTokens, answerTokens } = plan;
  const options = { temperature: 0, ignoreEos: true, maxTokens: answerTokens };
  let [silent, begin, end] = [batch, null as Moment | null, null as Moment | null];
  await Promise.all(Array.from({ length: batch }, async (_, seed) => {
    const prompt = promptTokens(contextTokens - answerTokens / 2, seed);
    let isFirst = true;
    for await (const { finishReason } of engine.generate(prompt, options)) {
      if (isFirst && --silent === 0) begin = now(engine);
      isFirst = false;
      if (finishReason !== null) end ??= now(engine);
    }
  }));
  if (!begin || !end || begin.atMs >= end.atMs) {
    throw new Error(`Cannot time ${batch} answers: one was done before all had begun`);
  }
  const [before, after] = [begin.stats, end.stats];
  const of = (name: keyof EngineStats) => after[name] - before[name];
  return {
    us: 1000 * (end.atMs - begin.atMs),
    tokens: of("generatedTokens"),
    hostUs: of("prepareUs") + of("submitUs") + of("readUs"),
    deviceUs: of("deviceUs"),
  };
}

interface Moment {
  readonly atMs: number;
  readonly stats: EngineStats;
}

function now(engine: Engine): Moment {
  return { atMs: performance.now(), stats: engine.stats() };
}

/** Time from a prompt to the token after it, as who asks sees it. */
async function timePrompt(engine: Engine, tokens: number): Promise<Record<string, unknown>> {
  const times: number[] = [];
  for (let i = 0; i <= REPEATS; i++) {
    const prompt = promptTokens(tokens, i);
    const begin = performance.now();
    await engine.generate(prompt, { temperature: 0, ignoreEos: true, maxTokens: 1 });
    if (i > 0) times.push(performance.now() - begin);
  }
  const ms = medianBy(times, (time) => time);
  return {
    ...{ prompt: tokens, tokens_per_s: Math.round(tokens / ms * 1000) },
    ...tokens >= PREFILL_GOAL_TOKENS_MIN && { goal: PREFILL_GOAL },
    ...{ first_token_ms: round(ms, 100), goal_ms: FIRST_TOKEN_GOALS_MS[tokens] },
  };
}

function medianBy<T>(values: readonly T[], of: (value: T) => number): T {
  return [...values].sort((a, b) => of(a) - of(b))[values.length >> 1]!;
}

function round(value: number, to = 10): number {
  return Math.round(value * to) / to;
}
