// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `infer_cuda_steps.ts LIBRARY MODEL SEQUENCES SECONDS WAY [TRACE]`: where the time of a step goes,
// from what an engine asks of the CUDA library. WAY is "drawn", where the device chooses tokens,
// "greedy", where it takes the likeliest, or "logits", where they cross the bus. LIBRARY may be
// empty: the one that is found. TRACE is a file for the times of each step, a JSON a line.

import type { Backend } from "../../infer/backend/backend.ts";
import { NativeBackend } from "../../infer/backend/native_backend.ts";
import { EngineCore } from "../../infer/engine/engine_core.ts";
import { LineSink } from "../../infer/engine/line_sink.ts";
import { LineReader, LineWriter } from "../../infer/engine/shared_line.ts";
import type { StepTimes } from "../../infer/engine/step_times.ts";
import { openModel } from "../../infer/model/open_model.ts";
import { checkSamplingParams } from "../../infer/sampling/sampling_params.ts";
import { mailboxMemory } from "../../io/work_mailbox.ts";

const [library, model, sequences, seconds, way, traceFile] = [
  ...Deno.args.slice(0, 2),
  ...Deno.args.slice(2, 4).map(Number),
  ...Deno.args.slice(4),
] as [string, string, number, number, "drawn" | "greedy" | "logits", string | undefined];
const PROMPT_TOKENS = 64;
const ANSWER_TOKENS = 192;
const BLOCK_TOKENS = 16;

const stepBounds = {
  tokensMax: Math.max(256, sequences),
  sequencesMax: sequences,
  blocksPerSequenceMax: (PROMPT_TOKENS + ANSWER_TOKENS) / BLOCK_TOKENS,
  blockTokens: BLOCK_TOKENS,
};
const blockCount = stepBounds.blocksPerSequenceMax * sequences;
using source = await openModel(model);
using native = await NativeBackend.load(source, {
  ...{ device: "cuda", library, bounds: stepBounds, blockCount, weights: { groupSize: 64 } },
});
const backend: Backend = way !== "logits" ? native : {
  config: native.config,
  bounds: native.bounds,
  blockCount,
  submit: (batch) => native.submit(batch),
  wait: () => native.wait(),
  copyBlocks: (pairs) => native.copyBlocks(pairs),
  close() {},
  [Symbol.dispose]() {},
};
const memory = mailboxMemory(2 ** 20);
const reader = new LineReader(memory);
const lines: string[] = [];
let isMeasured = false;
const core = new EngineCore(backend, {
  bounds: {
    ...{ ...stepBounds, blockCount, agingSteps: 256 },
    ...{ prefillTokensMax: stepBounds.tokensMax, prefixCache: false },
  },
  context: {
    tokens: { bytesOf: (id) => Uint8Array.of(65 + id % 26), isSpecial: () => false },
    eosTokenIds: [],
  },
  sink: new LineSink(new LineWriter(memory), () => {}),
  ...(traceFile && {
    trace: (times: StepTimes) => {
      if (isMeasured) lines.push(JSON.stringify({ atUs: 1000 * performance.now(), ...times }));
    },
  }),
});
let lastId = 0;

/** A step, with so many answers on their way. */
function step(): void {
  while (core.activeCount < sequences) {
    const id = ++lastId;
    core.add({
      ...{ id, kind: "generate", priority: 0, salt: "", skipSpecialTokens: true, pooling: "last" },
      tokens: Int32Array.from({ length: PROMPT_TOKENS }, (_, i) => (id * 31 + i * 7) % 256),
      params: checkSamplingParams({
        ...way === "greedy" ? { temperature: 0 } : { temperature: 0.8, topP: 0.95, seed: id },
        ...{ ignoreEos: true, maxTokens: ANSWER_TOKENS },
      }, native.config.vocabularySize),
    });
  }
  core.step();
  while (reader.read() !== null);
}

const warmEnd = performance.now() + 300 * seconds;
while (performance.now() < warmEnd) step();
console.log("measuring");
isMeasured = true;
const before = { ...core.clock.total, tokens: core.counters.generatedTokens };
const begin = performance.now();
while (performance.now() < begin + 1000 * seconds) step();
const wallUs = 1000 * (performance.now() - begin);
const tokens = core.counters.generatedTokens - before.tokens;
const { total } = core.clock;
const host = each("prepareUs") + each("submitUs") + each("readUs");
if (traceFile) await Deno.writeTextFile(traceFile, `${lines.join("\n")}\n`);
console.log(JSON.stringify({
  ...{ step: wallUs * sequences / tokens, prepare: each("prepareUs"), submit: each("submitUs") },
  ...{ wait: each("waitUs"), read: each("readUs"), device: each("deviceUs") },
  ...{ host: host / (wallUs * sequences / tokens), rate: tokens / wallUs * 1e6 },
}));

/** Of a step of all sequences. */
function each(part: keyof StepTimes): number {
  return (total[part] - before[part]) * sequences / tokens;
}
