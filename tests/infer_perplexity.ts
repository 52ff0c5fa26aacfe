// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import {
  type Backend,
  type ChatMessage,
  loadWeights,
  logprobsOf,
  type ModelSource,
  openModel,
  openTokenizer,
  ReferenceBackend,
  runStep,
  StepBatch,
} from "../infer/mod.ts";

/** What a model makes of a text that it never saw. */
export interface Perplexity {
  /** Exponential of the mean loss of a token. */
  readonly perplexity: number;
  /** Tokens of the text, without the first of each document. */
  readonly tokens: number;
}

/** How large a step can be. */
export const BOUNDS = {
  tokensMax: 512,
  sequencesMax: 1,
  blocksPerSequenceMax: 32,
  blockTokens: 16,
};
const BLOCKS = Array.from({ length: BOUNDS.blocksPerSequenceMax }, (_, i) => i);

/**
 * Perplexity of a model in a directory.
 *
 * @param heldOut a file with a document a line, a list of chat messages or a text alone
 * @param count how many of its documents
 */
export async function perplexityOf(
  directory: string,
  heldOut: string,
  count: number,
  activations: "float32" | "int8",
): Promise<Perplexity> {
  using source = await openModel(directory);
  const options = { bounds: BOUNDS, blockCount: BLOCKS.length, activations };
  using backend = new ReferenceBackend(await loadWeights(source), options);
  return await perplexityOn(backend, source, heldOut, count);
}

/** The same on a backend that has the model; its steps take {@linkcode BOUNDS}. */
export async function perplexityOn(
  backend: Backend,
  source: ModelSource,
  heldOut: string,
  count: number,
): Promise<Perplexity> {
  const { tokenizer, chatTemplate, endId } = await openTokenizer(source);
  const encode = (document: string | ChatMessage[]): Uint32Array =>
    typeof document === "string"
      ? Uint32Array.of(...tokenizer.encode(document), endId!)
      : chatTemplate!.encode(tokenizer, document, { addGenerationPrompt: false });
  const batch = new StepBatch(BOUNDS);
  const size = backend.config.vocabularySize;
  let [loss, tokens] = [0, 0];
  for (const line of Deno.readTextFileSync(heldOut).trim().split("\n").slice(0, count)) {
    const ids = encode(JSON.parse(line)).subarray(0, BOUNDS.tokensMax);
    batch.clear();
    batch.add({ tokens: ids, computedTokens: 0, blocks: BLOCKS, logits: "all" });
    const { logits } = runStep(backend, batch);
    for (let i = 0; i < ids.length - 1; i++, tokens++) {
      loss -= logprobsOf(logits.subarray(i * size, (i + 1) * size), ids[i + 1]!, 0).logprob;
    }
  }
  return { perplexity: Math.exp(loss / tokens), tokens };
}
