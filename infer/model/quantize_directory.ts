// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { workModule } from "../../io/work_call.ts";
import { WorkPool } from "../../io/work_pool.ts";
import { ModelFileError } from "../model_file_error.ts";
import { isFloatType } from "./float_format.ts";
import { checkGroupSize } from "./group_quantize.ts";
import { QUANTIZATION_METHOD } from "./huggingface_config.ts";
import { readJson } from "./json_node.ts";
import { groupsOf } from "./matrix.ts";
import { checkedPlan, type ModelSource, SCALE_SUFFIX } from "./model_source.ts";
import type { QuantizeJob } from "./quantize_piece.ts";
import { type FilePlan, type PlannedTensor, planSafetensors } from "./safetensors.ts";
import type { PlannedWeight } from "./weight_plan.ts";
import { writeAt } from "./write_at.ts";

/** Options of {@linkcode quantizeDirectory}. */
export interface QuantizeOptions {
  /**
   * Weights that share a scale: 32, 64 or 128.
   *
   * @default {64}
   */
  readonly groupSize?: number;
  /**
   * Threads that quantise.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly workers?: number;
  /** Told after each piece how many bytes of the model are done, and of how many. */
  readonly onProgress?: (doneBytes: number, totalBytes: number) => void;
  /** Gives up; what was written is removed. */
  readonly signal?: AbortSignal;
}

/** Numbers of a piece, about: 28 MB of memory in each worker. */
const PIECE_NUMBERS = 4 * 1024 * 1024;

const WEIGHTS = "model.safetensors";

const PIECE_MODULE = workModule<typeof import("./quantize_piece.ts")>(
  new URL("./quantize_piece.ts", import.meta.url),
);

// Data: what is copied as it is, where it is there.
const COPIED = [
  ...["generation_config.json", "tokenizer.json", "tokenizer_config.json"],
  ...["special_tokens_map.json", "chat_template.jinja"],
];

/**
 * Quantises a model in Hugging Face's layout to INT8 in groups, on all cores, and writes it as
 * another directory: each matrix as I8 and its scales as F16 beside it (`NAME_scale`), in one
 * safetensors file; norms and biases as they are; `quantization_config` in config.json says so.
 *
 * config.json is written last, so that a directory that is not whole does not load.
 *
 * @example INT8 in groups of 32
 * ```ts
 * import { openModel, quantizeDirectory } from "@photon/std/infer";
 * import { assertEquals } from "@std/assert";
 *
 * const out = await Deno.makeTempDir();
 * using source = await openModel("tests/fixtures/infer/models/qwen3-linear");
 * await quantizeDirectory(source, out, { groupSize: 32 });
 * using quantized = await openModel(out);
 * assertEquals(quantized.config.quantization, { bits: 8, groupSize: 32 });
 * await Deno.remove(out, { recursive: true });
 * ```
 * @throws {ModelFileError} when the source is quantised already, is not a directory, or holds
 * numbers that are not finite
 * @throws {RangeError} when the group size is another
 * @throws {Deno.errors.AlreadyExists} when the directory holds a model
 * @throws the reason of the signal
 */
export async function quantizeDirectory(
  source: ModelSource,
  directory: string,
  options: QuantizeOptions = {},
): Promise<void> {
  const { groupSize = 64, signal } = options;
  checkGroupSize(groupSize);
  signal?.throwIfAborted();
  if (source.format !== "huggingface") {
    throw new ModelFileError(source.path, "", "is not a directory in Hugging Face's layout");
  }
  const weights = checkedPlan(source);
  for (const weight of weights) checkFloat(source, weight);
  const config = (await readJson(`${source.path}/config.json`)).object();
  await Deno.mkdir(directory, { recursive: true });
  await refuseModel(directory);

  const partial = `${directory}/${WEIGHTS}.partial`;
  const plan = planSafetensors(
    partial,
    weights.flatMap((weight) => quantizedTensors(source, weight, groupSize)),
    { format: "pt" },
  );
  try {
    await writeWeights(source, weights, plan, partial, groupSize, options);
    await Deno.rename(partial, `${directory}/${WEIGHTS}`);
  } catch (error) {
    await Deno.remove(partial).catch(() => {});
    throw error;
  }
  for (const name of COPIED) await copyIfThere(`${source.path}/${name}`, `${directory}/${name}`);
  const quantization = { "quant_method": QUANTIZATION_METHOD, bits: 8, "group_size": groupSize };
  const text = JSON.stringify({ ...config, "quantization_config": quantization }, null, 2);
  await Deno.writeTextFile(`${directory}/config.json`, `${text}\n`);
}

function checkFloat({ tensors }: ModelSource, { name }: PlannedWeight): void {
  const { type, file } = tensors.get(name)!;
  if (!isFloatType(type)) throw new ModelFileError(file, name, `is quantised already, ${type}`);
}

async function refuseModel(directory: string): Promise<void> {
  for await (const { name } of Deno.readDir(directory)) {
    if (name !== "config.json" && !name.endsWith(".safetensors")) continue;
    throw new Deno.errors.AlreadyExists(`Cannot write to ${directory}: it has a ${name}`);
  }
}

function quantizedTensors(
  { tensors }: ModelSource,
  { name, shape }: PlannedWeight,
  groupSize: number,
): PlannedTensor[] {
  if (shape.length === 1) return [{ name, type: tensors.get(name)!.type, shape }];
  const scales = [shape[0]!, groupsOf(shape[1]!, groupSize)];
  return [
    { name, type: "I8", shape },
    { name: name + SCALE_SUFFIX, type: "F16", shape: scales },
  ];
}

async function writeWeights(
  source: ModelSource,
  weights: readonly PlannedWeight[],
  plan: FilePlan,
  path: string,
  groupSize: number,
  options: QuantizeOptions,
): Promise<void> {
  const bytesOf = ({ name }: PlannedWeight) => source.tensors.get(name)!.byteLength;
  const totalBytes = weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
  let doneBytes = 0;
  const advance = (bytes: number) => options.onProgress?.(doneBytes += bytes, totalBytes);
  await writeVectors(source, weights, plan, path, advance);
  const jobs = weights.flatMap((weight) => jobsOf(source, weight, plan, path, groupSize));
  await runJobs(jobs, options, advance);
}

/** Makes the file in its final size, with its header and all that is not quantised. */
async function writeVectors(
  source: ModelSource,
  weights: readonly PlannedWeight[],
  plan: FilePlan,
  path: string,
  advance: (bytes: number) => void,
): Promise<void> {
  using file = await Deno.open(path, { write: true, create: true, truncate: true });
  await file.truncate(plan.fileBytes);
  writeAt(file, 0, plan.head);
  for (const { name, shape } of weights) {
    if (shape.length > 1) continue;
    const bytes = source.files.readTensor(source.tensors.get(name)!);
    writeAt(file, plan.tensors.get(name)!.offset, bytes);
    advance(bytes.length);
  }
}

/** Does all jobs on workers; the first failure gives up those that still wait for one. */
async function runJobs(
  jobs: readonly QuantizeJob[],
  { workers, signal }: QuantizeOptions,
  advance: (bytes: number) => void,
): Promise<void> {
  const failure = new AbortController();
  const anyway = AbortSignal.any([failure.signal, ...(signal ? [signal] : [])]);
  await using pool = new WorkPool({
    engine: "none",
    callsPerWorker: 1,
    ...(workers !== undefined && { workers }),
  });
  const runJob = async (job: QuantizeJob) => {
    const { tensor, rows } = job;
    const reason = await pool.call(PIECE_MODULE, "quantizePiece", [job], { signal: anyway });
    if (reason !== null) throw new ModelFileError(tensor.file, tensor.name, reason);
    advance((tensor.byteLength / tensor.shape[0]!) * rows);
  };
  await Promise.all(jobs.map((job) => runJob(job).catch((error) => failure.abort(error))));
  signal?.throwIfAborted();
  failure.signal.throwIfAborted();
}

function jobsOf(
  source: ModelSource,
  { name, shape }: PlannedWeight,
  plan: FilePlan,
  path: string,
  groupSize: number,
): QuantizeJob[] {
  if (shape.length === 1) return [];
  const [rows, columns] = shape as [number, number];
  const tensor = source.tensors.get(name) as QuantizeJob["tensor"];
  const levels = plan.tensors.get(name)!;
  const scales = plan.tensors.get(name + SCALE_SUFFIX)!;
  const step = Math.max(Math.floor(PIECE_NUMBERS / columns), 1);
  return Array.from({ length: Math.ceil(rows / step) }, (_, i) => ({
    tensor,
    begin: i * step,
    rows: Math.min(step, rows - i * step),
    groupSize,
    path,
    levelsOffset: levels.offset + i * step * (levels.byteLength / rows),
    scalesOffset: scales.offset + i * step * (scales.byteLength / rows),
  }));
}

async function copyIfThere(from: string, to: string): Promise<void> {
  try {
    await Deno.copyFile(from, to);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
