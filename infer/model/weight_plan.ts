// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { ModelConfig } from "./model_config.ts";

/** What a weight is for; those of a layer come once a layer. */
export type WeightRole = (typeof MODEL_WEIGHTS | typeof LAYER_WEIGHTS)[number]["role"];

/** A weight that a model must have. */
export interface PlannedWeight {
  readonly role: WeightRole;
  /** Which layer's, or -1. */
  readonly layer: number;
  /** Its name in Hugging Face's files. */
  readonly name: string;
  /** Its name in GGUF files. */
  readonly ggufName: string;
  /** `[rows, columns]` of a matrix, `[size]` of a norm or a bias. */
  readonly shape: readonly number[];
}

type Size = "vocabulary" | "hidden" | "inner" | "queries" | "keys" | "head";
type Condition = "untied" | "qwen3" | "attentionBias" | "mlpBias";

interface Row {
  readonly role: string;
  readonly name: string;
  readonly ggufName: string;
  readonly shape: readonly Size[];
  /** When a model has it; always, where nothing is said. */
  readonly when?: Condition;
}

// Data: the weights of a model outside its layers.
// deno-fmt-ignore
const MODEL_WEIGHTS = [
  { role: "embedding", name: "model.embed_tokens.weight", ggufName: "token_embd.weight",  shape: ["vocabulary", "hidden"] },
  { role: "finalNorm", name: "model.norm.weight",         ggufName: "output_norm.weight", shape: ["hidden"] },
  { role: "head",      name: "lm_head.weight",            ggufName: "output.weight",      shape: ["vocabulary", "hidden"], when: "untied" },
] as const satisfies readonly Row[];

// Data: the weights of a layer; `model.layers.N.` or `blk.N.` comes before the names.
// deno-fmt-ignore
const LAYER_WEIGHTS = [
  { role: "attentionNorm", name: "input_layernorm.weight",          ggufName: "attn_norm.weight",   shape: ["hidden"] },
  { role: "query",         name: "self_attn.q_proj.weight",         ggufName: "attn_q.weight",      shape: ["queries", "hidden"] },
  { role: "queryBias",     name: "self_attn.q_proj.bias",           ggufName: "attn_q.bias",        shape: ["queries"], when: "attentionBias" },
  { role: "key",           name: "self_attn.k_proj.weight",         ggufName: "attn_k.weight",      shape: ["keys", "hidden"] },
  { role: "keyBias",       name: "self_attn.k_proj.bias",           ggufName: "attn_k.bias",        shape: ["keys"], when: "attentionBias" },
  { role: "value",         name: "self_attn.v_proj.weight",         ggufName: "attn_v.weight",      shape: ["keys", "hidden"] },
  { role: "valueBias",     name: "self_attn.v_proj.bias",           ggufName: "attn_v.bias",        shape: ["keys"], when: "attentionBias" },
  { role: "queryNorm",     name: "self_attn.q_norm.weight",         ggufName: "attn_q_norm.weight", shape: ["head"], when: "qwen3" },
  { role: "keyNorm",       name: "self_attn.k_norm.weight",         ggufName: "attn_k_norm.weight", shape: ["head"], when: "qwen3" },
  { role: "output",        name: "self_attn.o_proj.weight",         ggufName: "attn_output.weight", shape: ["hidden", "queries"] },
  { role: "outputBias",    name: "self_attn.o_proj.bias",           ggufName: "attn_output.bias",   shape: ["hidden"], when: "attentionBias" },
  { role: "mlpNorm",       name: "post_attention_layernorm.weight", ggufName: "ffn_norm.weight",    shape: ["hidden"] },
  { role: "gate",          name: "mlp.gate_proj.weight",            ggufName: "ffn_gate.weight",    shape: ["inner", "hidden"] },
  { role: "gateBias",      name: "mlp.gate_proj.bias",              ggufName: "ffn_gate.bias",      shape: ["inner"], when: "mlpBias" },
  { role: "up",            name: "mlp.up_proj.weight",              ggufName: "ffn_up.weight",      shape: ["inner", "hidden"] },
  { role: "upBias",        name: "mlp.up_proj.bias",                ggufName: "ffn_up.bias",        shape: ["inner"], when: "mlpBias" },
  { role: "down",          name: "mlp.down_proj.weight",            ggufName: "ffn_down.weight",    shape: ["hidden", "inner"] },
  { role: "downBias",      name: "mlp.down_proj.bias",              ggufName: "ffn_down.bias",      shape: ["hidden"], when: "mlpBias" },
] as const satisfies readonly Row[];

/** Every weight of a model, in the order in which they are used; the output head last. */
export function weightPlan(config: ModelConfig): PlannedWeight[] {
  const [embedding, finalNorm, head] = MODEL_WEIGHTS;
  const plan = [planned(config, embedding, -1)];
  for (let layer = 0; layer < config.layerCount; layer++) {
    plan.push(...rowsOf(config, LAYER_WEIGHTS).map((row) => planned(config, row, layer)));
  }
  plan.push(...rowsOf(config, [finalNorm, head]).map((row) => planned(config, row, -1)));
  return plan;
}

/** Weights that {@linkcode weightPlan} gives; known before it is made. */
export function weightCount(config: ModelConfig): number {
  const once = rowsOf(config, MODEL_WEIGHTS).length;
  return once + rowsOf(config, LAYER_WEIGHTS).length * config.layerCount;
}

type KnownRow = Row & { readonly role: WeightRole };

function rowsOf(config: ModelConfig, rows: readonly KnownRow[]): KnownRow[] {
  const has: Record<Condition, boolean> = {
    untied: !config.tiedEmbeddings,
    qwen3: config.family === "qwen3",
    attentionBias: config.attentionBias,
    mlpBias: config.mlpBias,
  };
  return rows.filter(({ when }) => when === undefined || has[when]);
}

function planned(config: ModelConfig, row: KnownRow, layer: number): PlannedWeight {
  const sizes: Record<Size, number> = {
    vocabulary: config.vocabularySize,
    hidden: config.hiddenSize,
    inner: config.intermediateSize,
    queries: config.headCount * config.headSize,
    keys: config.kvHeadCount * config.headSize,
    head: config.headSize,
  };
  return {
    role: row.role,
    layer,
    name: layer < 0 ? row.name : `model.layers.${layer}.${row.name}`,
    ggufName: layer < 0 ? row.ggufName : `blk.${layer}.${row.ggufName}`,
    shape: row.shape.map((size) => sizes[size]),
  };
}
