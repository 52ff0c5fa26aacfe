// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { checkRead } from "../../ffi/permission.ts";
import { ModelFileError } from "../model_file_error.ts";
import { isFloatType } from "../model/float_format.ts";
import { checkGroupSize } from "../model/group_quantize.ts";
import type { Matrix } from "../model/matrix.ts";
import type { LoadWeightsOptions } from "../model/load_weights.ts";
import type { ModelConfig } from "../model/model_config.ts";
import { checkedPlan, type ModelSource } from "../model/model_source.ts";
import { ropeTable } from "../model/rope.ts";
import type { TensorInfo, TensorType } from "../model/tensor.ts";
import type { PlannedWeight, WeightRole } from "../model/weight_plan.ts";
import { isRotated, nextTurn, readPieces, readVector } from "../model/weight_reader.ts";
import { type NativeDevice, newHandle } from "./native_device.ts";
import { checkStatus, zeroEnded } from "./native_library.ts";

/** How numbers are stored, as infer.h counts. */
// Data: numbers of infer_type.
// deno-fmt-ignore
export const NATIVE_TYPES = { float32: 0, float16: 1, bfloat16: 2, int8: 3, q8: 4, float8: 5 } as const;

// Data: numbers of infer_role.
// deno-fmt-ignore
const ROLES: Record<WeightRole | "ropeFrequencies", number> = {
  embedding: 0, finalNorm: 1, head: 2, ropeFrequencies: 3, attentionNorm: 4,
  query: 5, key: 6, value: 7, queryBias: 8, keyBias: 9, valueBias: 10, queryNorm: 11, keyNorm: 12,
  output: 13, outputBias: 14, mlpNorm: 15,
  gate: 16, up: 17, down: 18, gateBias: 19, upBias: 20, downBias: 21,
};

/** How a tensor is read and kept. */
interface Storage {
  /** Kept as. */
  readonly type: number;
  readonly groupSize: number;
  /** Read by the library as; undefined when it is read here. */
  readonly fileType: number | undefined;
}

/** The weights of a model in the native library's memory. */
export class NativeWeights implements Disposable {
  /** Address of the model, as the calls take it. */
  readonly handle: bigint;
  readonly #device: NativeDevice;
  #isOpen = true;

  /**
   * Makes a model without weights.
   *
   * @throws {RangeError} when its sizes cannot be
   */
  constructor(device: NativeDevice, config: ModelConfig) {
    this.#device = device;
    const { calls } = device;
    this.handle = newHandle((into) => {
      checkStatus(calls, calls.modelCreate(device.handle, packConfig(config), into));
    });
  }

  /**
   * Bytes of a block of keys and values in all layers; no weights are needed.
   *
   * @param kvType one of {@linkcode NATIVE_TYPES} that keys and values can have
   */
  blockBytes(blockTokens: number, kvType: number): number {
    return Number(this.#device.calls.modelBlockBytes(this.handle, blockTokens, kvType));
  }

  /** Bytes of all weights. */
  get byteLength(): number {
    return Number(this.#device.calls.modelBytes(this.handle));
  }

  /**
   * Reads all weights of a source.
   *
   * @throws {ModelFileError} that names file, tensor and reason
   * @throws the reason of the signal
   */
  async load(source: ModelSource, options: LoadWeightsOptions): Promise<void> {
    if (typeof options.weights === "object") checkGroupSize(options.weights.groupSize);
    const plan = checkedPlan(source);
    const bytesOf = ({ name }: PlannedWeight) => source.tensors.get(name)!.byteLength;
    const totalBytes = plan.reduce((sum, weight) => sum + bytesOf(weight), 0);
    const { rope, headSize } = source.config;
    this.#setVector("ropeFrequencies", -1, ropeTable(rope, headSize).frequencies);
    let readBytes = 0;
    for (const weight of plan) {
      options.signal?.throwIfAborted();
      if (weight.shape.length === 1) {
        this.#setVector(weight.role, weight.layer, readVector(source, weight));
      } else {
        await this.#loadMatrix(source, weight, options);
      }
      readBytes += bytesOf(weight);
      options.onProgress?.(readBytes, totalBytes);
    }
  }

  /**
   * A row of a matrix as plain numbers, as it is kept.
   *
   * @param role What the matrix is for: "embedding", "gate", as ModelWeights calls it
   * @param layer Which layer, or -1
   * @throws {RangeError} when there is no such row
   */
  readRow(role: string, layer: number, row: number, columns: number): Float32Array {
    const into = new Float32Array(columns);
    const { calls } = this.#device;
    checkStatus(
      calls,
      calls.modelReadRow(this.handle, ROLES[role as WeightRole] ?? -1, layer, row, into),
    );
    return into;
  }

  /** Frees all memory. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#device.calls.modelDestroy(this.handle);
  }

  /** {@linkcode close} */
  [Symbol.dispose](): void {
    this.close();
  }

  #setVector(
    role: WeightRole | "ropeFrequencies",
    layer: number,
    values: Float32Array,
  ): void {
    const { calls } = this.#device;
    const bytes = values as Float32Array<ArrayBuffer>;
    const size = values.length;
    checkStatus(calls, calls.modelSetVector(this.handle, ROLES[role], layer, bytes, size));
  }

  async #loadMatrix(
    source: ModelSource,
    weight: PlannedWeight,
    { weights = "stored" }: LoadWeightsOptions,
  ): Promise<void> {
    const { calls } = this.#device;
    const tensor = source.tensors.get(weight.name)!;
    const { type, groupSize, fileType } = storageOf(source, tensor, weights);
    const [role, { layer }] = [ROLES[weight.role], weight];
    checkStatus(calls, calls.modelSetMatrix(this.handle, role, layer, type, groupSize));
    if (fileType === undefined) {
      for (const { begin, piece } of readPieces(source, weight)) {
        this.#putRows(weight, begin, piece);
        await nextTurn();
      }
      return;
    }
    // The library opens it by itself.
    checkRead(tensor.file);
    // So that a file that has become too short is told of in the same words.
    source.files.readTensor(tensor, tensor.byteLength - 1, 1);
    const path = zeroEnded(tensor.file);
    const pairs = source.rotaryRows === "pairs" && isRotated(weight) ? 1 : 0;
    const offset = BigInt(tensor.offset);
    const status = await calls.modelReadFile(
      this.handle,
      role,
      layer,
      path,
      offset,
      fileType,
      pairs,
    );
    this.#checkTensor(tensor, status);
  }

  #putRows({ role, layer }: PlannedWeight, begin: number, piece: Matrix): void {
    const { calls } = this.#device;
    const isInt8 = piece.kind === "int8";
    const values = isInt8 ? piece.levels : piece.values;
    const status = calls.modelPutRows(
      this.handle,
      ROLES[role],
      layer,
      begin,
      piece.rows,
      isInt8 ? NATIVE_TYPES.int8 : NATIVE_TYPES.float32,
      values as Int8Array<ArrayBuffer>,
      isInt8 ? piece.scales as Float32Array<ArrayBuffer> : null,
    );
    checkStatus(calls, status);
  }

  #checkTensor({ file, name }: TensorInfo, status: number): void {
    try {
      checkStatus(this.#device.calls, status);
    } catch (cause) {
      throw new ModelFileError(file, name, (cause as Error).message, { cause });
    }
  }
}

// Data: types that the library reads by itself, and what it keeps them as.
// deno-fmt-ignore
const STORAGE: Partial<Record<TensorType, Storage>> = {
  F32:  { type: NATIVE_TYPES.float32,  groupSize: 0,  fileType: NATIVE_TYPES.float32 },
  F16:  { type: NATIVE_TYPES.float32,  groupSize: 0,  fileType: NATIVE_TYPES.float16 },
  BF16: { type: NATIVE_TYPES.bfloat16, groupSize: 0,  fileType: NATIVE_TYPES.bfloat16 },
  Q8_0: { type: NATIVE_TYPES.int8,     groupSize: 32, fileType: NATIVE_TYPES.q8 },
  Q4_0: { type: NATIVE_TYPES.int8,     groupSize: 32, fileType: undefined },
};

function storageOf(
  { config }: ModelSource,
  { type }: TensorInfo,
  weights: NonNullable<LoadWeightsOptions["weights"]>,
): Storage {
  const stored = STORAGE[type] ?? {
    type: NATIVE_TYPES.int8,
    groupSize: config.quantization!.groupSize,
    fileType: undefined,
  };
  if (weights === "stored" || !isFloatType(type)) return stored;
  if (weights === "float32") return { ...stored, type: NATIVE_TYPES.float32 };
  return { ...stored, type: NATIVE_TYPES.int8, groupSize: weights.groupSize };
}

/** The words of infer_model_config. */
function packConfig(config: ModelConfig): Uint8Array<ArrayBuffer> {
  const words = [
    ...[config.hiddenSize, config.intermediateSize, config.layerCount, config.headCount],
    ...[config.kvHeadCount, config.headSize, config.vocabularySize, config.contextTokensMax],
    Number(config.tiedEmbeddings),
  ];
  const bytes = new Uint8Array(4 * (words.length + 2));
  new Int32Array(bytes.buffer).set(words);
  const scale = ropeTable(config.rope, config.headSize).scale;
  new Float32Array(bytes.buffer).set([config.normEpsilon, scale], words.length);
  return bytes;
}
