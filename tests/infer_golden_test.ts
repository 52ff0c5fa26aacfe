// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { runStep } from "../infer/backend/backend.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { loadWeights } from "../infer/model/load_weights.ts";
import { openModel } from "../infer/model/open_model.ts";
import {
  inFolder,
  putFiles,
  readFolder,
  safetensorsFile,
  splitSafetensors,
} from "./infer_hostile.ts";
import {
  allLogits,
  firstBlocks,
  greedyTokens,
  loadBackend,
  MODEL_NAMES,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";

// Against transformers, which computed in F32 with the same weights.

/** Rounding of sums taken in another order. */
const ERROR_MAX = 1e-4;

for (const name of MODEL_NAMES) {
  Deno.test(`golden ${name}: logits at every position as transformers has them`, async () => {
    const golden = readGolden(name);
    using backend = await loadBackend(MODELS + name);
    const { vocabularySize } = backend.config;
    const error = relativeError(allLogits(backend, golden.inputIds), golden.logits, vocabularySize);
    assert(error <= ERROR_MAX, `the relative error is ${error}`);
  });

  Deno.test(`golden ${name}: states after each layer as transformers has them`, async () => {
    const golden = readGolden(name);
    const layers: Float32Array[] = [];
    using backend = await loadBackend(MODELS + name, {
      onLayer: (layer, states) => layers[layer] = states,
    });
    const batch = new StepBatch(backend.bounds);
    const blocks = firstBlocks(backend.bounds);
    batch.add({ tokens: golden.inputIds, computedTokens: 0, blocks, logits: "all" });
    const { hiddenSize, layerCount } = backend.config;
    const size = golden.inputIds.length * hiddenSize;
    // The last ones are after the final norm: what the output head, and embeddings, see.
    layers[layerCount] = runStep(backend, batch).states;
    for (let layer = 0; layer <= layerCount; layer++) {
      const expected = golden.hiddenStates.subarray(layer * size, (layer + 1) * size);
      const error = relativeError(layers[layer]!, expected, hiddenSize);
      assert(error <= ERROR_MAX, `the relative error before layer ${layer} is ${error}`);
    }
  });

  Deno.test(`golden ${name}: the greedy continuation is that of transformers`, async () => {
    const golden = readGolden(name);
    using backend = await loadBackend(MODELS + name);
    const tokens = greedyTokens(backend, golden.inputIds, golden.greedy.length);
    assertEquals(tokens, [...golden.greedy]);
  });

  const golden = readGolden(name);
  for (const [groupSize, expected] of golden.rounded) {
    Deno.test(`golden ${name}: INT8 in groups of ${groupSize} as rounded weights`, async () => {
      using backend = await loadBackend(MODELS + name, { weights: { groupSize } });
      const logits = allLogits(backend, golden.inputIds);
      const error = relativeError(logits, expected, backend.config.vocabularySize);
      assert(error <= ERROR_MAX, `the relative error is ${error}`);
      const loss = relativeError(logits, golden.logits, backend.config.vocabularySize);
      assert(loss > 1e-4 && loss < 0.2, `quantisation changed the logits by ${loss}`);
    });
  }
}

Deno.test("loadWeights() tells how far it is and ends when its signal aborts", async () => {
  using source = await openModel(MODELS + "qwen3-linear");
  const told: [number, number][] = [];
  await loadWeights(source, { onProgress: (read, total) => told.push([read, total]) });
  const total = told[0]![1];
  assertEquals(told.at(-1), [total, total]);
  assert(told.every(([read], i) => i === 0 || read > told[i - 1]![0]), "it goes backwards");

  const controller = new AbortController();
  const reason = new Error("enough");
  const loading = loadWeights(source, {
    signal: controller.signal,
    onProgress: () => controller.abort(reason),
  });
  assertEquals(await loading.catch((error) => error), reason);
});

Deno.test("an output head beside tied embeddings is not used, as in transformers", async () => {
  const name = "llama-tied-default";
  const files = readFolder(MODELS + name);
  const { header, data } = splitSafetensors(files["model.safetensors"]!);
  const bytes = 2 * 288 * 64;
  const head = {
    dtype: "BF16",
    shape: [288, 64],
    "data_offsets": [data.length, data.length + bytes],
  };
  const more = new Uint8Array(data.length + bytes).fill(0x3f);
  more.set(data);
  const file = safetensorsFile({ ...header, "lm_head.weight": head }, more);
  await inFolder(async (folder) => {
    putFiles(folder, { ...files, "model.safetensors": file });
    const { inputIds, logits } = readGolden(name);
    using backend = await loadBackend(folder);
    assert(relativeError(allLogits(backend, inputIds), logits, 288) <= ERROR_MAX);
  });
});
