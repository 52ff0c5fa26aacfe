// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `infer_step.ts SEQUENCES PROMPTS SECONDS [drawn]`: what a step of an engine costs beside the
// arithmetic: schedule, pack, sample, detokenize, and write what came into the line to the caller.
// PROMPTS of the sequences are prompts on their way. "drawn": the device chooses the tokens.

import type { Backend, StepOutput } from "../../infer/backend/backend.ts";
import type { Drawing } from "../../infer/backend/drawing.ts";
import type { StepBatch, StepBounds } from "../../infer/backend/step_batch.ts";
import { openTokenizer } from "../../infer/chat/open_tokenizer.ts";
import { EngineCore } from "../../infer/engine/engine_core.ts";
import { LineSink } from "../../infer/engine/line_sink.ts";
import { LineReader, LineWriter } from "../../infer/engine/shared_line.ts";
import type { ModelConfig } from "../../infer/model/model_config.ts";
import { openModel } from "../../infer/model/open_model.ts";
import { checkSamplingParams } from "../../infer/sampling/sampling_params.ts";
import { mailboxMemory } from "../../io/work_mailbox.ts";
import { percentile } from "./percentile.ts";

const [sequences, prompts, seconds] = Deno.args.slice(0, 3).map(Number) as [
  ...[number, number, number],
];
const isDrawn = Deno.args[3] === "drawn";
const MODEL = new URL("../../tests/fixtures/infer/models/llama-tied-default", import.meta.url);
const PROMPT_TOKENS = 512;
const ANSWER_TOKENS = 512;
const CHUNK_TOKENS = 64;
const BLOCK_TOKENS = 16;

/** Chooses at once, another token in each row; one step at a time, to be measured as one. */
const noDrawing: Drawing = {
  ...{ stepsMax: 1, drawsMax: 4096 },
  submit: (_batch, { records, lists }) => void [records, lists],
  wait: () => ({ deviceUs: 0, token: (draw) => ({ token: draw * 37 % 256 }) }),
};

/** Answers at once, with logits that were there before. */
class NoBackend implements Backend {
  readonly config: ModelConfig;
  readonly bounds: StepBounds;
  readonly blockCount: number;
  readonly drawing: Drawing | undefined = isDrawn ? noDrawing : undefined;
  readonly #logits: Float32Array;
  readonly #states: Float32Array;
  #rows = 0;

  constructor(config: ModelConfig, bounds: StepBounds, blockCount: number) {
    this.config = config;
    this.bounds = bounds;
    this.blockCount = blockCount;
    const { vocabularySize, hiddenSize } = config;
    this.#logits = new Float32Array(bounds.sequencesMax * vocabularySize);
    this.#states = new Float32Array(bounds.sequencesMax * hiddenSize);
    // Another token in each row, whole characters and parts of some.
    for (let row = 0; row < bounds.sequencesMax; row++) {
      this.#logits[row * vocabularySize + row * 37 % (vocabularySize - 40)] = 1;
    }
  }

  submit(batch: StepBatch): void {
    this.#rows = batch.logitCount;
  }

  wait(): StepOutput {
    const { vocabularySize, hiddenSize } = this.config;
    return {
      rows: this.#rows,
      logits: this.#logits.subarray(0, this.#rows * vocabularySize),
      states: this.#states.subarray(0, this.#rows * hiddenSize),
    };
  }

  copyBlocks(): void {}

  close(): void {}

  [Symbol.dispose](): void {}
}

using source = await openModel(MODEL.pathname);
const { tokenizer } = await openTokenizer(source);
const contextTokensMax = PROMPT_TOKENS + ANSWER_TOKENS;
const config = { ...source.config, contextTokensMax };
const stepBounds: StepBounds = {
  tokensMax: sequences + prompts * CHUNK_TOKENS,
  sequencesMax: sequences,
  blocksPerSequenceMax: contextTokensMax / BLOCK_TOKENS,
  blockTokens: BLOCK_TOKENS,
};
const blockCount = stepBounds.blocksPerSequenceMax * sequences;
const memory = mailboxMemory(2 ** 20);
const reader = new LineReader(memory);
const writer = new LineWriter(memory);
const core = new EngineCore(new NoBackend(config, stepBounds, blockCount), {
  bounds: {
    ...stepBounds,
    blockCount,
    prefillTokensMax: CHUNK_TOKENS,
    prefixCache: true,
    agingSteps: 256,
  },
  context: { tokens: tokenizer, eosTokenIds: [] },
  sink: new LineSink(writer, () => {}),
});
let lastId = 0;

/** Keeps so many running: as one ends, another begins, which is a prompt for some steps. */
function refill(): void {
  while (core.activeCount < sequences) {
    const isPrompt = lastId % sequences < prompts;
    const length = isPrompt ? PROMPT_TOKENS : PROMPT_TOKENS - 8 * (lastId % 64);
    const id = ++lastId;
    core.add({
      id,
      kind: "generate",
      tokens: Int32Array.from({ length }, (_, i) => (id * 31 + i * 7) % 256),
      params: checkSamplingParams({
        temperature: 0,
        ignoreEos: true,
        maxTokens: isPrompt ? 1 : ANSWER_TOKENS,
      }, config.vocabularySize),
      priority: 0,
      salt: "",
      skipSpecialTokens: true,
      pooling: "last",
    });
  }
}

/** One step; gives its microseconds. */
function step(): number {
  refill();
  const start = performance.now();
  core.step();
  const took = (performance.now() - start) * 1000;
  while (reader.read() !== null);
  return took;
}

for (let i = 0; i < 3000; i++) step();
console.log("measuring");
const times: number[] = [];
const end = performance.now() + seconds * 1000;
while (performance.now() < end) times.push(step());
times.sort((a, b) => a - b);
const mean = times.reduce((sum, time) => sum + time, 0) / times.length;
console.log(JSON.stringify({
  ...{ step: percentile(times, 0.5), step99: percentile(times, 0.99), mean },
}));
