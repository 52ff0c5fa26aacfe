// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { variable } from "../native/build_library.ts";
import {
  checkStatus,
  type NativeCalls,
  type NativeKind,
  nativeLibrary,
  zeroEnded,
} from "./native_library.ts";

/** Which instructions the native library uses; each has kernels of its own. */
export type InstructionPath = "portable" | "avx2" | "vnni";

/**
 * How a GPU computes: `"cuda"` with whatever is fastest for the whole step; `"deterministic"` so
 * that a token's numbers do not depend on what else is in the step; `"eager"` with one launch a
 * kernel, for tools that look at them; `"w8a8"` with INT8 weights of prompts multiplied as integers
 * by cuBLASLt, one scale a row and one a token: less exact, see infer/native/cuda/STATUS.md.
 */
export type CudaPath = "cuda" | "deterministic" | "eager" | "w8a8";

/**
 * How GPUs that compute together add up: `"nccl"` by NVIDIA's library, which is found at
 * `libnccl.so.2` or where the environment variable `PHOTON_INFER_NCCL_LIBRARY` says; `"host"`
 * through the memory of the host: slower, but it needs nothing, and parts may share a GPU;
 * `"auto"` the first where there is one, else the other.
 */
export type CudaCommunicator = "auto" | "nccl" | "host";

/** Options of {@linkcode NativeDevice.open}. */
export interface NativeDeviceOptions {
  /**
   * What computes.
   *
   * @default {"cpu"}
   */
  readonly device?: NativeKind;
  /**
   * Path of the device's library.
   *
   * @default {where the build put it, see {@linkcode NativeBackend}}
   */
  readonly library?: string;
  /**
   * Threads that compute.
   *
   * @default {navigator.hardwareConcurrency}
   */
  readonly threads?: number;
  /**
   * The instruction path. Without it, the environment variable `PHOTON_INFER_PATH` or the best one
   * that the processor has; on a GPU `"cuda"`.
   */
  readonly path?: InstructionPath | CudaPath;
  /**
   * GPUs that compute together, each with a part of every matrix, of the keys and values and of the
   * vocabulary: the first ones of those that the environment variable `CUDA_VISIBLE_DEVICES` names,
   * or the machine has. They must divide the model's query heads, and divide or be divided by its
   * key-value heads; INT8 groups are not cut.
   *
   * @default {1}
   */
  readonly tensorParallel?: number;
  /**
   * How GPUs that compute together add up.
   *
   * @default {"auto"}
   */
  readonly communicator?: CudaCommunicator;
}

/** What a device says about itself. */
export interface DeviceDescription {
  /** What computes. */
  readonly kind: NativeKind;
  /** Which instructions it uses. */
  readonly path: InstructionPath | CudaPath;
  /** Threads that compute; on a GPU its multiprocessors. */
  readonly threads: number;
  /** A GPU's name. */
  readonly name?: string;
  /** A GPU's compute capability, times ten. */
  readonly compute?: number;
  /** GPUs that compute together, where they are several. */
  readonly tensorParallel?: number;
  /** How they add up, and why not by NCCL. */
  readonly communicator?: string;
  /**
   * The version of cuBLASLt on a GPU, which multiplies prompts where that was measured to be
   * faster; or why there is none.
   */
  readonly cublasLt?: string;
  /**
   * Whether steps of one token are one kernel that stays on a GPU through all layers: measured by
   * each context unless the environment variable `PHOTON_INFER_RESIDENT` says `never` or `always`.
   */
  readonly resident?: string;
}

/** Environment variable with the instruction path. */
const PATH_VARIABLE = "PHOTON_INFER_PATH";
const TEXT_BYTES = 1024;

/** A processor or a GPU as a device of its native library: its threads and kernels. */
export class NativeDevice implements Disposable {
  /** The calls of the library. */
  readonly calls: NativeCalls;
  /** Address of the device, as the calls take it. */
  readonly handle: bigint;
  #isOpen = true;

  /**
   * Opens a device, and before the first one the library.
   *
   * @throws {Deno.errors.NotFound} when there is no library
   * @throws {RangeError} when the path is unknown or the threads are too many
   * @throws {RangeError} when `tensorParallel` is no whole number above 0, or more than 1 without
   * `device: "cuda"`
   * @throws {Deno.errors.NotSupported} when the processor lacks the path's instructions, or there
   * is no GPU or no driver for it, or too few GPUs
   */
  constructor(options: NativeDeviceOptions = {}) {
    const { device = "cpu", library, threads = 0, path } = options;
    checkTogether(options);
    this.calls = nativeLibrary(device, library);
    const chosen = device === "cpu" ? variable(PATH_VARIABLE) : undefined;
    const name = zeroEnded(path ?? chosen ?? "");
    this.handle = newHandle((into) => {
      checkStatus(this.calls, openDevice(this.calls, threads, name, options, into));
    });
  }

  /** What it is. */
  describe(): DeviceDescription {
    const bytes = new Uint8Array(TEXT_BYTES);
    const length = this.calls.deviceDescribe(this.handle, bytes, BigInt(TEXT_BYTES));
    return JSON.parse(new TextDecoder().decode(bytes.subarray(0, Number(length))));
  }

  /** Ends the threads; models of the device must be gone. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.calls.deviceClose(this.handle);
  }

  /** {@linkcode close} */
  [Symbol.dispose](): void {
    this.close();
  }
}

/** One GPU needs nothing that a library for processors has not. */
function openDevice(
  calls: NativeCalls,
  threads: number,
  path: Uint8Array<ArrayBuffer>,
  { tensorParallel = 1, communicator = "auto" }: NativeDeviceOptions,
  into: BigUint64Array<ArrayBuffer>,
): number {
  if (tensorParallel === 1) return calls.deviceOpen(threads, path, into);
  const kind = zeroEnded(communicator === "auto" ? "" : communicator);
  return calls.openGroup!(tensorParallel, kind, path, into);
}

function checkTogether({ device = "cpu", tensorParallel = 1 }: NativeDeviceOptions): void {
  if (!Number.isInteger(tensorParallel) || tensorParallel < 1) {
    throw new RangeError(`Cannot compute on ${tensorParallel} GPUs: 1 or more are needed`);
  }
  if (tensorParallel > 1 && device !== "cuda") {
    throw new RangeError(`Cannot compute on ${tensorParallel} GPUs with the device "${device}"`);
  }
}

/** The handle that a call writes. */
export function newHandle(create: (into: BigUint64Array<ArrayBuffer>) => void): bigint {
  const into = new BigUint64Array(1);
  create(into);
  return into[0]!;
}
