// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals } from "@std/assert";
import { loadWeights } from "../infer/model/load_weights.ts";
import { openModel } from "../infer/model/open_model.ts";
import {
  allLogits,
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
    allLogits(backend, golden.inputIds);
    const { hiddenSize, layerCount } = backend.config;
    const size = golden.inputIds.length * hiddenSize;
    for (let layer = 0; layer < layerCount; layer++) {
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
