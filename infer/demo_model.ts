// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.

/**
 * Directory of the demo model: a Llama of 1.2 million parameters, INT8 in groups of 64, with a
 * tokenizer and a chat template of its own. It tells short stories and answers questions about this
 * library; its sums have the right form and often a wrong result. It is small enough for tests, and
 * for the backend in TypeScript.
 *
 * @example Its first word
 * ```ts
 * import { demoModelPath, loadWeights, openModel, openTokenizer } from "@photon/std/infer";
 * import { ReferenceBackend, runStep, StepBatch } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * using source = await openModel(demoModelPath());
 * const { tokenizer } = await openTokenizer(source);
 * const bounds = { tokensMax: 64, sequencesMax: 1, blocksPerSequenceMax: 4, blockTokens: 16 };
 * using backend = new ReferenceBackend(await loadWeights(source), { bounds, blockCount: 4 });
 * const tokens = tokenizer.encode("Once upon a");
 * const batch = new StepBatch(bounds);
 * batch.add({ tokens, computedTokens: 0, blocks: [0, 1, 2, 3], logits: "last" });
 * const { logits } = runStep(backend, batch);
 * assertEquals(tokenizer.decode([logits.indexOf(Math.max(...logits))]), " time");
 * ```
 * @throws {Deno.errors.NotSupported} where the library was not loaded from files
 */
export function demoModelPath(): string {
  const url = new URL("./demo_model/", import.meta.url);
  if (url.protocol !== "file:") {
    throw new Deno.errors.NotSupported(`Cannot open the demo model at ${url}: it is not a file`);
  }
  return decodeURIComponent(url.pathname).replace(/\/$/, "");
}
