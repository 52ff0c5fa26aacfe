// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { ModelFileError } from "../model_file_error.ts";
import { generationConfig } from "./generation_config.ts";
import { huggingFaceConfig } from "./huggingface_config.ts";
import { JsonNode, readJson, readText } from "./json_node.ts";
import { checkedPlan, type ModelSource, type TokenizerSource } from "./model_source.ts";
import { readSafetensors } from "./safetensors.ts";
import type { TensorInfo } from "./tensor.ts";
import { WeightFiles } from "./weight_files.ts";

/** Most files that a model's weights are spread over. */
export const SHARDS_MAX = 4096;

/** Largest chat_template.jinja that is read; published ones have some ten thousand bytes. */
const TEMPLATE_BYTES_MAX = 4 * 1024 * 1024;

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/**
 * Opens a model in Hugging Face's layout: config.json and safetensors, in one file or several with
 * an index. generation_config.json may be missing.
 *
 * @throws {ModelFileError} that names file, tensor and reason
 * @throws {Deno.errors.NotFound} when config.json is missing
 */
export async function openHuggingFace(directory: string): Promise<ModelSource> {
  const root = directory.replace(/\/+$/, "");
  const config = huggingFaceConfig(await readJson(`${root}/config.json`));
  const generation = generationConfig(
    await optional(readJson(`${root}/generation_config.json`)),
    config,
  );
  const index = await optional(readJson(`${root}/${INDEX}`));
  const files = new WeightFiles();
  try {
    const tensors = index === null ? singleFile(files, root) : shardedFiles(files, root, index);
    const source: ModelSource = {
      path: root,
      format: "huggingface",
      config,
      generation,
      tensors,
      rotaryRows: "halves",
      ...huggingFaceTokenizer(root),
      files,
      [Symbol.dispose]: () => files.close(),
    };
    checkedPlan(source);
    return source;
  } catch (error) {
    files.close();
    throw error;
  }
}

/** The files of a directory that are about text; nothing is read yet. */
export function huggingFaceTokenizer(directory: string): TokenizerSource {
  return {
    tokenizer: () => readJson(`${directory}/tokenizer.json`),
    tokenizerConfig: () => optional(readJson(`${directory}/tokenizer_config.json`)),
    chatTemplate: async () => {
      const file = `${directory}/chat_template.jinja`;
      const text = await optional(readText(file, TEMPLATE_BYTES_MAX));
      return text === null ? null : new JsonNode(file, "", text);
    },
  };
}

/** What is read, or null where there is no such file. */
async function optional<T>(reading: Promise<T>): Promise<T | null> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

function singleFile(files: WeightFiles, root: string): Map<string, TensorInfo> {
  try {
    return readSafetensors(files, `${root}/${SINGLE}`).tensors;
  } catch (cause) {
    if (!(cause instanceof Deno.errors.NotFound)) throw cause;
    throw new ModelFileError(root, "", `has neither ${SINGLE} nor ${INDEX}`, { cause });
  }
}

function shardedFiles(files: WeightFiles, root: string, index: JsonNode): Map<string, TensorInfo> {
  const headers = new Map<string, Map<string, TensorInfo>>();
  const tensors = new Map<string, TensorInfo>();
  for (const [name, node] of index.member("weight_map").entries()) {
    const shard = shardName(node);
    let header = headers.get(shard);
    if (header === undefined) {
      if (headers.size === SHARDS_MAX) node.fail(`is one more file than ${SHARDS_MAX}`);
      header = readShard(files, `${root}/${shard}`, node);
      headers.set(shard, header);
    }
    const tensor = header.get(name);
    if (tensor === undefined) throw new ModelFileError(`${root}/${shard}`, name, "is missing");
    tensors.set(name, tensor);
  }
  return tensors;
}

function readShard(files: WeightFiles, path: string, node: JsonNode): Map<string, TensorInfo> {
  try {
    return readSafetensors(files, path).tensors;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return node.fail("names a file that is missing");
    throw error;
  }
}

/** The name of a shard; one with a path in it could name a file outside the directory. */
function shardName(node: JsonNode): string {
  const name = node.text();
  if (/^[\w.-]+\.safetensors$/.test(name)) return name;
  return node.fail(`is ${JSON.stringify(name)}, not the name of a safetensors file`);
}
