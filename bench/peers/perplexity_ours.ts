// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// `perplexity_ours.ts MODEL HELD_OUT DOCUMENTS float32|int8`: a load that measures itself. HELD_OUT
// has a document a line, a list of chat messages or a text alone.

import {
  type ChatMessage,
  loadWeights,
  openModel,
  openTokenizer,
  ReferenceBackend,
  runStep,
  StepBatch,
} from "../../infer/mod.ts";

const [directory, heldOut, count, activations] = Deno.args;
using source = await openModel(directory!);
const { tokenizer, chatTemplate, endId } = await openTokenizer(source);
const bounds = { tokensMax: 512, sequencesMax: 1, blocksPerSequenceMax: 32, blockTokens: 16 };
using backend = new ReferenceBackend(await loadWeights(source), {
  bounds,
  blockCount: 32,
  activations: activations as "float32" | "int8",
});
const batch = new StepBatch(bounds);
const blocks = Array.from({ length: bounds.blocksPerSequenceMax }, (_, i) => i);

console.log("measuring");
const start = performance.now();
let [loss, tokens] = [0, 0];
for (const line of Deno.readTextFileSync(heldOut!).trim().split("\n").slice(0, Number(count))) {
  const ids = encode(JSON.parse(line)).subarray(0, bounds.tokensMax);
  batch.clear();
  batch.add({ tokens: ids, computedTokens: 0, blocks, logits: "all" });
  const { logits } = runStep(backend, batch);
  const size = backend.config.vocabularySize;
  for (let i = 0; i < ids.length - 1; i++) {
    loss -= logprobOf(logits.subarray(i * size, (i + 1) * size), ids[i + 1]!);
    tokens++;
  }
}
const rate = tokens / (performance.now() - start) * 1000;
console.log(JSON.stringify({ perplexity: Math.exp(loss / tokens), tokens, rate }));

function encode(document: string | ChatMessage[]): Uint32Array {
  if (typeof document !== "string") {
    return chatTemplate!.encode(tokenizer, document, { addGenerationPrompt: false });
  }
  return Uint32Array.of(...tokenizer.encode(document), endId!);
}

function logprobOf(logits: Float32Array, token: number): number {
  const max = logits.reduce((most, logit) => Math.max(most, logit), -Infinity);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - max), 0);
  return logits[token]! - max - Math.log(sum);
}
