// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { groupsOf } from "../infer/model/matrix.ts";
import type { ModelConfig } from "../infer/model/model_config.ts";
import type { ModelSource } from "../infer/model/model_source.ts";
import { SCALE_SUFFIX } from "../infer/model/model_source.ts";
import { openModel } from "../infer/model/open_model.ts";
import { planSafetensors } from "../infer/model/safetensors.ts";
import { TENSOR_TYPES, type TensorInfo, type TensorType } from "../infer/model/tensor.ts";
import { weightPlan } from "../infer/model/weight_plan.ts";
import { writeGguf } from "../infer/model/write_gguf.ts";

/** A shape that is measured. */
export type ShapeName = "Llama-3.2-1B" | "Qwen3-0.6B";

interface Shape {
  /** A model of the same family, for its tokenizer and for what no shape says. */
  readonly fixture: string;
  readonly sizes: Partial<ModelConfig>;
}

// Data: sizes as the published config.json have them.
// deno-fmt-ignore
const SHAPES: Record<ShapeName, Shape> = {
  "Llama-3.2-1B": {
    fixture: "llama-tied-default",
    sizes: {
      hiddenSize: 2048, intermediateSize: 8192, layerCount: 16, headCount: 32, kvHeadCount: 8,
      headSize: 64, vocabularySize: 128_256, contextTokensMax: 131_072, normEpsilon: 1e-5,
    },
  },
  "Qwen3-0.6B": {
    fixture: "qwen3-tied-default",
    sizes: {
      hiddenSize: 1024, intermediateSize: 3072, layerCount: 28, headCount: 16, kvHeadCount: 8,
      headSize: 128, vocabularySize: 151_936, contextTokensMax: 40_960, normEpsilon: 1e-6,
    },
  },
};

/** The groups of Q8_0. */
const GROUP_SIZE = 32;
/** Scale of levels that are spread evenly, so that weights have a deviation of 0.02. */
const SCALE = 0.02 / 73.6;

const BUILD_DIRECTORY = new URL(".build/infer/", import.meta.url).pathname;
const MODELS = new URL("../tests/fixtures/infer/models/", import.meta.url).pathname;

/** A GGUF file of random weights in a published shape, Q8_0, made when it is not there yet. */
export async function randomModelFile(name: ShapeName): Promise<string> {
  const path = `${BUILD_DIRECTORY}${name}.gguf`;
  if (await Deno.stat(path).then(() => true, () => false)) return path;
  await Deno.mkdir(BUILD_DIRECTORY, { recursive: true });
  const numbers = `${BUILD_DIRECTORY}${name}.random`;
  try {
    using source = await randomSource(name, numbers);
    await writeGguf(source, path, { type: "Q8_0" });
  } finally {
    await Deno.remove(numbers);
  }
  return path;
}

/**
 * A model of random weights in BF16 as Hugging Face lays it out, with a tokenizer that has a word
 * for every id, made when it is not there yet.
 */
export async function randomModelDirectory(name: ShapeName): Promise<string> {
  const directory = `${BUILD_DIRECTORY}${name}`;
  const file = `${directory}/model.safetensors`;
  if (await Deno.stat(file).then(() => true, () => false)) return directory;
  await Deno.mkdir(directory, { recursive: true });
  const { fixture, sizes } = SHAPES[name];
  const text = await Deno.readTextFile(`${MODELS}${fixture}/config.json`);
  const config = { ...JSON.parse(text), ...huggingFaceSizes(sizes as ModelConfig) };
  await Deno.writeTextFile(`${directory}/config.json`, JSON.stringify(config));
  await writeTokenizer(MODELS + fixture, directory, sizes.vocabularySize!);
  using like = await openModel(MODELS + fixture);
  const tensors = weightPlan({ ...like.config, ...sizes, tiedEmbeddings: true })
    .map(({ name, shape }) => ({ name, shape, type: "BF16" as const }));
  const plan = planSafetensors(file, tensors, { format: "pt" });
  const partial = `${file}.partial`;
  {
    using out = await Deno.create(partial);
    const write = async (bytes: Uint8Array) => {
      for (let at = 0; at < bytes.length;) at += await out.write(bytes.subarray(at));
    };
    await write(plan.head);
    const piece = randomHalves();
    for (let at = plan.head.length; at < plan.fileBytes; at += piece.length) {
      await write(piece.subarray(0, Math.min(piece.length, plan.fileBytes - at)));
    }
  }
  await Deno.rename(partial, file);
  return directory;
}

/** The tokenizer of another model, with words for all further ids. */
async function writeTokenizer(from: string, to: string, vocabularySize: number): Promise<void> {
  const tokenizer = JSON.parse(await Deno.readTextFile(`${from}/tokenizer.json`));
  const { model: { vocab }, added_tokens: added } = tokenizer;
  const ids = new Set([...Object.values(vocab), ...added.map(({ id }: { id: number }) => id)]);
  for (let id = 0; id < vocabularySize; id++) if (!ids.has(id)) vocab[`word${id}`] = id;
  await Deno.writeTextFile(`${to}/tokenizer.json`, JSON.stringify(tokenizer));
  await Deno.copyFile(`${from}/tokenizer_config.json`, `${to}/tokenizer_config.json`);
}

function huggingFaceSizes(config: ModelConfig): Record<string, unknown> {
  return {
    "hidden_size": config.hiddenSize,
    "intermediate_size": config.intermediateSize,
    "num_hidden_layers": config.layerCount,
    "num_attention_heads": config.headCount,
    "num_key_value_heads": config.kvHeadCount,
    "head_dim": config.headSize,
    "vocab_size": config.vocabularySize,
    "max_position_embeddings": config.contextTokensMax,
    "rms_norm_eps": config.normEpsilon,
    "tie_word_embeddings": true,
  };
}

/** 8 MiB of bfloat16 numbers of both signs between 2^-8 and 2^-4. */
function randomHalves(): Uint8Array {
  const bytes = new Uint8Array(8 * 1024 * 1024);
  for (let at = 0; at < bytes.length; at += 1 << 16) {
    crypto.getRandomValues(bytes.subarray(at, at + (1 << 16)));
  }
  const halves = new Uint16Array(bytes.buffer);
  for (let i = 0; i < halves.length; i++) {
    const random = halves[i]!;
    halves[i] = (random & 0x807f) | ((0x77 + (random >> 8 & 3)) << 7);
  }
  return bytes;
}

/**
 * A model all of whose tensors lie in one file, one over the other: as many random levels as the
 * largest needs, then as many scales, then as many ones for norms.
 */
async function randomSource(name: ShapeName, path: string): Promise<ModelSource> {
  const { fixture, sizes } = SHAPES[name];
  using like = await openModel(MODELS + fixture);
  const quantization = { bits: 8, groupSize: GROUP_SIZE } as const;
  const config: ModelConfig = {
    ...like.config,
    ...sizes,
    tiedEmbeddings: true,
    rope: { theta: 500_000, type: "default" },
    quantization,
  };
  const { hiddenSize, vocabularySize, intermediateSize } = config;
  const levels = vocabularySize * hiddenSize;
  const scales = levels / GROUP_SIZE;
  const ones = Math.max(hiddenSize, intermediateSize);
  await writeNumbers(path, levels, scales, ones);
  const offsets = { I8: 0, F16: levels, F32: levels + 2 * scales };
  const tensors = new Map<string, TensorInfo>();
  const add = (name: string, type: keyof typeof offsets & TensorType, shape: readonly number[]) => {
    const byteLength = shape.reduce((a, b) => a * b) * TENSOR_TYPES[type].blockBytes;
    tensors.set(name, { name, type, shape, file: path, offset: offsets[type], byteLength });
  };
  for (const { name, shape } of weightPlan(config)) {
    if (shape.length === 1) add(name, "F32", shape);
    else {
      add(name, "I8", shape);
      add(name + SCALE_SUFFIX, "F16", [shape[0]!, groupsOf(shape[1]!, GROUP_SIZE)]);
    }
  }
  const { tokenizer, tokenizerConfig, chatTemplate, generation, format, files } = like;
  const close = () => files.close();
  return {
    ...{ path, config, tensors, tokenizer, tokenizerConfig, chatTemplate, generation, format },
    ...{ files, rotaryRows: "halves", [Symbol.dispose]: close },
  };
}

async function writeNumbers(
  path: string,
  levels: number,
  scales: number,
  ones: number,
): Promise<void> {
  using file = await Deno.create(path);
  const write = async (bytes: Uint8Array) => {
    for (let at = 0; at < bytes.length;) at += await file.write(bytes.subarray(at));
  };
  const piece = new Uint8Array(1 << 16);
  for (let at = 0; at < levels; at += piece.length) {
    crypto.getRandomValues(piece);
    // No level is -128.
    for (let i = 0; i < piece.length; i++) if (piece[i] === 0x80) piece[i] = 0;
    await write(piece.subarray(0, Math.min(piece.length, levels - at)));
  }
  await write(new Uint8Array(new Float16Array(scales).fill(SCALE).buffer));
  await write(new Uint8Array(new Float32Array(ones).fill(1).buffer));
}
