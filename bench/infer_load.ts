// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

import type { Engine } from "../infer/engine/engine.ts";

/** One request of a load. */
export interface LoadRequest {
  /** When it comes, in milliseconds from the start. */
  readonly atMs: number;
  readonly prompt: readonly number[];
  readonly maxTokens: number;
  readonly priority: number;
  /** When it is given up after it came; Infinity for never. */
  readonly abortAfterMs: number;
}

/** What became of one. */
export interface LoadResult {
  readonly request: LoadRequest;
  /** From when it came to its first token; NaN when none came. */
  readonly waitMs: number;
  /** The same in steps of the engine. */
  readonly waitSteps: number;
  /** From when it came to its end. */
  readonly totalMs: number;
  readonly tokens: number;
  readonly isAborted: boolean;
  /** Whether the engine had too many requests to take it. */
  readonly isRefused: boolean;
}

/** What a load is like. */
export interface LoadShape {
  readonly seed: number;
  /** Requests, unless the time is over before. */
  readonly count: number;
  /** Arrivals a second, at random times; Infinity for all at once. */
  readonly rate: number;
  /** How long requests come. */
  readonly windowMs: number;
  readonly promptTokens: readonly [least: number, most: number];
  readonly answerTokens: readonly [least: number, most: number];
  /** Priorities are from 0 to one less. */
  readonly priorities: number;
  /** Share of requests that are given up. */
  readonly aborts: number;
  /** Latest time at which they are. */
  readonly abortAfterMs: number;
}

/** The requests of a load; the same for a seed, whether some are given up or not. */
export function makeLoad(shape: LoadShape): LoadRequest[] {
  const random = randomNumbers(shape.seed);
  const between = ([least, most]: readonly [number, number]) =>
    least + Math.floor(random() * (most - least + 1));
  const requests: LoadRequest[] = [];
  let atMs = 0;
  while (requests.length < shape.count) {
    atMs += -Math.log(1 - random()) / shape.rate * 1000;
    if (atMs > shape.windowMs) break;
    const prompt = Array.from({ length: between(shape.promptTokens) }, () => between([1, 250]));
    const maxTokens = between(shape.answerTokens);
    const priority = between([0, shape.priorities - 1]);
    const [share, moment] = [random(), random()];
    const abortAfterMs = share < shape.aborts ? moment * shape.abortAfterMs : Infinity;
    requests.push({ atMs, prompt, maxTokens, priority, abortAfterMs });
  }
  return requests;
}

/** Sends requests when they come. */
export function sendLoad(engine: Engine, load: readonly LoadRequest[]): Promise<LoadResult[]> {
  const start = performance.now();
  return Promise.all(load.map(async (request) => {
    const delayMs = start + request.atMs - performance.now();
    if (delayMs > 0) await new Promise((resolve) => setTimeout(resolve, delayMs));
    return await send(engine, request, start + request.atMs);
  }));
}

/** Sends requests in groups: a group begins when all of the one before have ended. */
export async function sendInBatches(
  engine: Engine,
  load: readonly LoadRequest[],
  size: number,
): Promise<LoadResult[]> {
  const start = performance.now();
  const results: LoadResult[] = [];
  for (let at = 0; at < load.length; at += size) {
    const batch = load.slice(at, at + size).map((request) => send(engine, request, start));
    results.push(...await Promise.all(batch));
  }
  return results;
}

async function send(engine: Engine, request: LoadRequest, cameAt: number): Promise<LoadResult> {
  const { prompt, maxTokens, priority, abortAfterMs } = request;
  const controller = new AbortController();
  const timer = abortAfterMs === Infinity
    ? undefined
    : setTimeout(() => controller.abort(), abortAfterMs);
  const { signal } = controller;
  const options = { maxTokens, priority, signal, temperature: 0, ignoreEos: true };
  const cameAtStep = engine.stats().steps;
  let [firstAt, firstStep, tokens, isRefused] = [NaN, NaN, 0, false];
  try {
    for await (const delta of engine.generate(prompt, options)) {
      if (tokens === 0) [firstAt, firstStep] = [performance.now(), engine.stats().steps];
      tokens += delta.tokens.length;
    }
  } catch (error) {
    isRefused = error instanceof Deno.errors.Busy;
    if (!signal.aborted && !isRefused) throw error;
  }
  clearTimeout(timer);
  const totalMs = performance.now() - cameAt;
  const isAborted = signal.aborted && !isRefused;
  const [waitMs, waitSteps] = [firstAt - cameAt, firstStep - cameAtStep];
  return { request, waitMs, waitSteps, totalMs, tokens, isAborted, isRefused };
}

/** Numbers from 0 to 1, the same for a seed (xorshift, Marsaglia 2003). */
function randomNumbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}
