// Copyright 2026 the Photon for Deno authors. Apache-2.0 license.
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { runStep } from "../infer/backend/backend.ts";
import type { NativeBackend, NativeBackendOptions } from "../infer/backend/native_backend.ts";
import { type CudaCommunicator, NativeDevice } from "../infer/backend/native_device.ts";
import { NativeWeights } from "../infer/backend/native_weights.ts";
import { StepBatch } from "../infer/backend/step_batch.ts";
import { openModel } from "../infer/model/open_model.ts";
import { cudaTest, LIBRARY, loadCuda, ROUNDING } from "./infer_cuda.ts";
import {
  deviceBytes,
  failAllocation,
  IS_EMULATION,
  openCommunicators,
  setNccl,
  setVariables,
} from "./infer_cuda_group.ts";
import {
  allLogits,
  BOUNDS,
  greedyTokens,
  MODELS,
  readGolden,
  relativeError,
} from "./infer_model.ts";

// A model on several GPUs, each with a part of it: `tensorParallel`. Where GPUs are emulated they
// meet by a NCCL for them too; on one real GPU its parts meet through the host.

/** As of one GPU: sums in another order. */
const STORED_ERROR_MAX = 1e-4;

// Data: golden models, and among how many GPUs their heads can be cut.
// deno-fmt-ignore
const CUTS: readonly (readonly [string, number])[] = [
  ["llama-square-llama3", 2], ["llama-tied-default", 2], ["llama-untied-llama3", 2],
  ["llama-untied-llama3", 4], ["llama-yarn", 2], ["llama-yarn", 4], ["qwen3-linear", 2],
  ["qwen3-linear", 4], ["qwen3-llama3", 2], ["qwen3-tied-default", 2], ["qwen3-untied-yarn", 2],
];

const QWEN = `${MODELS}qwen3-linear`;
const PROMPT = [...readGolden("qwen3-linear").inputIds];

/** A test that needs several GPUs, which are only there where they are emulated. */
function groupTest(name: string, body: () => Promise<void> | void): void {
  if (IS_EMULATION) cudaTest(`CUDA emulation: tensorParallel: ${name}`, body);
}

function loadParts(
  path: string,
  tensorParallel: number,
  options: Partial<NativeBackendOptions> = {},
): Promise<NativeBackend> {
  return loadCuda(path, { tensorParallel, communicator: "host", ...options });
}

for (const [name, parts] of CUTS) {
  cudaTest(
    `CUDA emulation: tensorParallel: ${name} in ${parts}, as transformers has it`,
    async () => {
      const golden = readGolden(name);
      using backend = await loadParts(MODELS + name, parts);
      assertEquals(backend.device.tensorParallel, parts);
      assertEquals(backend.device.communicator, "host");
      const { vocabularySize } = backend.config;
      const logits = allLogits(backend, golden.inputIds);
      const error = relativeError(logits, golden.logits, vocabularySize);
      assert(error <= STORED_ERROR_MAX * ROUNDING, `the relative error is ${error}`);
      const tokens = greedyTokens(backend, golden.inputIds, golden.greedy.length);
      assertEquals(tokens, [...golden.greedy]);
    },
  );
}
