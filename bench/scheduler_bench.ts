// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// What the scheduler of the inference engine costs: `deno bench -A bench/scheduler_bench.ts`.

import { Scheduler } from "../infer/scheduler/scheduler.ts";
import { Sequence } from "../infer/scheduler/sequence.ts";

const PROMPT_TOKENS = 512;
const ANSWER_TOKENS = 1024;
const BLOCK_TOKENS = 16;

/** A scheduler that has read the prompts of so many sequences. */
function scheduler(sequences: number): Scheduler {
  const blocksPerSequenceMax = (PROMPT_TOKENS + ANSWER_TOKENS) / BLOCK_TOKENS;
  return new Scheduler({
    tokensMax: 64 * PROMPT_TOKENS,
    sequencesMax: sequences,
    blockCount: sequences * blocksPerSequenceMax,
    blockTokens: BLOCK_TOKENS,
    blocksPerSequenceMax,
    prefillTokensMax: PROMPT_TOKENS,
    prefixCache: true,
    agingSteps: 256,
  });
}

let lastText = 0;

/** One step in which every sequence gets a token; who ends is followed by another. */
function step(scheduler: Scheduler): void {
  while (scheduler.running.length + scheduler.waiting.length < scheduler.bounds.sequencesMax) {
    const text = ++lastText;
    const prompt = Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => text * 7919 + i);
    scheduler.add(new Sequence({ prompt, lengthMax: PROMPT_TOKENS + ANSWER_TOKENS }));
  }
  for (const sequence of scheduler.schedule()) {
    const { isCaughtUp } = sequence;
    scheduler.complete(sequence);
    if (!isCaughtUp) continue;
    sequence.append(1);
    if (sequence.length === sequence.lengthMax) scheduler.finish(sequence);
  }
}

for (const sequences of [1, 64, 256]) {
  const subject = scheduler(sequences);
  Deno.bench(`a step of ${sequences} answers`, { group: "scheduler" }, () => step(subject));
}
