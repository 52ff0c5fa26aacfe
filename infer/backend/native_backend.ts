// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import type { LoadWeightsOptions } from "../model/load_weights.ts";
import type { ModelConfig } from "../model/model_config.ts";
import type { ModelSource } from "../model/model_source.ts";
import type { Backend, BackendMemory, KvType, StepOutput } from "./backend.ts";
import type { Drawing } from "./drawing.ts";
import {
  type DeviceDescription,
  NativeDevice,
  type NativeDeviceOptions,
  newHandle,
} from "./native_device.ts";
import { checkStatus } from "./native_library.ts";
import { NATIVE_TYPES, NativeWeights } from "./native_weights.ts";
import { NativeDrawing } from "./native_drawing.ts";
import { checkStep } from "./step_check.ts";
import type { StepBatch, StepBounds } from "./step_batch.ts";

/** How many blocks there are, and how large steps. */
export interface NativeBackendSize {
  /** Blocks of keys and values. */
  readonly blockCount: number;
  /** How large a step can be. */
  readonly bounds: StepBounds;
}

/** Options of {@linkcode NativeBackend.loadFitting}. */
export interface NativeLoadOptions extends LoadWeightsOptions, NativeDeviceOptions {
  /**
   * How keys and values are kept.
   *
   * @default {"float16"}
   */
  readonly kvType?: KvType;
}

/** Options of {@linkcode NativeBackend.load}. */
export interface NativeBackendOptions extends NativeLoadOptions, NativeBackendSize {}

/**
 * The arithmetic in C, on threads of its own, with the widest instructions that the processor has;
 * or, with `device: "cuda"`, on a GPU. INT8 matrices are multiplied with inputs rounded to INT8 in
 * the same groups.
 *
 * `deno task build` makes the library, with the system's compiler; nothing of it is loaded before
 * the first backend is.
 *
 * @example The next token after a prompt
 * ```ts ignore
 * import { NativeBackend, openModel, runStep, StepBatch } from "@photon/std/infer";
 *
 * using source = await openModel("Llama-3.2-1B-Instruct");
 * const bounds = { tokensMax: 512, sequencesMax: 16, blocksPerSequenceMax: 64, blockTokens: 16 };
 * const options = { bounds, blockCount: 1024, weights: { groupSize: 64 } };
 * using backend = await NativeBackend.load(source, options);
 * const batch = new StepBatch(bounds);
 * batch.add({ tokens: [5, 6, 7], computedTokens: 0, blocks: [0], logits: "last" });
 * const { logits } = runStep(backend, batch);
 * ```
 */
export class NativeBackend implements Backend {
  readonly config: ModelConfig;
  readonly bounds: StepBounds;
  readonly blockCount: number;
  readonly kvType: KvType;
  /** On a GPU. */
  readonly drawing: Drawing | undefined;
  readonly #device: NativeDevice;
  readonly #weights: NativeWeights;
  readonly #context: bigint;
  #logits = new Float32Array(0);
  #states = new Float32Array(0);
  /** Kept while the library reads it. */
  #batch: StepBatch | null = null;
  #isOpen = true;
  /** Threads of Deno's that wait in the library, which must not lose what they wait for. */
  #waiting = 0;

  /**
   * Reads a model's weights, quantising while they are read where `weights` says so, and makes the
   * blocks.
   *
   * @throws {ModelFileError} that names file, tensor and reason
   * @throws {RangeError} when a bound is not a whole number above 0, `kvType` is unknown, or memory
   * is short
   * @throws {Deno.errors.NotFound} when there is no library, with the places that were tried
   * @throws {Deno.errors.NotCapable} when `--allow-ffi` or the read permission was not granted
   * @throws {Deno.errors.NotSupported} when the processor or the GPU cannot do it, or there is none
   * @throws the reason of the signal
   */
  static load(source: ModelSource, options: NativeBackendOptions): Promise<NativeBackend> {
    return NativeBackend.loadFitting(source, options, () => options);
  }

  /**
   * {@linkcode load}, where the number of blocks follows from the bytes that one takes in all
   * layers, on all GPUs together.
   *
   * @throws what {@linkcode load} and `fit` throw
   */
  static async loadFitting(
    source: ModelSource,
    options: NativeLoadOptions,
    fit: (blockBytes: (blockTokens: number) => number) => NativeBackendSize,
  ): Promise<NativeBackend> {
    const { kvType = "float16" } = options;
    const stored = storedAs(kvType);
    using stack = new DisposableStack();
    const device = stack.use(new NativeDevice(options));
    const weights = stack.use(new NativeWeights(device, source.config));
    // Before the weights are read, which may take minutes.
    const { bounds, blockCount } = fit((blockTokens) => {
      checkWord("blockTokens", blockTokens);
      return weights.blockBytes(blockTokens, stored);
    });
    const { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens } = bounds;
    const words = { tokensMax, sequencesMax, blocksPerSequenceMax, blockTokens, blockCount };
    for (const [name, value] of Object.entries(words)) checkWord(name, value);
    await weights.load(source, options);
    const settings = { bounds, blockCount, kvType };
    const backend = new NativeBackend(source.config, device, weights, settings);
    stack.move();
    return backend;
  }

  /** Use {@linkcode NativeBackend.load}. */
  constructor(
    config: ModelConfig,
    device: NativeDevice,
    weights: NativeWeights,
    { bounds, blockCount, kvType }: NativeBackendSize & { readonly kvType: KvType },
  ) {
    this.config = config;
    this.bounds = bounds;
    this.blockCount = blockCount;
    this.kvType = kvType;
    this.#device = device;
    this.#weights = weights;
    const words = Int32Array.of(
      ...[bounds.tokensMax, bounds.sequencesMax, bounds.blocksPerSequenceMax],
      ...[bounds.blockTokens, blockCount, storedAs(kvType)],
    );
    this.#context = newHandle((into) => {
      checkStatus(device.calls, device.calls.contextCreate(weights.handle, words, into));
    });
    if (device.calls.draw) {
      const checkOpen = () => this.#checkOpen();
      this.drawing = new NativeDrawing(device.calls, this.#context, bounds, checkOpen);
    }
  }

  /** The device: its instruction path and threads. */
  get device(): DeviceDescription {
    this.#checkOpen();
    return this.#device.describe();
  }

  /** Bytes of all weights, as they are kept. */
  get weightBytes(): number {
    this.#checkOpen();
    return this.#weights.byteLength;
  }

  /** What memory it takes now, on all of its GPUs together. */
  get memory(): BackendMemory {
    this.#checkOpen();
    const [blocks, steps] = [new BigUint64Array(1), new BigUint64Array(1)];
    this.#device.calls.contextBytes(this.#context, blocks, steps);
    const [kvBytes, stepBytes] = [Number(blocks[0]), Number(steps[0])];
    return { weightBytes: this.weightBytes, kvBytes, stepBytes };
  }

  /** See {@linkcode Backend.submit}. */
  submit(batch: StepBatch): void {
    this.#checkOpen();
    if (this.#batch) {
      throw new Deno.errors.Busy("Cannot submit a step before the last is waited for");
    }
    checkStep(batch, this);
    const { vocabularySize, hiddenSize } = this.config;
    const { calls } = this.#device;
    // Grown, and never empty: the library is given an address.
    const rows = Math.max(batch.logitCount, 1);
    if (this.#states.length < rows * hiddenSize) {
      this.#logits = new Float32Array(rows * vocabularySize);
      this.#states = new Float32Array(rows * hiddenSize);
    }
    const { words } = batch;
    const size = BigInt(words.length);
    const [logits, states] = [this.#logits, this.#states];
    const bytes = words as Int32Array<ArrayBuffer>;
    checkStatus(calls, calls.submit(this.#context, bytes, size, logits, states));
    this.#batch = batch;
  }

  /** See {@linkcode Backend.done}. */
  async done(): Promise<void> {
    this.#checkOpen();
    if (!this.#batch) return;
    this.#waiting++;
    try {
      // Whether the step has failed `wait` hears, too.
      await this.#device.calls.waitSoon(this.#context);
    } finally {
      this.#waiting--;
      if (!this.#isOpen) this.#free();
    }
  }

  /** See {@linkcode Backend.wait}. */
  wait(): StepOutput {
    this.#checkOpen();
    const batch = this.#batch;
    if (!batch) throw new Deno.errors.BadResource("No step is on its way");
    // The step is over, whether it has failed or not.
    this.#batch = null;
    checkStatus(this.#device.calls, this.#device.calls.wait(this.#context));
    const rows = batch.logitCount;
    return {
      rows,
      logits: this.#logits.subarray(0, rows * this.config.vocabularySize),
      states: this.#states.subarray(0, rows * this.config.hiddenSize),
    };
  }

  /** See {@linkcode Backend.copyBlocks}. */
  copyBlocks(pairs: ArrayLike<number>): void {
    this.#checkOpen();
    const ids = Array.from(pairs);
    const isBlock = (id: number) => Number.isSafeInteger(id) && id >= 0 && id < this.blockCount;
    if (ids.length % 2 !== 0 || !ids.every(isBlock)) {
      throw new RangeError(`Cannot copy blocks [${ids}] of ${this.blockCount}`);
    }
    if (ids.length === 0) return;
    const { calls } = this.#device;
    checkStatus(calls, calls.copyBlocks(this.#context, Int32Array.from(ids), ids.length / 2));
  }

  /**
   * Frees all memory and ends the threads; a step that is on its way is waited for, and so are
   * those who wait in {@linkcode done}.
   */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#free();
  }

  /** {@linkcode close} */
  [Symbol.dispose](): void {
    this.close();
  }

  #free(): void {
    if (this.#waiting > 0) return;
    this.#batch = null;
    this.#device.calls.contextDestroy(this.#context);
    this.#weights.close();
    this.#device.close();
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new Deno.errors.BadResource("The backend is closed");
  }
}

/** The library counts in 32 bits. */
function checkWord(name: string, value: number): void {
  if ((value | 0) === value && value > 0) return;
  throw new RangeError(
    `Cannot load a model with ${name} ${value}: a whole number above 0, below 2^31, is needed`,
  );
}

/** The number of `kvType` in the library. */
function storedAs(kvType: KvType): number {
  if (["float32", "float16", "int8", "float8"].includes(kvType)) return NATIVE_TYPES[kvType];
  throw new RangeError(`Cannot keep keys and values as "${kvType}"`);
}
