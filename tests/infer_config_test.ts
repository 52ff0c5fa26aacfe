// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
// deno-lint-ignore-file camelcase -- the members of config.json
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { type GenerationConfig, generationConfig } from "../infer/model/generation_config.ts";
import { huggingFaceConfig } from "../infer/model/huggingface_config.ts";
import { JsonNode } from "../infer/model/json_node.ts";
import type { ModelConfig } from "../infer/model/model_config.ts";
import { ModelFileError } from "../infer/model_file_error.ts";
import { createSampler } from "../infer/sampling/sampler.ts";
import { ropeTable } from "../infer/model/rope.ts";
import { elementCount } from "../infer/model/tensor.ts";
import { weightCount, weightPlan } from "../infer/model/weight_plan.ts";

// Data: the sizes of models as their config.json has them.
// deno-fmt-ignore
const SIZES: Record<string, readonly number[]> = {
  //              hidden, inner, layers, heads, KV, head, vocabulary, tied, billions of parameters
  "Llama-3.2-1B": [2048,   8192,  16, 32, 8,  64, 128256, 1, 1.2358],
  "Llama-3.2-3B": [3072,   8192,  28, 24, 8, 128, 128256, 1, 3.2127],
  "Llama-3.1-8B": [4096,  14336,  32, 32, 8, 128, 128256, 0, 8.0303],
  "Qwen3-0.6B":   [1024,   3072,  28, 16, 8, 128, 151936, 1, 0.5960],
  "Qwen3-8B":     [4096,  12288,  36, 32, 8, 128, 151936, 0, 8.1907],
  "Qwen3-32B":    [5120,  25600,  64, 64, 8, 128, 151936, 0, 32.762],
};

const LLAMA3 = {
  rope_type: "llama3",
  factor: 32.0,
  low_freq_factor: 1.0,
  high_freq_factor: 4.0,
  original_max_position_embeddings: 8192,
};

function configOf(name: string, more: object = {}): ModelConfig {
  const [hidden, inner, layers, heads, kvHeads, head, vocabulary, tied] = SIZES[name]!;
  return huggingFaceConfig(
    new JsonNode("config.json", "", {
      model_type: name.startsWith("Llama") ? "llama" : "qwen3",
      hidden_size: hidden,
      intermediate_size: inner,
      num_hidden_layers: layers,
      num_attention_heads: heads,
      num_key_value_heads: kvHeads,
      head_dim: head,
      vocab_size: vocabulary,
      max_position_embeddings: 131072,
      rms_norm_eps: 1e-5,
      tie_word_embeddings: tied === 1,
      rope_theta: 500000.0,
      bos_token_id: 128000,
      eos_token_id: [128001, 128008, 128009],
      ...more,
    }),
  );
}

Deno.test("weightPlan() has every weight of the published models", () => {
  for (const [name, sizes] of Object.entries(SIZES)) {
    const plan = weightPlan(configOf(name));
    const parameters = plan.reduce((sum, { shape }) => sum + elementCount(shape), 0);
    assertAlmostEquals(parameters / 1e9, sizes.at(-1)!, 1e-4 * sizes.at(-1)!, name);
    assertEquals(plan.length, weightCount(configOf(name)));
  }
});

Deno.test("config.json of transformers 4 and 5 mean the same", () => {
  const version4 = { rope_scaling: LLAMA3 };
  const oldName = { rope_scaling: { ...LLAMA3, rope_type: undefined, type: "llama3" } };
  const version5 = { rope_theta: undefined, rope_parameters: { ...LLAMA3, rope_theta: 500000.0 } };
  const expected = configOf("Llama-3.2-1B", version4);
  assertEquals(configOf("Llama-3.2-1B", oldName), expected);
  assertEquals(configOf("Llama-3.2-1B", version5), expected);
  assertEquals(expected.rope, {
    theta: 500000,
    type: "llama3",
    factor: 32,
    lowFrequencyFactor: 1,
    highFrequencyFactor: 4,
    originalContext: 8192,
  });
  assertEquals(configOf("Qwen3-8B", { rope_scaling: null }).rope, { theta: 5e5, type: "default" });
});

Deno.test("what config.json leaves out is what transformers takes", () => {
  const left = { num_key_value_heads: undefined, head_dim: undefined, rms_norm_eps: undefined };
  const more = { ...left, tie_word_embeddings: undefined, max_position_embeddings: null };
  const { headSize, kvHeadCount, normEpsilon, tiedEmbeddings, contextTokensMax } = configOf(
    "Llama-3.2-1B",
    { ...more, rope_theta: undefined },
  );
  assertEquals([headSize, kvHeadCount, normEpsilon], [64, 32, 1e-6]);
  assertEquals([tiedEmbeddings, contextTokensMax], [false, 2048]);
  assertEquals(configOf("Qwen3-0.6B", more).headSize, 128);
});

Deno.test("generationConfig() ends at the tokens of both files", () => {
  const config = configOf("Llama-3.2-1B", { eos_token_id: 128001 });
  const read = (value: unknown): GenerationConfig =>
    generationConfig(new JsonNode("generation_config.json", "", value), config);
  assertEquals(read({ eos_token_id: [128001, 128008, 128009], temperature: 0.6, top_p: 0.9 }), {
    eosTokenIds: [128001, 128008, 128009],
    temperature: 0.6,
    topP: 0.9,
  });
  assertEquals(read({ eos_token_id: 128009, do_sample: false, top_k: 20 }), {
    eosTokenIds: [128001, 128009],
    temperature: 0,
    topK: 20,
  });
  assertEquals(generationConfig(null, config), { eosTokenIds: [128001] });
});

Deno.test("generationConfig() gives what a request is taken with, or refuses", () => {
  const config = configOf("Llama-3.2-1B", {});
  const read = (value: unknown): GenerationConfig =>
    generationConfig(new JsonNode("generation_config.json", "", value), config);
  // transformers keeps one token at least: the likeliest alone.
  const { eosTokenIds: _, ...params } = read({ top_p: 0, temperature: 2 });
  const sampler = createSampler({ ...params, seed: 1 }, 3);
  for (let position = 0; position < 50; position++) {
    assertEquals(sampler.sample(Float32Array.of(1, 1.1, 0.9), position).token, 1);
  }
  assertThrows(() => read({ repetition_penalty: 0 }), ModelFileError, "repetition_penalty: is 0");
});

Deno.test("ropeTable() bends the frequencies of Llama 3.2 as its paper says", () => {
  const { rope, headSize } = configOf("Llama-3.2-1B", { rope_scaling: LLAMA3 });
  const plain = ropeTable({ theta: 5e5, type: "default" }, headSize).frequencies;
  const bent = ropeTable(rope, headSize).frequencies;
  const ratios = plain.map((frequency, i) => frequency / bent[i]!);
  assertEquals([plain.length, plain[0]], [32, 1]);
  // Wavelengths up to 2048 are kept, those above 8192 are stretched 32 times.
  const wavelength = (i: number) => (2 * Math.PI) / plain[i]!;
  for (const [i, ratio] of ratios.entries()) {
    if (wavelength(i) < 2048) assertEquals(ratio, 1);
    else if (wavelength(i) > 8192) assertAlmostEquals(ratio, 32, 1e-5);
    else assert(ratio > 1 && ratio < 32);
  }
  assert(new Set(ratios.map(Math.round)).size > 2, "no frequency lies between");
});
