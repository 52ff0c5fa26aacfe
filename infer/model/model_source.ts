// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { isFloatType } from "./float_format.ts";
import type { GenerationConfig } from "./generation_config.ts";
import type { JsonNode } from "./json_node.ts";
import { groupsOf } from "./matrix.ts";
import type { ModelConfig } from "./model_config.ts";
import type { TensorInfo } from "./tensor.ts";
import type { WeightFiles } from "./weight_files.ts";
import { type PlannedWeight, weightCount, weightPlan } from "./weight_plan.ts";

/** A model whose headers are read and checked, and whose weights are still in its files. */
export interface ModelSource extends TokenizerSource, Disposable {
  /** The directory or file. */
  readonly path: string;
  /** Which layout its files have. */
  readonly format: "huggingface" | "gguf";
  /** Its sizes. */
  readonly config: ModelConfig;
  /** How its makers want it sampled. */
  readonly generation: GenerationConfig;
  /** Every tensor, by its name in Hugging Face's files. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /**
   * Which rows of a head's queries and keys turn together: `i` and `i + headSize / 2` in Hugging
   * Face's files, `2 * i` and `2 * i + 1` in GGUF files of Llama.
   */
  readonly rotaryRows: "halves" | "pairs";
  /** Where tensors are read from. */
  readonly files: WeightFiles;
}

/** Where a model's tokenizer and templates come from; read each time they are asked for. */
export interface TokenizerSource {
  /** The tokenizer as a tokenizer.json; made up of the metadata for GGUF. */
  tokenizer(): Promise<JsonNode>;
  /** The settings as a tokenizer_config.json; null where there are none. */
  tokenizerConfig(): Promise<JsonNode | null>;
  /** The text of chat_template.jinja, which counts for more than the settings; null without it. */
  chatTemplate(): Promise<JsonNode | null>;
}

/** Suffix of the tensor that holds the scales of an INT8 tensor. */
export const SCALE_SUFFIX = "_scale";

/**
 * Checks that a model has every weight that its configuration needs, in the right shape and a type
 * that can be read, and returns them in order.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 */
export function checkedPlan(
  source: Pick<ModelSource, "path" | "format" | "config" | "tensors">,
): PlannedWeight[] {
  const needed = weightCount(source.config);
  // Before the plan is made: a damaged number of layers must not make a long one.
  if (needed > source.tensors.size) {
    const reason = `has ${source.tensors.size} tensors; its configuration needs ${needed}`;
    throw new ModelFileError(source.path, "", reason);
  }
  const plan = weightPlan(source.config);
  for (const weight of plan) checkWeight(source, weight);
  return plan;
}

function checkWeight(
  { path, format, config, tensors }: Pick<ModelSource, "path" | "format" | "config" | "tensors">,
  { name, ggufName, shape }: PlannedWeight,
): void {
  const tensor = tensors.get(name);
  if (tensor === undefined) {
    throw new ModelFileError(path, format === "gguf" ? ggufName : name, "is missing");
  }
  if (String(tensor.shape) !== String(shape)) {
    const reason = `has the shape [${tensor.shape}]; the configuration says [${shape}]`;
    throw new ModelFileError(tensor.file, tensor.name, reason);
  }
  if (isFloatType(tensor.type)) return;
  const isQuantized = tensor.type !== "I32" && shape.length === 2;
  if (!isQuantized || (tensor.type === "I8" && config.quantization === null)) {
    throw new ModelFileError(tensor.file, tensor.name, `has the type ${tensor.type}`);
  }
  if (tensor.type === "I8") checkScales(tensors, tensor, config.quantization!.groupSize);
}

function checkScales(
  tensors: ReadonlyMap<string, TensorInfo>,
  { name, file, shape }: TensorInfo,
  groupSize: number,
): void {
  const scales = tensors.get(name + SCALE_SUFFIX);
  const expected = [shape[0]!, groupsOf(shape[1]!, groupSize)];
  if (scales === undefined) throw new ModelFileError(file, name + SCALE_SUFFIX, "is missing");
  if (scales.type === "F16" && String(scales.shape) === String(expected)) return;
  const reason = `is ${scales.type} [${scales.shape}], not F16 [${expected}]`;
  throw new ModelFileError(scales.file, scales.name, reason);
}
